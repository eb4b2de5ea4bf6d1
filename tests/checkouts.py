"""A checkout with git and DVC as a person has them."""

import shutil
import subprocess
from pathlib import Path

from conftest import CHECKOUT, with_options
from fieldguide.base.paths import Paths
from warm import warm_python

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]


def git(root: Path, *arguments: str) -> str:
    return subprocess.run([*GIT, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def dvc(root: Path, *arguments: str) -> str:
    command = [warm_python(), "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def new_checkout(root: Path) -> Paths:
    """A folder with options of its own that git and DVC know as they know this checkout; nothing is in it yet."""
    paths = with_options(root)
    (root / ".dvc").mkdir()
    for name in (".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(CHECKOUT / name, root / name)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return paths
