"""A run's code in a folder of its own: its commit, and on top of it what was not committed."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text

WORKTREES = Path(".fieldguide", "reproduce")  # in the checkout
NO_HOOKS = ("-c", "core.hooksPath=/dev/null")  # DVC's would check data out


@contextmanager
def worktree(checkout: Path, name: str, commit: str, diff: str) -> Iterator[Path]:
    """Yield the project's folder in a git worktree, which stays when the block ends and goes when an error ends it.

    Raises UserError if the commit is not at hand, if the diff does not fit it, or if another process is at work here.
    """
    if not commit:
        raise UserError("the run was recorded outside a git repository: its code is not known")
    if _git(checkout, "cat-file", "-e", f"{commit}^{{commit}}"):
        raise UserError(
            f"the code is not at hand: this repository has no commit {commit}; `git fetch` from where it is"
        )
    place = checkout.resolve() / WORKTREES / name
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place.with_name(f"{name}.lock"), timeout=0):
            remove_worktree(checkout, name)
            try:
                yield add_worktree(checkout, place, commit, diff)
            except BaseException:
                remove_worktree(checkout, name)
                raise
    except Timeout:
        raise UserError(f"another process is making {name} again") from None


def remove_worktree(checkout: Path, name: str) -> None:
    """Remove a run's worktree, if there is one, and what git keeps about it."""
    drop_worktree(checkout, checkout / WORKTREES / name)


def drop_worktree(checkout: Path, place: Path) -> None:
    """Remove the worktree at a place, if there is one, and what git keeps about it."""
    if place.exists():
        shutil.rmtree(place)
    _git(checkout, "worktree", "unlock", str(place))  # git locks it while it makes it, and may have been killed then
    _git(checkout, "worktree", "prune")


def add_worktree(checkout: Path, place: Path, commit: str, diff: str = "") -> Path:
    """Make a worktree at a place that is empty, without running git's hooks; returns the project's folder in it.

    Raises UserError if git makes none, or if the diff does not fit the commit.
    """
    if error := _git(checkout, *NO_HOOKS, "worktree", "add", "--detach", str(place), commit):
        raise UserError(f"git makes no worktree: {error}")
    if diff:
        patch = place / ".uncommitted.diff"
        write_text(patch, diff)
        if error := _git(place, "apply", "--whitespace=nowarn", patch.name):
            raise UserError(f"what was not committed does not fit commit {commit[:12]}: {error}")
        patch.unlink()
    return place / project_folder(checkout)


def project_folder(checkout: Path) -> str:
    """Where the project is in its git repository: "" at the top."""
    command = ["git", "rev-parse", "--show-prefix"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()


def _git(folder: Path, *arguments: str) -> str:
    """Run git; returns in one line what it says if it fails, else ""."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return " ".join(done.stderr.split()) or "failed" if done.returncode else ""
