"""Completion in a shell: every command, its options, files, and the options of conf/."""

import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import commands, put, run_command
from fieldguide.base.paths import Paths

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")

# What bash does when Tab is pressed at the end of a line: its words, in which = stands alone.
PRESS_TAB = """
source "$1"
COMP_LINE="$2" COMP_POINT=${#2} COMP_TYPE=9
COMP_WORDS=() word=""
for ((place = 0; place < ${#2}; place++)); do
  letter="${2:place:1}"
  case "$letter" in
    " ") COMP_WORDS+=("$word"); word="" ;;
    "=") COMP_WORDS+=("$word" "="); word="" ;;
    *) word+="$letter" ;;
  esac
done
COMP_WORDS+=("$word") COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
found=$(complete -p fieldguide)
found="${found##*-F }"
${found%% *} fieldguide "$word" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = run_command("completion", "bash", cwd=Path.cwd())
    assert (done.returncode, done.stderr) == (0, "")
    return put(tmp_path_factory.mktemp("completion") / "fieldguide.bash", done.stdout.encode())


def completed(script: Path, line: str, where: Path) -> set[str]:
    command = ["bash", "--noprofile", "--norc", "-c", PRESS_TAB, "bash", str(script), line]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return {word.strip() for word in done.stdout.splitlines() if word.strip()}


def test_bash_completes_every_command(script: Path, tmp_path: Path) -> None:
    assert completed(script, "fieldguide ", tmp_path) >= set(commands())
    assert completed(script, "fieldguide ro", tmp_path) == {"rollout"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("fieldguide runs --", {"--newest", "--all", "--json", "--help"}),
        ("fieldguide rollout with", {"withdraw"}),
        ("fieldguide predict x --format ", {"table", "csv", "jsonl"}),
        ("fieldguide predict bea", {"bear.jpg"}),
        ("fieldguide config resize=pa", {"pad", "pad_border", "pad_reflection"}),
        ("fieldguide sweep augment=st", {"standard", "strong"}),
        ("fieldguide show-batch gate=s", {"standard", "strict"}),
        ("fieldguide config resiz", {f"resize={name}" for name in ("crop", "random_crop", "squish")}),
    ],
)
def test_bash_completes_options_choices_files_and_overrides(
    script: Path, checkout: Paths, line: str, found: set[str]
) -> None:
    (checkout.root / "bear.jpg").touch()
    assert completed(script, line, checkout.root) >= found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_with_every_command(shell: str, tmp_path: Path) -> None:
    text = run_command("completion", shell, cwd=tmp_path).stdout
    assert all(command in text for command in commands())
    if shutil.which(shell):
        file = put(tmp_path / "script", text.encode())
        subprocess.run([shell, "-n", str(file)], check=True)
