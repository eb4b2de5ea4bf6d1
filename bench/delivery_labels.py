"""How often `retrain` holds deliveries back for their labels, rightly and wrongly: `python bench/delivery_labels.py`.

Deliveries of 60 real photos of bears to a data set of others, from the same source (the same folder) or another one
(thumbnails, and the other way round), 100 of each kind. In 9 of the 60 the label is another one: any other, or one
kind called another as a person's mistake is. The photos hold a few per cent of honest wrong labels besides.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from common import Figure, report
from real_pictures import Seen, observations, seen

COMPARED = "deliveries of 60 real photos held back for their labels"
DRAWS, SIZE, WRONG = 100, 60, 9
KINDS = {"clean": 0, "15 % wrong": WRONG, "15 % wrong, one kind called another": WRONG}
SOURCES = ("bears", "bears_thumbs")


def measure() -> Iterator[Figure]:
    """Every source to every data set, without a champion, and with one, whose screen leaves out what is strange."""
    from fieldguide.base.config import RetrainConfig
    from fieldguide.data.duplicates import look_alike_groups
    from fieldguide.retraining.label_checks import find_doubts
    from fieldguide.retraining.triggers import Facts, decide
    from fieldguide.screening.label_doubts import out_of_fold

    pictures = [seen(source) for source in SOURCES]
    groups = np.array(look_alike_groups([one for some in pictures for one in some.hashes], 40))
    own_groups = np.split(groups, [len(pictures[0].labels)])
    rules = RetrainConfig()

    def held(known: Seen, new: Seen, rows: tuple[NDArray[np.intp], NDArray[np.intp]], labels: list[str]) -> bool:
        features = np.concatenate([known.raw[rows[0]], new.raw[rows[1]]])
        given = [*known.labels[rows[0]], *labels]
        each = [str(number) for number in range(len(given))]  # look-alikes are left out before
        is_new = np.arange(len(given)) >= len(rows[0])
        doubts = find_doubts(out_of_fold(features, given, each, 0), given, is_new, each)
        return decide(Facts(doubts=doubts), rules).hold

    for place, source in enumerate(SOURCES):
        for other, arriving in enumerate(SOURCES):
            known, new = pictures[place], pictures[other]
            ours, theirs = _singles(own_groups[place]), _singles(own_groups[other])
            if place != other:
                theirs = theirs[~np.isin(own_groups[other][theirs], own_groups[place])]
            for champion in (False, True):
                inside = ~_strange(source, arriving) if champion else np.ones(len(new.labels), bool)
                for kind, wrong in KINDS.items():
                    hits = 0
                    for draw in range(DRAWS):
                        chance = np.random.default_rng([draw, place, other])
                        arrived = chance.choice(theirs, SIZE, replace=False)
                        rest = ours[~np.isin(ours, arrived)] if place == other else ours
                        labels = _mislabelled(new.labels[arrived], wrong, "called" in kind, chance)
                        counted = inside[arrived]
                        hits += held(known, new, (rest, arrived[counted]), list(labels[counted]))
                    name = f"{arriving} to {source}, {'with' if champion else 'without'} a champion: {kind}"
                    goal = 0.95 if wrong else 0.05
                    yield Figure(name, hits / DRAWS, goal, not wrong, unit="", detail=f"{DRAWS} deliveries of {SIZE}")


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
