"""Running git: one way to call it, one way for it to fail, one reader of the user's name."""

import getpass
import os
import subprocess
from pathlib import Path

from fieldguide.base.errors import UserError

NO_HOOKS = ("-c", "core.hooksPath=/dev/null")  # DVC's hooks would check out data


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """What `git ARGUMENTS` prints in `folder`, byte for byte where it is UTF-8.

    `environment` is added to that of this process.

    Raises
    ------
    UserError
        If git is not installed or fails: what it says, in one line.
    """
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, check=False, env={**os.environ, **environment}
        )
    except FileNotFoundError:
        raise UserError("git is not installed, or not on PATH") from None
    if done.returncode:
        reason = " ".join(done.stderr.decode("utf-8", errors="replace").split())
        raise UserError(f"git {_subcommand(arguments)} failed: {reason or f'exit code {done.returncode}'}")
    return done.stdout.decode("utf-8", errors="replace")


def git_or_nothing(folder: Path, *arguments: str, **environment: str) -> str:
    """As `git`; "" where it fails, such as outside a repository or before the first commit."""
    try:
        return git(folder, *arguments, **environment)
    except UserError:
        return ""


def user_name(folder: Path) -> str:
    """The name that git would commit with in `folder`; "" where none is configured."""
    return git_or_nothing(folder, "config", "user.name").strip()


def user_or_account_name(folder: Path) -> str:
    """The name that git knows, else that of the account, else its number (containers may have no more)."""
    try:
        return user_name(folder) or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _subcommand(arguments: tuple[str, ...]) -> str:
    """`commit` of `-c name=value commit --quiet`."""
    words = iter(arguments)
    for word in words:
        if word == "-c":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""
