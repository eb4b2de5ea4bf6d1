"""What the documentation says exists: pages, links, commands, paths, rooms; and the site builds from it."""

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from fieldguide.base.config import GROUPS
from fieldguide.base.paths import Paths
from fieldguide.cli import _parser
from pipeline.test_architecture import ROOMS
from source_graph import ROOT

PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]
)
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
FILES = sorted(
    [
        *(ROOT / ".github").rglob("*.yml"),
        *(ROOT / "docs").rglob("*.yaml"),
        *(ROOT / name for name in ("mkdocs.yml", ".pre-commit-config.yaml", "CITATION.cff")),
    ]
)
LONGEST_README = 8000  # bytes
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


command_line = cache(_parser)


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def is_code(line: str) -> bool:
    return line.startswith("    ")


def code_lines(name: str) -> list[str]:
    return [line for line in text_of(name).splitlines() if is_code(line)]


def prose(name: str) -> str:
    return "\n".join(line for line in text_of(name).splitlines() if not is_code(line))


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands that a shell's pipes, redirections and lists are made of, each as its words."""
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    for is_mark, words in groupby(reader, lambda word: not word.strip("();<>|&")):
        if not is_mark:
            yield list(words)


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def unknown_words(words: list[str]) -> list[str]:
    """Of the words after `fieldguide`: commands and options that the command line does not have."""
    parser, unknown = command_line(), []
    for word in words:
        if word.startswith("-") and word != "-":
            known = {*parser._option_string_actions} if parser.prefix_chars == "-" else {word}
            unknown += [word] if word.partition("=")[0] not in known else []
        elif commands := subcommands(parser):
            if word not in commands:
                return [*unknown, word]
            parser = commands[word]
    return unknown


def table_paths(name: str) -> list[str]:
    rows = [line for line in text_of(name).splitlines() if line.startswith("|")]
    spans = [span for row in rows for span in SPAN.findall(row)]
    return [span for span in spans if "/" in span and re.fullmatch(r"[\w.*<>/-]+", span)]


@cache
def made_paths() -> set[str]:
    """What commands write: every path of `Paths` that is always the same, and the folders that git ignores."""
    paths = Paths(ROOT)
    names = [name for name, member in vars(Paths).items() if isinstance(member, property)]
    ignored = [line.strip("/") for line in text_of(".gitignore").splitlines() if re.fullmatch(r"/[^*]+/", line)]
    return {getattr(paths, name).relative_to(ROOT).as_posix() for name in names} - {"."} | set(ignored)


def is_there(path: str) -> bool:
    pattern = re.sub(r"<\w+>|\bNAME\b", "*", path).rstrip("/")
    outs = {out if isinstance(out, str) else next(iter(out)) for stage in stages().values() for out in stage["outs"]}
    made = made_paths() | outs
    return any(ROOT.glob(pattern)) or any(f"{pattern}/".startswith(f"{folder}/") for folder in made)


@cache
def stages() -> dict[str, dict[str, list[str | dict[str, object]]]]:
    found: dict[str, dict[str, list[str | dict[str, object]]]] = yaml.safe_load(text_of("dvc.yaml"))["stages"]
    return found


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):.*##", text_of("Makefile"), re.MULTILINE)) | {"test"}


class Fetched(HTMLParser):
    """The addresses that a browser fetches to show a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "link", "iframe"):
            self.addresses += [value for name, value in attrs if name in ("src", "href") and value]


@pytest.mark.slow
def test_the_site_builds_strictly_and_its_pages_fetch_nothing_from_the_network(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) >= len(list((ROOT / "docs").rglob("*.md")))
    for page in pages:
        fetched = Fetched(page.read_text(encoding="utf-8")).addresses
        assert fetched
        assert not [address for address in fetched if re.match(r"(https?:)?//", address)], page.name


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_a_file_and_a_heading(name: str) -> None:
    for link in LINK.findall(prose(name)):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(target.resolve().relative_to(ROOT).as_posix()), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings], link


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").encode()) <= LONGEST_README


def test_a_wrong_command_would_be_found() -> None:
    assert unknown_words(["rollout", "advance", "--why", "x"]) == []
    assert unknown_words(["rollout", "fly"]) == ["fly"]
    assert unknown_words(["predict", "--fly"]) == ["--fly"]
    assert unknown_words(["sweep", "--help"]) == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_in_blocks_are_what_the_command_line_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for line in code_lines(name):
        if "fieldguide" not in line.partition("#")[0] or line.lstrip().startswith("printf"):
            continue
        for words in simple_commands(line.strip()):
            if words[0] != "fieldguide":
                continue
            try:
                command_line().parse_args(words[1:])
            except SystemExit as end:
                assert not end.code, f"{line.strip()}: {capsys.readouterr().err}"


@pytest.mark.parametrize("name", NAMES)
def test_commands_in_sentences_exist(name: str) -> None:
    for span in SPAN.findall(prose(name)):
        first, *words = span.split()
        if first == "fieldguide":
            assert not unknown_words(words), span
        if first == "make" and words:
            assert words[0] in make_targets(), span


@pytest.mark.parametrize("name", NAMES)
def test_paths_in_tables_exist_or_are_made(name: str) -> None:
    assert [path for path in table_paths(name) if not is_there(path)] == []


def test_paths_that_do_not_exist_are_found() -> None:
    assert is_there("src/fieldguide/") and is_there("data/held/<job>/") and is_there("conf/checks/*.yaml")
    assert not is_there("src/fieldguide/attic/") and not is_there("data/nowhere/")


def test_the_table_of_choices_lists_every_option_of_every_group() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text_of("docs/choices.md"), re.MULTILINE)
    assert {group for group, _ in rows} == set(GROUPS)
    for group, options in rows:
        if group != "data":  # people add their own
            assert set(options.strip().split(", ")) == {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}


def test_the_tree_shows_the_rooms_in_their_order() -> None:
    block = text_of("CONTRIBUTING.md").partition("    src/fieldguide/\n")[2].partition("\n\n")[0]
    shown = re.findall(r"^      (\w+)/ +\S", block, re.MULTILINE)
    assert len(shown) == len(block.splitlines())
    assert shown == [room for room in ROOMS if (ROOT / "src" / "fieldguide" / room).is_dir()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_yaml_of_other_tools_can_be_read(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_the_workflow_calls_targets_that_exist() -> None:
    steps = yaml.safe_load(text_of(".github/workflows/ci.yml"))["jobs"]["test"]["steps"]
    called = [step["run"].split()[1] for step in steps if step.get("run", "").startswith("make ")]
    assert {"check", "test", "docs"} <= set(called) <= make_targets()


def test_hooks_run_what_the_environment_has() -> None:
    repos = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    tools = [hook["entry"].split()[0] for repo in repos for hook in repo["hooks"] if "entry" in hook]
    locked = {line.partition("==")[0] for line in text_of("requirements.lock").splitlines()}
    assert tools and {Path(tool).name for tool in tools} <= locked


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert f'version = "{citation["version"]}"' in text_of("pyproject.toml")
