"""What DVC's cache holds is what was recorded, or it is told, and can be deleted so that DVC brings it back."""

from pathlib import Path

import pytest

from checkouts import dvc
from conftest import noise, put, run_command
from fieldguide.base.paths import Paths

pytestmark = pytest.mark.slow


@pytest.fixture
def tracked(checkout: Paths, tmp_path: Path) -> Paths:
    """A checkout with a data set of DVC's, and its content also in a remote."""
    for number in range(3):
        put(checkout.sources / "mine" / f"{number}.png", noise(number))
    dvc(checkout.root, "init", "--no-scm", "-q")
    dvc(checkout.root, "add", "-q", "data/sources/mine")
    dvc(checkout.root, "remote", "add", "-q", "-d", "elsewhere", str(tmp_path / "remote"))
    dvc(checkout.root, "push", "-q")
    return checkout


def test_damage_is_told_deleted_and_mended(tracked: Paths) -> None:
    fine = run_command("verify", cwd=tracked.root)
    assert fine.stdout == "all 4 files that DVC's cache holds of this checkout are as recorded\n"
    (kept,) = (file for file in (tracked.root / ".dvc" / "cache").rglob("*") if file.suffix == ".dir")
    picture = next(file for file in kept.parents[1].rglob("*") if file.is_file() and file != kept)
    for file in (picture, kept):
        file.chmod(0o644)
        content = file.read_bytes()
        file.write_bytes(content + b" ")  # a list with a space is still one
        file.chmod(0o444)
    told = run_command("verify", cwd=tracked.root)
    assert told.returncode == 1
    assert told.stderr.startswith("fieldguide: 2 of 4 files in DVC's cache are damaged (the first is ")
    assert told.stderr.count("\n") == 1
    assert picture.exists()
    deleted = run_command("verify", "--delete", cwd=tracked.root)
    assert deleted.returncode == 0
    assert not picture.exists() and not kept.exists()
    dvc(tracked.root, "pull", "-q")
    assert run_command("verify", cwd=tracked.root).stdout == fine.stdout


def test_without_a_cache_it_says_so(checkout: Paths) -> None:
    dvc(checkout.root, "init", "--no-scm", "-q")
    told = run_command("verify", cwd=checkout.root)
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert "`dvc repro` or `dvc pull` makes one" in told.stderr


def test_a_merge_conflict_is_one_line(checkout: Paths) -> None:
    dvc(checkout.root, "init", "--no-scm", "-q")
    (checkout.root / ".dvc" / "cache").mkdir(exist_ok=True)
    checkout.dvc_lock.write_text("<<<<<<< HEAD\nstages: {}\n=======\n")
    told = run_command("verify", cwd=checkout.root)
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert "dvc.lock is not what DVC writes: resolve its merge conflict" in told.stderr
    checkout.dvc_lock.write_text("")
    assert run_command("verify", cwd=checkout.root).returncode == 0
