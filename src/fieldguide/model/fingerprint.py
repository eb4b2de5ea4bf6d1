"""What determines a classifier: configuration, inputs by hash, sources."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fieldguide.base.config import Config
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.stage_code import OWN_CHECKOUT, stage_code
from fieldguide.base.stage_names import Stage

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


def has_report(paths: Paths) -> bool:
    """Whether screening and reports/index.html are about the classifier and the evaluation in the checkout.

    After a new training they are those of an older one until `dvc repro` comes to them.
    """
    file = paths.metrics(Stage.REPORT)
    return file.exists() and report_record(paths).items() <= read_json(file).items()


def code_digest(checkout: Path = OWN_CHECKOUT) -> str:
    """A hash of the sources that determine a classifier, as they are on disk: 16 hex digits.

    They are those that the stage `train` runs through. After a change of any other source, kept features, checkpoints
    and finished sweep jobs remain valid.

    Parameters
    ----------
    checkout
        Where src/ is; by default where the code that runs is from.
    """
    return hashlib.sha256(stage_code(Stage.TRAIN, checkout).encode()).hexdigest()[:16]
