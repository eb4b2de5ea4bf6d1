"""What determines a classifier: configuration, inputs by hash, sources."""

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fieldguide.base.config import Config
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage

OWN_CHECKOUT = Path(__file__).parents[3]  # the checkout that this code is from
TRAINING_SECTIONS = ("resize", "augment", "model", "schedule", "train", "seed")


def training_record(cfg: Config, paths: Paths) -> dict[str, Any]:
    """What determines a classifier: its configuration, its inputs by hash, and the fingerprint of both.

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


def report_record(paths: Paths) -> dict[str, str]:
    """The hashes of what reports/index.html is about; a missing file is "".

    The page itself is among it, so that one about a run that a check stopped is not taken for it.
    """
    files = {
        "model": paths.classifier,
        "evaluation": paths.metrics(Stage.EVALUATE),
        "screening": paths.screen_table,
        "page": paths.overview,
    }
    return {f"{name}_sha256": sha256_of_file(path) if path.exists() else "" for name, path in files.items()}


def code_digest(checkout: Path = OWN_CHECKOUT) -> str:
    """A hash of the sources that determine a classifier, as they are on disk: 16 hex digits.

    They are those that dvc.yaml names as `deps` of the stage `train`. After a change of any other source, kept
    features, checkpoints and finished sweep jobs remain valid.

    Parameters
    ----------
    checkout
        Where dvc.yaml and src/ are; by default where the code that runs is from.
    """
    digest = hashlib.sha256()
    for path in sorted(file for dep in _training_sources(checkout) for file in _files(checkout / dep)):
        digest.update(f"{path.relative_to(checkout).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _training_sources(checkout: Path) -> tuple[str, ...]:
    pipeline = yaml.safe_load((checkout / "dvc.yaml").read_text(encoding="utf-8"))
    return tuple(dep for dep in pipeline["stages"][Stage.TRAIN]["deps"] if dep.startswith("src/"))


def _files(path: Path) -> list[Path]:
    """The file itself, or all files of a folder but those that Python compiled."""
    inside = [path] if path.is_file() else path.rglob("*")
    return [file for file in inside if file.is_file() and "__pycache__" not in file.parts]
