"""The branch on which a job leaves its results; pushing and merging it is a person's choice."""

from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.git import NO_HOOKS, git, git_or_nothing

BRANCHES = "retrain/"
FALLBACK_IDENTITY = ("-c", "user.name=fieldguide retrain", "-c", "user.email=fieldguide@localhost")


def job_branches(checkout: Path) -> set[str]:
    """The numbers of the jobs that have a branch, here or on the remote that a clone came from."""
    places = (f"refs/heads/{BRANCHES}", f"refs/remotes/*/{BRANCHES}*")
    names = git(checkout, "for-each-ref", "--format=%(refname)", *places).split()
    return {number for name in names if (number := name.rpartition("/")[2]).isdecimal()}


def commit_results(checkout: Path, worktree: Path, job: str, data: str, message: str) -> tuple[str, str]:
    """Commit what a job changed in its worktree, and put it on the branch retrain/<job>; returns branch and commit.

    That is dvc.lock, the figures in reports/, decisions of people, and the data set's .dvc file. If none of it differs
    from the commit that is checked out, there is no branch, and its name is "".
    """
    branch = f"{BRANCHES}{job}"
    names = ("params.yaml", "dvc.lock", "reports", "data/reviews.csv", f"data/sources/{data}.dvc")
    git(worktree, "add", "--", *(name for name in names if (worktree / name).exists()))
    if git(worktree, "diff", "--cached", "--name-only"):
        identity = () if _has_identity(worktree) else FALLBACK_IDENTITY
        options = ("--quiet", "--no-verify", "--no-gpg-sign")  # nobody could enter a password
        git(worktree, *NO_HOOKS, *identity, "commit", *options, "--message", message)
    commit = _head(worktree)
    if commit == _head(checkout):
        return "", commit
    git(checkout, "update-ref", f"refs/heads/{branch}", commit)
    return branch, commit


def is_merged(checkout: Path, commit: str) -> bool:
    """Whether the commit that is checked out has this one among its ancestors, or is it."""
    return bool(commit) and git_or_nothing(checkout, "merge-base", "HEAD", commit).strip() == commit


def _has_identity(folder: Path) -> bool:
    try:
        git(folder, "var", "GIT_COMMITTER_IDENT")
    except UserError:
        return False
    return True


def _head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD").strip()
