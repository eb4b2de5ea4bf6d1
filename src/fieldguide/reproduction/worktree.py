"""A run's code in a folder of its own: its commit, and on top of it the uncommitted changes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.base.git import NO_HOOKS, git, git_or_nothing
from fieldguide.base.paths import STATE
from fieldguide.base.stage_code import stage_sources_file

WORKTREES = Path(STATE, "reproduce")  # in the checkout


@contextmanager
def worktree(checkout: Path, name: str, commit: str, diff: str) -> Iterator[Path]:
    """Yield the project's folder in a git worktree, which stays when the block ends and is removed on an error.

    Raises UserError if the commit is missing, if the diff does not apply, or if another process uses the folder.
    """
    if not commit:
        raise UserError("the run was recorded outside a git repository, without its code: it cannot be reproduced")
    try:
        git(checkout, "cat-file", "-e", f"{commit}^{{commit}}")
    except UserError:
        raise UserError(
            f"the code is missing, this repository has no commit {commit}: `git fetch` it from where it is"
        ) from None
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
        raise UserError(f"another process is reproducing {name}: wait for it") from None


def remove_worktree(checkout: Path, name: str) -> None:
    """Remove a run's worktree, if there is one, and what git keeps about it."""
    drop_worktree(checkout, checkout / WORKTREES / name)


def drop_worktree(checkout: Path, place: Path) -> None:
    """Remove the worktree at a place, if there is one, and what git keeps about it."""
    if place.exists():
        shutil.rmtree(place)
    # git locks a worktree while it makes it, and may have been killed then
    git_or_nothing(checkout, "worktree", "unlock", str(place))
    git_or_nothing(checkout, "worktree", "prune")


def add_worktree(checkout: Path, place: Path, commit: str, diff: str = "") -> Path:
    """Make a worktree at a place that is empty, without running git's hooks; returns the project's folder in it.

    Raises UserError if git makes none, or if the diff does not apply to the commit.
    """
    git(checkout, *NO_HOOKS, "worktree", "add", "--detach", str(place), commit)
    if diff:
        patch = place / ".uncommitted.diff"
        write_text(patch, diff)
        try:
            git(place, "apply", "--whitespace=nowarn", patch.name)
        except UserError as error:
            raise UserError(f"the uncommitted changes do not apply to commit {commit[:12]}: {error}") from None
        patch.unlink()
    folder = place / project_folder(checkout)
    if (known := stage_sources_file(checkout)).exists():  # of the same sources it need not be found out again
        copied = stage_sources_file(folder)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(known, copied)
    return folder


def project_folder(checkout: Path) -> str:
    """The project's folder in its git repository: "" at the top."""
    return git(checkout, "rev-parse", "--show-prefix").strip()
