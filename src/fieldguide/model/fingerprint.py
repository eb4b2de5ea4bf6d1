"""What a classifier follows from: configuration, inputs by hash, sources."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fieldguide.base.config import Config
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage

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


def report_record(paths: Paths) -> dict[str, str]:
    """What reports/index.html tells about, by hash; a missing file is "".

    The page itself is among it, so that one about a run that a check stopped is not taken for it.
    """
    files = {
        "model": paths.classifier,
        "evaluation": paths.metrics(Stage.EVALUATE),
        "screening": paths.screen_table,
        "page": paths.overview,
    }
    return {f"{name}_sha256": sha256_of_file(path) if path.exists() else "" for name, path in files.items()}


def code_digest() -> str:
    """A hash of the sources that a model follows from, as they are on disk: 16 hex digits."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for part in MODEL_SOURCES for path in (package / part).rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
