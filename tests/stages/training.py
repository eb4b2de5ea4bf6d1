"""What tests of training share: a fast configuration, and folders for results."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from fieldguide.base.config import Config, ModelConfig
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose

ROOT = Path(__file__).parents[2]
LABELS = ["black", "grizzly", "teddy"]
FAST = [
    "resize=squish",
    "augment=standard",
    "schedule=one_cycle",
    "train.size=32",
    "train.epochs=2",
    "train.batch_size=8",
    "train.precision=float32",
    "train.threads=1",
    "train.workers=0",
]


@cache
def of_the_project(*overrides: str) -> Config:
    """The project's own configuration, composed once; nobody may change it."""
    return compose(Paths(ROOT), overrides)


def composed(*overrides: str, **model: Any) -> Config:
    """The project's own configuration, made fast, with timm's smallest network."""
    cfg = deepcopy(of_the_project(*FAST, *overrides))
    cfg.model = ModelConfig(**{"arch": "test_resnet", "weights": "random", **model})
    return cfg


def linked(source: Paths, root: Path) -> Paths:
    """A folder of its own for results, over the same pictures and starting weights."""
    for name in ("data", "models"):
        (root / name).mkdir(parents=True)
        for path in (source.root / name).iterdir():
            (root / name / path.name).symlink_to(path)
    return Paths(root)
