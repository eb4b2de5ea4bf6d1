"""Whether the promised rate of false alarms is kept on average: `python bench/alarm_rate.py`.

Run it in a checkout after `make repro` on the built-in sample. Twenty times another third of its pictures trains, and
the pictures that calibrate are drawn again and again from the rest, with the strangers that are planted among them. The
rate is that of the ordinary pictures that remain. Networks are small and trained from random weights; frozen features
are those of the maintainers' weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import trange

from common import ROOT, Figure, Skipped, report, shared
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress
from fieldguide.configuration.compose import compose
from fieldguide.data.csv_files import read_csv
from fieldguide.data.images import open_picture
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, read_table
from fieldguide.model.architecture import Architecture
from fieldguide.model.description import Preprocessing
from fieldguide.model.inference import Classifier
from fieldguide.model.network import build_classifier, count_features, normalization_of
from fieldguide.model.weights import file_body
from fieldguide.sample import SHIFTS
from fieldguide.screening import out_of_fold
from fieldguide.screening.detectors.nearest_neighbours import NearestNeighbours
from fieldguide.screening.feature_network import FeatureNetwork, feature_network_of
from fieldguide.screening.fitting import Learned, calibrate_screen, learn_screen
from fieldguide.screening.observations import Observations, observe_pairs, observe_pictures
from fieldguide.screening.screen import judge
from fieldguide.statistics.shares import calibrated_share

COMPARED = (
    "false alarms at 5 % promised, over 20 seeds and 40 draws of 103 calibration pictures each, 3 % of them planted"
)
SEEDS, DRAWS, CALIBRATING, PROMISED = 20, 40, 103, 0.05
REST = {"valid": 0.3, "test": 0.38}  # shares of the pictures that do not train
FROZEN_SIZE = 128  # pixels
MOBILENET = Architecture("timm", "mobilenetv2_100", {})


def measure() -> Iterator[Figure]:
    """How far the mean alarm rate is from the promised one, for trained and for frozen features."""
    home = Paths(ROOT)
    if not home.image_table.is_file() or not (home.raw / "truth.csv").is_file():
        raise Skipped("no pictures of the sample in this checkout: run `make repro` first")
    pictures = sample_pictures(home)
    yield from figures("trained", [trained(home, pictures, seed) for seed in trange(SEEDS, desc="trained features")])
    try:
        weights = shared("weights", "mobilenetv2_100.pth")
    except Skipped as reason:
        print(f"frozen features skipped: {reason}")
        return
    yield from figures("frozen", frozen(home, pictures, weights))


def sample_pictures(home: Paths) -> pd.DataFrame:
    """The kept pictures of the sample, and whether each is a planted stranger."""
    images = read_table(home.image_table, IMAGES)
    truth = read_csv(home.raw / "truth.csv")[["path", "planted"]]
    pictures = images[images["status"] == Status.KEPT].merge(truth, on="path", validate="one_to_one")
    return pictures.assign(strange=pictures["planted"].isin(SHIFTS)).sort_values("id", ignore_index=True)


def parted(home: Paths, pictures: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pictures that train, and those that calibrate or are judged, without look-alikes of the former."""
    sides = split_pictures(pictures, replace(compose(home).split, seed=seed, **REST))
    return sides[sides["split"] == Split.TRAIN], sides[sides["split"].isin([Split.VALID, Split.TEST])]


def trained(home: Paths, pictures: pd.DataFrame, seed: int) -> NDArray[np.float64]:
    """The alarm rates (draws,) with a network that was trained with this seed."""
    train, rest = parted(home, pictures, seed)
    vocabulary, targets = np.unique(train["label"].to_numpy(str), return_inverse=True)
    squares = torch.stack([out_of_fold.read_square(home.clean / path) for path in train["clean_path"]])
    with Progress("training", out_of_fold.EPOCHS, "epochs") as shown:
        network = out_of_fold.train_small(squares, torch.from_numpy(targets), len(vocabulary), seed, shown)
    classifier = classifier_of(network, out_of_fold.ARCHITECTURE, list(vocabulary), out_of_fold.SIZE)
    features = feature_network_of(classifier)
    upright, turned = observe_pairs(classifier, features, opened(home, train))
    seen = observe_pictures(classifier, features, opened(home, rest))
    learned = learn_screen(upright, turned, targets, NearestNeighbours("nearest_neighbours"))
    return alarm_rates(learned, seen, rest["strange"].to_numpy(bool), seed, frozen=False)


def frozen(home: Paths, pictures: pd.DataFrame, weights: Path) -> list[NDArray[np.float64]]:
    """The alarm rates (draws,) of every seed with the features of a body that is not trained."""
    vocabulary, targets = np.unique(pictures["label"].to_numpy(str), return_inverse=True)
    body = file_body(MOBILENET, weights, sha256_of_file(weights))
    network = build_classifier(body, count_features(body, FROZEN_SIZE), len(vocabulary))
    classifier = classifier_of(network, MOBILENET, list(vocabulary), FROZEN_SIZE)
    features: FeatureNetwork = feature_network_of(classifier)
    upright, turned = observe_pairs(classifier, features, opened(home, pictures))
    rates = []
    for seed in trange(SEEDS, desc="frozen features"):
        train, rest = (part.index.to_numpy() for part in parted(home, pictures, seed))
        detector = NearestNeighbours("nearest_neighbours")
        learned = learn_screen(upright[train], turned[train], targets[train], detector)
        rates.append(alarm_rates(learned, upright[rest], pictures["strange"].to_numpy(bool)[rest], seed, frozen=True))
    return rates


def classifier_of(network: Any, architecture: Architecture, vocabulary: list[str], size: int) -> Classifier:
    """A classifier of a network in memory."""
    normalization = normalization_of(architecture, network.get_submodule("body"))
    preprocessing = Preprocessing(150.0, 320, "squish", "zeros", size, normalization)
    return Classifier(network.eval().to(memory_format=torch.channels_last), vocabulary, preprocessing, 1.0)


def opened(home: Paths, rows: pd.DataFrame) -> Iterator[Any]:
    """The cleaned pictures, one after the other."""
    return (open_picture(home.clean / path, 150) for path in rows["clean_path"])


def alarm_rates(
    learned: Learned, seen: Observations, strange: NDArray[np.bool_], seed: int, *, frozen: bool
) -> NDArray[np.float64]:
    """The share (draws,) of ordinary pictures with an alarm, for every draw of the pictures that calibrate."""
    chance, rates = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        order = chance.permutation(len(seen))
        screen = calibrate_screen(learned, seen[order[:CALIBRATING]], frozen=frozen).screen
        judged = order[CALIBRATING:]
        rates.append(judge(screen, seen[judged[~strange[judged]]]).out_of_domain.mean())
    return np.array(rates)


def figures(kind: str, rates: Sequence[NDArray[np.float64]]) -> Iterator[Figure]:
    """The distance of the mean from the promise, and how often a rate is in the interval that is told beside it."""
    every = np.stack(rates)
    of_seeds = every.mean(axis=1)
    detail = (
        f"mean {every.mean():.4f}, standard deviation {every.std():.4f}; "
        f"means of the seeds {of_seeds.min():.3f} to {of_seeds.max():.3f}"
    )
    distance = 100 * abs(every.mean() - PROMISED)
    yield Figure(f"{kind} features: mean from the promised 5", distance, 1, True, "points", detail)
    low, high = calibrated_share(PROMISED, CALIBRATING)
    inside = float(((every >= low) & (every <= high)).mean())
    yield Figure(f"{kind} features: rates in the interval told", inside, unit="", detail=f"{low:.3f} to {high:.3f}")


if __name__ == "__main__":
    report(lambda: list(measure()))
