"""Whether served probabilities of real photos are calibrated: `python bench/calibration_bears.py`.

Twenty divisions of the photos of bears, each with a head trained as `schedule: head_only` does and the temperature
fitted on its valid split; measured on its test split.
"""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common import ROOT, Figure, report
from real_pictures import seen

COMPARED = "calibration on real photos, head_only, 20 divisions: served probabilities against those without temperature"
SEEDS = 20
OPTIONS = (
    "schedule=head_only",
    "model=mobilenetv2_100",
    "augment=none",
    "train.epochs=30",
    "train.threads=1",
    "split.group_by=look_alike",
)
PER_BIN = 10  # pictures, of the debiased error by Kumar et al.
Z_95 = 1.645  # one-sided


@dataclass(frozen=True)
class Outcome:
    """Of the test pictures of one division: what is served, and what would be without a temperature."""

    targets: NDArray[np.intp]
    served: NDArray[np.float64]
    plain: NDArray[np.float64]
    temperature: float


def measure() -> Iterator[Figure]:
    """Calibration errors less their bias, and whether the temperature ever does harm."""
    from fieldguide.evaluation.metrics import losses
    from fieldguide.statistics.calibration import chance_calibration_error, expected_calibration_error

    outcomes = [_outcome(seed) for seed in range(SEEDS)]
    detail = f"{SEEDS} divisions, {np.mean([len(one.targets) for one in outcomes]):.0f} test pictures each"
    for title, values in (("served", _served), ("without temperature", _plain)):
        excess, squared = [], []
        for one in outcomes:
            found = values(one)
            confidence, right = found.max(axis=1), found.argmax(axis=1) == one.targets
            excess.append(expected_calibration_error(confidence, right) - chance_calibration_error(confidence))
            squared.append(_debiased_square(confidence, right))
        of_all = f"{detail}; {min(excess):.3f} to {max(excess):.3f}"
        mean = float(np.mean(np.maximum(excess, 0)))
        goal = 0.03 if values is _served else None
        yield Figure(f"{title}: ECE less what chance gives, at least 0", mean, goal, True, unit="", detail=of_all)
        root = max(0.0, float(np.mean(squared))) ** 0.5
        yield Figure(f"{title}: root mean square error, debiased (Kumar et al. 2019)", root, unit="", detail=detail)
    differences = [losses(one.targets, one.served) - losses(one.targets, one.plain) for one in outcomes]
    worse = [each.mean() > Z_95 * each.std() / len(each) ** 0.5 for each in differences]
    loss = [np.mean([losses(one.targets, values(one)).mean() for one in outcomes]) for values in (_served, _plain)]
    fitted = [one.temperature for one in outcomes]
    detail = f"mean log loss {loss[0]:.3f}, without {loss[1]:.3f}; temperatures {min(fitted):.2f} to {max(fitted):.2f}"
    yield Figure("divisions in which the temperature makes the log loss worse", float(sum(worse)), 0, True, "", detail)


def _served(one: Outcome) -> NDArray[np.float64]:
    return one.served


def _plain(one: Outcome) -> NDArray[np.float64]:
    return one.plain


def _outcome(seed: int) -> Outcome:
    import torch
    from torch import nn

    from fieldguide.base.paths import Paths
    from fieldguide.configuration.compose import compose
    from fieldguide.data.splits import split_pictures
    from fieldguide.data.status import Split
    from fieldguide.model.inference import calibrated
    from fieldguide.model.network import build_classifier, build_head
    from fieldguide.model.precision import Computing
    from fieldguide.statistics.temperature import fit_temperature
    from fieldguide.training.learner import fit
    from fieldguide.training.loaders import feature_loaders

    cfg, photos = compose(Paths(ROOT), list(OPTIONS)), seen("bears")
    table = pd.DataFrame(
        {"id": [f"{row:016x}" for row in range(len(photos.labels))], "perceptual_hash": photos.hashes}
    ).assign(label=photos.labels)
    sides = split_pictures(table, replace(cfg.split, seed=seed))["split"].to_numpy(str)
    vocabulary = sorted(set(photos.labels.tolist()))
    learned = np.flatnonzero(np.isin(sides, [Split.TRAIN, Split.VALID]))
    pictures = table.iloc[learned].assign(is_valid=sides[learned] == Split.VALID)
    features = torch.from_numpy(photos.raw)
    loaders = feature_loaders(pictures, photos.raw[learned], vocabulary, cfg.train, cfg.seed)
    torch.manual_seed(cfg.seed)
    head = build_head(build_classifier(nn.Identity(), features.shape[1], len(vocabulary)))
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        computing = Computing("float32", channels_last=False)
        checkpoint = Path(folder) / "checkpoint"
        fit(head, loaders, cfg.train, cfg.schedule, computing, cfg.seed, None, lambda *_: None, checkpoint, "")
    with torch.inference_mode():
        logits = head.eval()(features).double().numpy()
    targets = np.searchsorted(vocabulary, photos.labels)
    valid, test = sides == Split.VALID, sides == Split.TEST
    temperature = fit_temperature(logits[valid], targets[valid], cfg.train.label_smoothing)
    return Outcome(targets[test], calibrated(logits[test], temperature), calibrated(logits[test], 1.0), temperature)


def _debiased_square(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The squared calibration error over bins of equally many pictures, less the variance of each bin's accuracy."""
    total = 0.0
    for rows in np.array_split(np.argsort(confidence), len(confidence) // PER_BIN):
        accuracy = float(right[rows].mean())
        gap = float(confidence[rows].mean()) - accuracy
        total += len(rows) / len(confidence) * (gap**2 - accuracy * (1 - accuracy) / (len(rows) - 1))
    return total


if __name__ == "__main__":
    report(lambda: list(measure()))
