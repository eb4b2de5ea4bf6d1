"""What a run starts from comes back by hash, in a worktree of its code; what is gone is named by its hash."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import run_module
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file, write_text
from fieldguide.reproduction.run_record import Run
from fieldguide.reproduction.starting_files import provide_start
from fieldguide.reproduction.worktree import worktree
from fieldguide.tracking.provenance import git_diff

pytestmark = pytest.mark.slow  # DVC and git, again and again

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
PIPELINE = """\
stages:
  weights: {cmd: echo w > backbone, deps: [code], outs: [backbone]}
  download: {cmd: cp -r data/sources/mine raw; echo raw > raw/z, deps: [data/sources/mine], outs: [raw]}
  clean: {cmd: cp -r raw clean; echo clean > clean/z, deps: [raw, data/sources/mine], outs: [clean]}
  split: {cmd: ls clean > split, deps: [clean], outs: [split]}
  train: {cmd: echo, deps: [split, backbone]}
  evaluate: {cmd: echo, deps: [split]}
"""


def git(root: Path, *arguments: str) -> str:
    return subprocess.run([*GIT, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def dvc(root: Path, *arguments: str) -> None:
    done = run_module("dvc", *arguments, cwd=root)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a pipeline of the same shape, of shell commands, after `dvc repro`. For reading only."""
    root = tmp_path_factory.mktemp("finished")
    git(root, "init", "-q")
    dvc(root, "init", "-q")
    write_text(root / "code", "1\n")
    write_text(root / "dvc.yaml", PIPELINE)
    for name in ("a", "b"):
        write_text(root / "data/sources/mine" / name, name)
    dvc(root, "add", "data/sources/mine")
    dvc(root, "repro")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "finished")
    return root


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "home", symlinks=True))


def run_in(root: Path, **other: Any) -> Run:
    """The record of a run of that pipeline."""
    known: dict[str, Any] = {
        **dict.fromkeys(("name", "title", "key"), "run"),
        "choices": {"data": "mine"},
        "config": {"model": {"weights": "random", "weights_sha256": None}},
        "overrides": [],
        "stages": [],
        "inputs": {},
        "metrics": {},
        "machine": {},
        **dict.fromkeys(("code", "packages", "model_sha256"), ""),
        "commit": git(root, "rev-parse", "HEAD").strip(),
        "diff": git_diff(root),
        "lock": (root / "dvc.lock").read_text(encoding="utf-8"),
    }
    return Run(**known | other)


def provided(home: Path, run: Run) -> tuple[list[str], dict[str, str]]:
    """The stages that remain, and the data that stand in the run's worktree."""
    with worktree(home, "run", run.commit, run.diff) as folder:
        stages = provide_start(home, folder, run)
        names = [
            path for path in ("backbone", "raw", "clean", "split", "data/sources/mine") if (folder / path).exists()
        ]
        return stages, {name: content(folder / name) for name in names}


def content(path: Path) -> str:
    return path.read_text() if path.is_file() else " ".join(file.read_text() for file in sorted(path.iterdir()))


def forget(home: Path, path: str) -> str:
    """Take what dvc.lock or a .dvc file says about a path out of the cache; returns the hash."""
    pointers = [home / "dvc.lock", *home.glob("data/sources/*.dvc")]
    found = [yaml.safe_load(pointer.read_text(encoding="utf-8")) for pointer in pointers]
    outs = [
        out for entry in found for part in [entry, *entry.get("stages", {}).values()] for out in part.get("outs", [])
    ]
    (md5,) = [out["md5"] for out in outs if out["path"] in (path, Path(path).name)]
    (home / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    return str(md5)


def test_data_come_from_the_cache_by_the_hashes_of_the_record(home: Path) -> None:
    """Although the checkout has gone on since."""
    run = run_in(home)
    write_text(home / "data/sources/mine" / "c", "c")
    dvc(home, "repro")
    git(home, "commit", "-qam", "more")
    stages, found = provided(home, run)
    assert stages == ["train", "evaluate"]
    assert found == {"backbone": "w\n", "clean": "a b clean\n", "split": "a\nb\nz\n"}


def test_what_the_cache_lacks_comes_from_a_remote(home: Path, tmp_path: Path) -> None:
    run = run_in(home)
    dvc(home, "remote", "add", "-d", "elsewhere", "../remote")
    dvc(home, "push")
    shutil.rmtree(home / ".dvc" / "cache")
    assert provided(home, run)[0] == ["train", "evaluate"]


def test_what_is_nowhere_is_made_again_from_what_came_before(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    md5 = forget(home, "clean")
    stages, found = provided(home, run_in(home))
    assert stages == ["clean", "train", "evaluate"]
    assert found == {
        "backbone": "w\n",
        "raw": "a b raw\n",
        "split": "a\nb\nz\n",
        "data/sources/mine": "a b",
    }
    assert f"clean ({md5}) is in neither DVC's cache nor a remote: making it again" in capsys.readouterr().out


def test_stages_that_a_job_ran_itself_are_run_again(home: Path) -> None:
    stages, found = provided(home, run_in(home, stages=["split", "train", "evaluate"]))
    assert stages == ["split", "train", "evaluate"]
    assert found == {"backbone": "w\n", "clean": "a b clean\n"}


def test_sources_come_from_the_checkout_if_they_are_the_same_there_and_are_named_if_gone(home: Path) -> None:
    run = run_in(home, lock="")
    md5 = forget(home, "data/sources/mine")
    stages, found = provided(home, run)
    assert stages == ["weights", "download", "clean", "split", "train", "evaluate"]
    assert found == {"data/sources/mine": "a b"}
    write_text(home / "data/sources/mine" / "a", "other")
    with pytest.raises(UserError, match=f"^data missing: data/sources/mine \\({md5}\\) is in neither"):
        provided(home, run)
    assert not (home / ".fieldguide" / "reproduce" / "run").exists()
    assert len(git(home, "worktree", "list").splitlines()) == 1


def test_a_file_of_weights_comes_from_the_checkout_by_its_hash(home: Path) -> None:
    write_text(home / "mine.pth", "weights")
    model = {"weights": "mine.pth", "weights_sha256": sha256_of_file(home / "mine.pth")}
    run = run_in(home, config={"model": model}, stages=["weights"])
    with worktree(home, "run", run.commit, "") as folder:
        assert provide_start(home, folder, run)[0] == "weights"
        assert (folder / "mine.pth").read_text() == "weights"
    write_text(home / "mine.pth", "other")
    with pytest.raises(UserError, match=f"data missing: the weights mine.pth \\(sha256 {model['weights_sha256']}\\)"):
        provided(home, run)


def test_what_was_not_committed_is_there_too(home: Path) -> None:
    """Edited files, with any line ends and bytes, and new files in conf/ and src/; the person's index stays."""
    (home / "code").write_bytes(b"1\r\n2\r\n")
    (home / "binary").write_bytes(bytes(range(256)))
    git(home, "add", "binary")
    write_text(home / "conf" / "resize" / "mine [1].yaml", "method: pad\n")
    write_text(home / "notes.txt", "mine\n")
    before = git(home, "status", "--porcelain")
    run = run_in(home)
    assert git(home, "status", "--porcelain") == before
    with worktree(home, "run", run.commit, run.diff) as folder:
        assert (folder / "code").read_bytes() == b"1\r\n2\r\n"
        assert (folder / "binary").read_bytes() == bytes(range(256))
        assert (folder / "conf" / "resize" / "mine [1].yaml").read_text() == "method: pad\n"
        assert not (folder / "notes.txt").exists()


def test_addresses_of_pictures_stay_in_the_checkout(home: Path) -> None:
    """They may hold tokens, and MLflow gets the difference."""
    write_text(home / "data" / "sources" / "own.csv", "url,label\n")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "a list")
    write_text(home / "data" / "sources" / "own.csv", "url,label\nhttps://example.org/1.jpg?token=secret,bear\n")
    write_text(home / "code", "changed\n")
    diff = git_diff(home)
    assert "changed" in diff
    assert "secret" not in diff


def test_code_that_is_not_at_hand_is_named(home: Path) -> None:
    commit = git(home, "rev-parse", "HEAD").strip()
    write_text(home / "code", "2\n")
    diff = git_diff(home)
    write_text(home / "code", "3\n")
    git(home, "commit", "-qam", "other")
    other = git(home, "rev-parse", "HEAD").strip()
    for name, patch, line in (
        ("", "", "the run was recorded outside a git repository"),
        ("1" * 40, "", f"the code is missing, this repository has no commit {'1' * 40}"),
        (other, diff, f"the uncommitted changes do not apply to commit {other[:12]}: "),
    ):
        with pytest.raises(UserError, match=f"^{line}"), worktree(home, "run", name, patch):
            pass
    with worktree(home, "run", commit, diff) as folder:
        assert (folder / "code").read_text() == "2\n"
        with pytest.raises(UserError, match="another process is reproducing run"), worktree(home, "run", commit, ""):
            pass
        assert (folder / "code").read_text() == "2\n"


def test_a_folder_of_which_one_file_is_gone_is_made_again(home: Path) -> None:
    md5 = hashlib.md5(b"clean\n", usedforsecurity=False).hexdigest()
    (home / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    stages, found = provided(home, run_in(home))
    assert stages == ["clean", "train", "evaluate"]
    assert found["raw"] == "a b raw\n"
