"""The provenance of the results, and how to reproduce them."""

from typing import Any

from fieldguide.base.config import Config
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.screening.detectors import Detector


def chosen(cfg: Config) -> dict[str, str]:
    """The choices of this run, under their names in params.yaml."""
    detector: Detector = cfg.ood
    choices: dict[str, object] = {
        "data": cfg.choices["data"],
        "resize": cfg.choices["resize"],
        "augment": cfg.choices["augment"],
        "model": cfg.choices["model"],
        "schedule": cfg.choices["schedule"],
        "checks": cfg.choices["checks"],
        "ood": cfg.choices["ood"],
        "ood.alarm_rate": detector.alarm_rate,
        "seed": cfg.seed,
        "train.size": cfg.train.size,
        "train.epochs": cfg.train.epochs,
        "train.lr": cfg.train.lr,
        "train.batch_size": cfg.train.batch_size,
    }
    return {name: str(value) for name, value in choices.items()}


def provenance(paths: Paths, choices: dict[str, str], trained: bool) -> dict[str, Any]:
    """What the section shows; `trained`: whether the classifier in the checkout is of this run."""
    record = read_json(paths.classifier.with_suffix(".json"))["record"] if trained else {}
    return {"choices": list(choices.items()), "fingerprint": record.get("fingerprint", "")}
