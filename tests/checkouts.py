"""A checkout with git and DVC as a person has them."""

import shutil
import subprocess
import sys
from pathlib import Path

from conftest import CHECKOUT, FEW_CHECKS, PARAMS
from fieldguide.base.paths import Paths

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]


def git(root: Path, *arguments: str) -> str:
    return subprocess.run([*GIT, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def dvc(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def new_checkout(root: Path) -> Paths:
    shutil.copytree(CHECKOUT / "conf", root / "conf")
    (root / "conf" / "checks" / "few.yaml").write_text(FEW_CHECKS, encoding="utf-8")
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    shutil.copy(CHECKOUT / ".gitignore", root)
    git(root, "init", "-q")
    dvc(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return Paths(root)
