"""How often `retrain` holds deliveries back for their labels, rightly and wrongly: `python bench/delivery_labels.py`.

Deliveries of 60 real pictures to a data set of others, from the same source (the same folder) or another one (photos
of bears and thumbnails of the same kinds), 100 of each kind. In 9 of the 60 the label is another one: any other, or
one kind called another as a person's mistake is. The photos hold a few per cent of honest wrong labels besides.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from common import Figure, report
from real_pictures import SAMPLE, observations, seen

COMPARED = "deliveries of 60 real pictures held back for their labels"
DRAWS, SIZE, WRONG = 100, 60, 9
DIVISIONS, POOL = 5, 120  # of a source into a data set and pictures that arrive; the models are made once for each
KINDS = {"clean": 0, "15 % wrong": WRONG, "15 % wrong, one kind called another": WRONG}
PAIRS = (  # the data set, what arrives
    ("bears", "bears"),
    ("bears", "bears_thumbs"),
    ("bears_thumbs", "bears"),
    ("bears_thumbs", "bears_thumbs"),
    ("parts/steel", "parts/steel"),
    (SAMPLE, SAMPLE),
)


def measure() -> Iterator[Figure]:
    """Every delivery without a champion, and with one, whose screen leaves out what is strange."""
    for source, arriving in PAIRS:
        held: dict[tuple[bool, str], list[bool]] = {}
        for known, new in _divisions(source, arriving):
            for key, answers in _answers(source, arriving, known, new).items():
                held.setdefault(key, []).extend(answers)
        for (champion, kind), answers in held.items():
            name = f"{arriving} to {source}, {'with' if champion else 'without'} a champion: {kind}"
            wrong = KINDS[kind]
            detail = f"{len(answers)} deliveries of {SIZE}"
            yield Figure(name, float(np.mean(answers)), 0.95 if wrong else 0.05, not wrong, unit="", detail=detail)


def _divisions(source: str, arriving: str) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The rows of the data set, and those of what may arrive: no two look-alikes in both together."""
    from fieldguide.data.duplicates import look_alike_groups

    hashes = seen(source).hashes
    if source != arriving:
        groups = np.split(np.array(look_alike_groups([*hashes, *seen(arriving).hashes], 40)), [len(hashes)])
        theirs = _singles(groups[1])
        yield _singles(groups[0]), theirs[~np.isin(groups[1][theirs], groups[0])]
        return
    singles = _singles(np.array(look_alike_groups(list(hashes), 40)))
    for division in range(DIVISIONS):
        shuffled = np.random.default_rng(division).permutation(singles)
        yield shuffled[POOL:], shuffled[:POOL]


def _answers(
    source: str, arriving: str, known: NDArray[np.intp], new: NDArray[np.intp]
) -> dict[tuple[bool, str], list[bool]]:
    """By champion and kind, of each delivery whether it is held back."""
    from fieldguide.base.config import RetrainConfig
    from fieldguide.retraining.label_checks import find_doubts
    from fieldguide.retraining.triggers import Facts, decide
    from fieldguide.screening.label_doubts import out_of_fold

    ours, theirs = seen(source), seen(arriving)
    labels = [*ours.labels[known], *theirs.labels[new]]
    alone = [str(number) for number in range(len(labels))]  # look-alikes are left out before
    taught = np.arange(len(labels)) < len(known)  # so the probabilities are the same whatever labels the new ones get
    probabilities = out_of_fold(np.concatenate([ours.raw[known], theirs.raw[new]]), labels, alone, 0, taught)
    old, arrived = probabilities[: len(known)], probabilities[len(known) :]
    inside = {False: np.ones(len(new), bool), True: ~_strange(source, arriving)[new]}
    found: dict[tuple[bool, str], list[bool]] = {}
    for draw in range(DRAWS if source != arriving else DRAWS // DIVISIONS):
        chance = np.random.default_rng([draw, *known[:4]])
        rows = chance.choice(len(new), SIZE, replace=False)
        for kind, wrong in KINDS.items():
            given = _mislabelled(theirs.labels[new[rows]], wrong, "called" in kind, chance)
            for champion, counted in inside.items():
                some = counted[rows]
                both = np.concatenate([old, arrived[rows[some]]])
                is_new = np.arange(len(both)) >= len(known)
                doubts = find_doubts(both, [*ours.labels[known], *given[some]], is_new, [""] * len(both))
                held = decide(Facts(doubts=doubts), RetrainConfig()).hold
                found.setdefault((champion, kind), []).append(held)
    return found


def _singles(groups: NDArray[np.int64]) -> NDArray[np.intp]:
    """One picture of every group of look-alikes."""
    return np.unique(groups, return_index=True)[1]


def _mislabelled(labels: NDArray[np.str_], wrong: int, one_way: bool, chance: np.random.Generator) -> NDArray[np.str_]:
    kinds = np.unique(labels)
    given = labels.copy()
    shift = chance.integers(1, len(kinds))
    places = np.flatnonzero(labels == chance.choice(kinds)) if one_way else chance.permutation(len(labels))
    for place in places[:wrong]:
        step = shift if one_way else chance.integers(1, len(kinds))
        given[place] = kinds[(np.searchsorted(kinds, labels[place]) + step) % len(kinds)]
    return given


@cache
def _strange(source: str, arriving: str) -> NDArray[np.bool_]:
    """What of the arriving pictures a screen made of `source` calls out of domain; of its own each without itself."""
    from fieldguide.screening.detectors.nearest_neighbours import NearestNeighbours
    from fieldguide.screening.fitting import fit_screen
    from fieldguide.screening.screen import judge

    known = seen(source)
    targets = np.searchsorted(np.unique(known.labels), known.labels)
    is_valid = np.arange(len(targets)) % 5 == 0
    upright, upside_down = observations(known), observations(seen(source, "upside_down"))
    screen = fit_screen(
        upright[~is_valid],
        upside_down[~is_valid],
        targets[~is_valid],
        upright[is_valid],
        NearestNeighbours(detector="nearest_neighbours"),
        frozen=True,
    )
    if source != arriving:
        return judge(screen.screen, observations(seen(arriving))).out_of_domain
    strange = np.zeros(len(targets), bool)
    strange[~is_valid], strange[is_valid] = screen.train.out_of_domain, screen.valid.out_of_domain
    return strange


if __name__ == "__main__":
    report(lambda: list(measure()))
