"""Training through fieldguide's own stage, timed by its epochs."""

import logging
import time
from pathlib import Path

from common import cores
from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.base.runner import EPOCHS
from fieldguide.configuration.compose import compose
from fieldguide.stages import train, weights


def configured(root: Path, model: str, *overrides: str) -> Config:
    """The checkout's configuration with random weights, training on all usable cores."""
    fixed = ["augment=standard", "schedule=one_cycle", "model.weights=random", f"train.threads={cores()}"]
    return compose(Paths(root), [f"model={model}", *fixed, *overrides])


def make_weights(cfg: Config, root: Path) -> None:
    """Random weights to start from."""
    weights.run(cfg, Paths(root))


def epoch_seconds(cfg: Config, root: Path) -> float:
    """Seconds that the last epoch of `train` takes, its validation included; `cfg.train.epochs` must be 2 or more."""
    times: list[float] = []
    handler = logging.Handler()
    handler.emit = lambda _: times.append(time.perf_counter())  # type: ignore[method-assign]
    EPOCHS.addHandler(handler)
    EPOCHS.setLevel(logging.INFO)
    try:
        train.run(cfg, Paths(root))
    finally:
        EPOCHS.removeHandler(handler)
    return times[-1] - times[-2]
