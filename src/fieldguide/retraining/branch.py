"""The branch on which a job leaves its results; pushing and merging it is a person's choice."""

import subprocess
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.reproduction.worktree import NO_HOOKS

BRANCHES = "retrain/"
NOBODY = ("-c", "user.name=fieldguide retrain", "-c", "user.email=fieldguide@localhost")


def job_branches(checkout: Path) -> set[str]:
    """The numbers of the jobs that have a branch, here or, as a fresh clone knows them, where it was cloned from."""
    places = (f"refs/heads/{BRANCHES}", f"refs/remotes/*/{BRANCHES}*")
    names = _git(checkout, "for-each-ref", "--format=%(refname)", *places).split()
    return {number for name in names if (number := name.rpartition("/")[2]).isdecimal()}


def commit_results(checkout: Path, worktree: Path, job: str, data: str, message: str) -> str:
    """Commit what a job changed in its worktree, and let the branch retrain/<job> name it; returns the branch.

    That is dvc.lock, the figures in reports/, decisions of people, and the data set's .dvc file. If none of it differs
    from the commit that is checked out, there is no branch, and "" is returned.
    """
    branch = f"{BRANCHES}{job}"
    names = ("params.yaml", "dvc.lock", "reports", "data/reviews.csv", f"data/sources/{data}.dvc")
    _git(worktree, "add", "--", *(name for name in names if (worktree / name).exists()))
    if _git(worktree, "diff", "--cached", "--name-only"):
        identity = () if _has_identity(worktree) else NOBODY
        options = ("--quiet", "--no-verify", "--no-gpg-sign")  # nobody is there to be asked for a password
        _git(worktree, *NO_HOOKS, *identity, "commit", *options, "--message", message)
    if _git(worktree, "rev-parse", "HEAD") == _git(checkout, "rev-parse", "HEAD"):
        return ""
    _git(checkout, "update-ref", f"refs/heads/{branch}", _git(worktree, "rev-parse", "HEAD"))
    return branch


def _has_identity(folder: Path) -> bool:
    done = subprocess.run(["git", "var", "GIT_COMMITTER_IDENT"], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {arguments[0]} failed: {' '.join(done.stderr.split())}")
    return done.stdout.strip()
