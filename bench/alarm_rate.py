"""Whether the promised rate of false alarms is kept on average: `python bench/alarm_rate.py`.

Run it in a checkout after `make repro` on the built-in sample. Twenty times another third of its pictures trains, as
divided by look-alikes and by sites, and what calibrates is drawn again and again from the rest: whole groups, with the
strangers that are planted among them. The rate is that of the ordinary pictures that remain. Networks are small and
trained from random weights; frozen features are those of the maintainers' weights.

What a network sees is kept in the temporary folder of the system, and so are the rates of each seed, until the code of
screening changes: a stopped measurement goes on where it was, and other numbers of screening are tried in minutes.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from common import ROOT, Figure, Skipped, report, shared
from fieldguide.base.files import read_json, replace_file, sha256_of_file, write_json
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress
from fieldguide.configuration.compose import compose
from fieldguide.data.csv_files import read_csv
from fieldguide.data.groups import group_numbers
from fieldguide.data.images import open_picture
from fieldguide.data.split_keys import LOOK_ALIKE, SITE
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, read_table
from fieldguide.model.architecture import Architecture
from fieldguide.model.description import Preprocessing
from fieldguide.model.inference import Classifier
from fieldguide.model.network import build_classifier, count_features, normalization_of
from fieldguide.model.torch_network import ObservedNetwork, TorchNetwork
from fieldguide.model.weights import file_body
from fieldguide.sample import SHIFTS
from fieldguide.screening import out_of_fold
from fieldguide.screening.detectors.nearest_neighbours import NearestNeighbours
from fieldguide.screening.fitting import calibrate_screen, learn_screen
from fieldguide.screening.observations import Observations, observe_pairs, observe_pictures
from fieldguide.screening.screen import judge
from fieldguide.statistics.shares import calibrated_share

COMPARED = (
    "false alarms at 5 % promised, over 20 seeds and 40 draws of 103 calibration pictures each, 4.5 % of them planted"
)
SEEDS, DRAWS, CALIBRATING, PROMISED = 20, 40, 103, 0.05
REST = {"valid": 0.3, "test": 0.38}  # shares of the pictures that do not train
FROZEN_SIZE = 128  # pixels
MOBILENET = Architecture("timm", "mobilenetv2_100", {})
KEPT = Path(tempfile.gettempdir()) / "fieldguide-alarm-rate"


@dataclass(frozen=True)
class Case:
    """Features of a network that was trained on the pictures or not, how they are divided, and the seed of it all."""

    features: str
    split: str
    seed: int


def measure() -> Iterator[Figure]:
    """How far the mean alarm rate is from the promised one, for trained and for frozen features, by both splits."""
    home = Paths(ROOT)
    if not home.image_table.is_file() or not (home.raw / "truth.csv").is_file():
        raise Skipped("no pictures of the sample in this checkout: run `make repro` first")
    pictures = sample_pictures(home)
    for features in ("frozen", "trained"):
        for split in (LOOK_ALIKE, SITE):
            cases = [Case(features, split, seed) for seed in range(SEEDS)]
            try:
                found = [rates(home, pictures, case) for case in tqdm(cases, f"{features}, {split}")]
            except Skipped as reason:
                print(f"{features} features skipped: {reason}")
                break
            yield from figures(f"{features} features, split by {split}", found)


def sample_pictures(home: Paths) -> pd.DataFrame:
    """The kept pictures of the sample, and whether each is a planted stranger."""
    images = read_table(home.image_table, IMAGES)
    truth = read_csv(home.raw / "truth.csv")[["path", "planted"]]
    pictures = images[images["status"] == Status.KEPT].merge(truth, on="path", validate="one_to_one")
    return pictures.assign(strange=pictures["planted"].isin(SHIFTS)).sort_values("id", ignore_index=True)


def rates(home: Paths, pictures: pd.DataFrame, case: Case) -> dict[str, list[float]]:
    """Of every draw the alarm rate, and the ends of the interval that is told beside the promise; kept in a file."""
    file = KEPT / f"{case.features}-{case.split}-{case.seed}-{screening_digest()}.json"
    if not file.is_file():
        write_json(file, alarm_rates(home, pictures, case))
    return dict(read_json(file))


@cache
def screening_digest() -> str:
    """Of the code that the rates follow from, beside what the networks saw."""
    files = [Path(__file__), *sorted((ROOT / "src" / "fieldguide" / "screening").rglob("*.py"))]
    files += sorted((ROOT / "src" / "fieldguide" / "statistics").glob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def alarm_rates(home: Paths, pictures: pd.DataFrame, case: Case) -> dict[str, list[float]]:
    """The same, drawn anew: whole groups calibrate, and what is told follows from them alone."""
    train, rest = parted(home, pictures, case)
    frozen = case.features == "frozen"
    upright, turned, seen = observed(home, pictures, train, rest, case)
    targets = np.unique(train["label"].to_numpy(str), return_inverse=True)[1]
    detector = NearestNeighbours("nearest_neighbours")
    learned = learn_screen(upright, turned, targets, detector, group_numbers(train))
    strange, groups = rest["strange"].to_numpy(bool), group_numbers(rest)
    chance = np.random.default_rng(case.seed)
    found: dict[str, list[float]] = {"rate": [], "low": [], "high": [], "outliers": []}
    for _ in range(DRAWS):
        sizes = np.bincount(groups)
        order = chance.permutation(len(sizes))
        drawn = order[: 1 + int(np.searchsorted(sizes[order].cumsum(), CALIBRATING))]
        calibrating = np.isin(groups, drawn)
        in_order = pd.factorize(groups[calibrating])[0]
        fitted = calibrate_screen(learned, seen[calibrating], in_order, frozen=frozen)
        alarms = judge(fitted.screen, seen[~calibrating & ~strange]).out_of_domain
        low, high = calibrated_share(PROMISED, fitted.screen.calibration.effective)
        for name, value in (("rate", alarms.mean()), ("low", low), ("high", high), ("outliers", fitted.outliers)):
            found[name].append(float(value))
    return found


def parted(home: Paths, pictures: pd.DataFrame, case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pictures that train, and those that calibrate or are judged, without look-alikes of the former."""
    chosen = replace(compose(home).split, seed=case.seed, group_by=case.split, **REST)
    sides = split_pictures(pictures, chosen)
    return sides[sides["split"] == Split.TRAIN], sides[sides["split"].isin([Split.VALID, Split.TEST])]


def observed(
    home: Paths, pictures: pd.DataFrame, train: pd.DataFrame, rest: pd.DataFrame, case: Case
) -> tuple[Observations, Observations, Observations]:
    """What the network sees of the pictures that train, of the same turned by 180 degrees, and of the others."""
    if case.features == "frozen":

        def look() -> tuple[Observations, ...]:
            classifier = frozen_classifier(pictures)
            return observe_pairs(classifier, classifier.network, opened(home, pictures))

        upright, turned = kept("frozen", 2, look)
        rows, others = train.index.to_numpy(), rest.index.to_numpy()
        return upright[rows], turned[rows], upright[others]

    def train_and_look() -> tuple[Observations, ...]:
        classifier = trained_classifier(home, train, case.seed)
        both = observe_pairs(classifier, classifier.network, opened(home, train))
        return *both, observe_pictures(classifier, classifier.network, opened(home, rest))

    upright, turned, seen = kept(f"trained-{case.split}-{case.seed}", 3, train_and_look)
    return upright, turned, seen


def kept(name: str, parts: int, look: Callable[[], tuple[Observations, ...]]) -> list[Observations]:
    """So many observations as `look` makes them, or made them before."""
    file = KEPT / f"{name}.npz"
    names = [field.name for field in fields(Observations)]
    if not file.is_file():
        seen = [{key: np.asarray(getattr(one, key)) for key in names} for one in look()]
        file.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(file) as partial, partial.open("wb") as stream:
            np.savez(stream, **{f"{key} {part}": one[key] for part, one in enumerate(seen) for key in names})
    with np.load(file) as content:
        found = [{key: content[f"{key} {part}"] for key in names} for part in range(parts)]
    return [Observations(**one) for one in found]


def trained_classifier(home: Paths, train: pd.DataFrame, seed: int) -> Classifier:
    """A small network that has learned these pictures."""
    vocabulary, targets = np.unique(train["label"].to_numpy(str), return_inverse=True)
    squares = torch.stack([out_of_fold.read_square(home.clean / path) for path in train["clean_path"]])
    network = out_of_fold.small_network(len(vocabulary), seed)
    with Progress("training", out_of_fold.EPOCHS, "epochs") as shown:
        out_of_fold.train_small(network, squares, torch.from_numpy(targets), torch.arange(len(targets)), seed, shown)
    return classifier_of(network, out_of_fold.ARCHITECTURE, list(vocabulary), out_of_fold.SIZE)


def frozen_classifier(pictures: pd.DataFrame) -> Classifier:
    """One on the features of the maintainers' weights; its answers are not asked."""
    weights = shared("weights", "mobilenetv2_100.pth")
    vocabulary = sorted(set(pictures["label"]))
    body = file_body(MOBILENET, weights, sha256_of_file(weights))
    network = build_classifier(body, count_features(body, FROZEN_SIZE), len(vocabulary))
    return classifier_of(network, MOBILENET, vocabulary, FROZEN_SIZE)


def classifier_of(network: Any, architecture: Architecture, vocabulary: list[str], size: int) -> Classifier:
    """A classifier of a network in memory."""
    body, head = network.get_submodule("body"), network.get_submodule("head")
    normalization = normalization_of(architecture, body)
    asked = TorchNetwork(ObservedNetwork(body, head, normalization, size), "cpu")
    return Classifier(asked, vocabulary, Preprocessing(150.0, 320, "squish", "zeros", size, normalization), 1.0)


def opened(home: Paths, rows: pd.DataFrame) -> Iterator[Any]:
    """The cleaned pictures, one after the other."""
    return (open_picture(home.clean / path, 150) for path in rows["clean_path"])


def figures(kind: str, found: Sequence[dict[str, list[float]]]) -> Iterator[Figure]:
    """The distance of the mean from the promise, and how often a rate is in the interval that is told beside it."""
    rate, low, high = (np.array([one[name] for one in found]) for name in ("rate", "low", "high"))
    of_seeds = rate.mean(axis=1)
    error = of_seeds.std(ddof=1) / len(found) ** 0.5
    detail = (
        f"mean {rate.mean():.4f}, standard error {error:.4f}, standard deviation {rate.std():.4f}; "
        f"means of the seeds {of_seeds.min():.3f} to {of_seeds.max():.3f}"
    )
    distance = 100 * abs(rate.mean() - PROMISED)
    yield Figure(f"{kind}: mean from the promised 5", distance, 1, True, "points", detail)
    inside = float(((rate >= low) & (rate <= high)).mean())
    detail = f"on average {low.mean():.3f} to {high.mean():.3f}"
    yield Figure(f"{kind}: rates in the interval told", inside, 0.9, unit="of 1", detail=detail)


if __name__ == "__main__":
    report(lambda: list(measure()))
