"""What `fieldguide screen` says of batches of real photos, and the loss of accuracy that it expects: `source_shift.py`.

A classifier (logistic regression on frozen features), its screen and its reference come from most of the photos of
bears. Batches of 50 are drawn from the rest, as they are and changed, from another source of the same kinds (250
thumbnails from the web; the photos are resized to their size), and from other things. Three divisions of the photos.
The thresholds were chosen on these bears; other collections, which nobody chose anything by, are asked the same.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common import Figure, report
from real_pictures import SAMPLE, Seen, observations, seen

COMPARED = "batches of 50 real photos: the answer, and the expected loss of accuracy against the true one"
DIVISIONS, DRAWS, SIZE, LARGER = 3, 20, 50, 250
BEARS, OTHER, NOTHING = "bears", "thumbnails of the same kinds", "other things"
COLLECTIONS = (BEARS, "parts/steel", "parts/tiles", "field/stations", SAMPLE)
FEWEST = 8  # pictures of a label; labels with fewer are left out
SHARES = (0.3, 0.45)  # test, and with it valid
SAME = ("as they are", "as they are, small")
SHIFTED = ("night", "black_and_white", "hand_drawn", NOTHING)  # goal of the bears: at least 95 of 100
FEW_CHANGES = ("night", "hand_drawn")
CHANGES = (
    *("night", "black_and_white", "hand_drawn", "upside_down", "low_resolution", "rain", "motion_blur"),
    *("jpeg_damage", "partly_hidden", "strong_crop"),
)


@dataclass(frozen=True)
class World:
    """Pictures of one kind of batch, what may be drawn of them, and the position of each label (-1 for none)."""

    pictures: Seen
    rows: NDArray[np.intp]
    targets: NDArray[np.intp]


def measure() -> Iterator[Figure]:
    """The share of each answer in every collection, then, of the bears, the error of the expected loss."""
    for collection in COLLECTIONS:
        said: dict[str, list[tuple[str, float, float]]] = {}
        for division in range(DIVISIONS):
            for name, answers in _division(collection, division).items():
                said.setdefault(name, []).extend(answers)
        for name, answers in said.items():
            yield _share(collection, name, answers)
        if collection == BEARS:
            yield _error(said)


def _share(collection: str, name: str, answers: list[tuple[str, float, float]]) -> Figure:
    from fieldguide.prediction.batch_verdict import Kind

    shares = {kind: float(np.mean([answer[0] == kind for answer in answers])) for kind in Kind}
    counts = ", ".join(f"{kind} {share:.2f}" for kind, share in shares.items())
    expected, true = (np.mean([answer[place] for answer in answers]) for place in (1, 2))
    detail = f"{len(answers)} batches: {counts}; expected loss {100 * expected:+.1f} points, true {100 * true:+.1f}"
    same = name in SAME or name == OTHER
    goal = 0.05 if same else 0.95 if name == NOTHING or (name in SHIFTED and collection == BEARS) else None
    return Figure(f"{collection}, {name}: shifted", shares[Kind.SHIFTED], goal, same, unit="", detail=detail)


def _error(said: Mapping[str, list[tuple[str, float, float]]]) -> Figure:
    apart = {
        name: float(np.mean([abs(answer[1] - answer[2]) for answer in answers]))
        for name, answers in said.items()
        if name != NOTHING  # whose true accuracy is 0
    }
    worst = max(apart, key=lambda name: apart[name])
    detail = f"mean over {len(apart)} kinds of batches; worst {worst}, {100 * apart[worst]:.0f} points"
    mean = float(np.mean(list(apart.values())))
    return Figure("bears, expected loss: mean distance from the true one", mean, detail=detail)


def _division(collection: str, seed: int) -> Mapping[str, list[tuple[str, float, float]]]:
    """By kind of batch, of each batch the answer, the expected and the true loss of accuracy."""
    from scipy.special import softmax
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from fieldguide.data.duplicates import look_alike_groups
    from fieldguide.prediction.batch import named_columns
    from fieldguide.prediction.batch_verdict import expected_loss, kind_of
    from fieldguide.screening.detectors.nearest_neighbours import NearestNeighbours
    from fieldguide.screening.fitting import fit_screen
    from fieldguide.screening.screen import judge
    from fieldguide.statistics.temperature import fit_temperature
    from fieldguide.statistics.two_sample import detect_shift

    chance, detector = np.random.default_rng(seed), NearestNeighbours(detector="nearest_neighbours")
    found: dict[str, list[tuple[str, float, float]]] = {}
    others = seen("not_bears")
    for change in ("", "small") if collection == BEARS else ("",):  # as they are, and at the size of the thumbnails
        photos, turned = seen(collection, change), seen(collection, f"{change}{change and '_'}upside_down")
        counts = Counter(photos.labels.tolist())
        common = np.array([counts[label] >= FEWEST for label in photos.labels.tolist()])
        kinds = np.unique(photos.labels[common])
        targets = np.where(common, np.searchsorted(kinds, photos.labels).clip(0, len(kinds) - 1), -1)
        own = np.array(look_alike_groups(list(photos.hashes), 40))
        singles = np.unique(own, return_index=True)[1]
        if len(singles) < len(own) / 2:  # before one background all look alike
            singles = np.arange(len(own))
        singles = chance.permutation(singles[common[singles]])
        test, valid, train = np.split(singles, [int(share * len(singles)) for share in SHARES])
        model: Any = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=1000))
        model.fit(photos.raw[train], targets[train])
        temperature = fit_temperature(model.decision_function(photos.raw[valid]), targets[valid])
        known, down = observations(photos), observations(turned)
        screen = fit_screen(
            known[train],
            down[train],
            targets[train],
            known[valid],
            detector,
            frozen=True,
        ).screen
        if change:
            thumbnails = seen("bears_thumbs")
            groups = np.split(np.array(look_alike_groups([*photos.hashes, *thumbnails.hashes], 40)), [len(own)])
            unlike = np.flatnonzero(~np.isin(groups[1], groups[0]))
            worlds = {SAME[1]: World(photos, test, targets)}
            worlds[OTHER] = World(thumbnails, unlike, np.searchsorted(kinds, thumbnails.labels))
        else:
            worlds = {SAME[0]: World(photos, test, targets)}
            changes = CHANGES if collection == BEARS else FEW_CHANGES
            worlds |= {name: World(seen(collection, name), test, targets) for name in changes}
            nothing = np.full(len(others.labels), -1)
            worlds[NOTHING] = World(others, np.arange(len(nothing)), nothing)

        def answered(raw: NDArray[np.float32], model: Any = model, temperature: float = temperature) -> Any:
            return softmax(model.decision_function(raw) / temperature, axis=1)

        reference = answered(photos.raw[valid])
        columns = named_columns(list(kinds), reference, photos.measurements[valid])
        right = float((reference.argmax(axis=1) == targets[valid]).mean())
        for name, world in worlds.items():
            alarms = judge(screen, observations(world.pictures)).out_of_domain
            size = LARGER if name == OTHER else min(SIZE, len(test) // 2)
            for draw in range(DRAWS):
                rows = chance.choice(world.rows, size, replace=False)
                batch = answered(world.pictures.raw[rows])
                new = named_columns(list(kinds), batch, world.pictures.measurements[rows])
                shift = detect_shift(columns, new, photos.features[valid], world.pictures.features[rows], draw)
                loss = expected_loss(reference, batch)
                kind = kind_of(shift, int(alarms[rows].sum()), size, 0.05, loss)
                true = right - float((batch.argmax(axis=1) == world.targets[rows]).mean())
                found.setdefault(name, []).append((kind, loss.expected, true))
    return found


if __name__ == "__main__":
    report(lambda: list(measure()))
