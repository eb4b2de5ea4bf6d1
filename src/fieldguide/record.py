"""What is needed to make a run again: configuration, inputs by hash, code, versions, command."""

import hashlib
import json
import os
import platform
import re
import subprocess
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from fieldguide.base.config import Config
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths

MODEL_SOURCES = ("base", "data", "model", "evaluation", "stages")
TRAINING_SECTIONS = ("resize", "augment", "model", "schedule", "train", "seed")


def training_record(cfg: Config, paths: Paths) -> dict[str, Any]:
    """What a classifier follows from: its configuration, its inputs by hash, and the fingerprint of both.

    Two trainings with the same fingerprint give the same weights on the same machine.
    """
    parts = asdict(cfg)
    del parts["train"]["workers"]  # changes the speed only
    del parts["model"]["weights"]  # may be a path of this machine; what it holds is among the inputs
    content = {
        "choices": {group: option for group, option in cfg.choices.items() if group in TRAINING_SECTIONS},
        "config": {section: parts[section] for section in TRAINING_SECTIONS},
        "inputs": {"split": sha256_of_file(paths.split_table), "backbone": sha256_of_file(paths.backbone)},
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return {**content, "fingerprint": hashlib.sha256(canonical.encode()).hexdigest()}


def code_digest() -> str:
    """A hash of the sources that a model follows from, as they are on disk: 16 hex digits."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for part in MODEL_SOURCES for path in (package / part).rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def git_commit(root: Path) -> str:
    """The commit that is checked out, or "" outside a git repository."""
    return _git(root, "rev-parse", "HEAD").strip()


def git_diff(root: Path) -> str:
    """What differs from that commit in tracked files, without what a run of the pipeline itself changes."""
    return _git(root, "diff", "HEAD", "--", ".", ":!reports", ":!dvc.lock")


def package_versions() -> str:
    """The installed packages as `name==version` lines, sorted."""
    lines = {f"{distribution.name}=={distribution.version}" for distribution in distributions() if distribution.name}
    return "\n".join(sorted(lines, key=str.lower)) + "\n"


def machine() -> dict[str, str]:
    """Python and processor kind; the same bytes are promised on the same kind only."""
    return {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}


def command() -> str:
    """The outermost dvc, mlflow or fieldguide command above this process, without passwords in addresses."""
    import psutil

    found = ""
    for process in psutil.Process(os.getpid()).parents():
        try:
            words = [Path(word).name if number < 2 else word for number, word in enumerate(process.cmdline())]
        except psutil.Error:
            break
        for position, word in enumerate(words[:2]):
            if word in ("dvc", "mlflow", "fieldguide"):
                found = " ".join(words[position:])
    return re.sub(r"//[^/@\s]+@", "//***@", found)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
