"""Which unlabelled pictures teach a classifier most: those that it cannot tell and that are unlike what it has seen.

Margin sampling (Scheffer et al. 2001) takes the pictures whose two most probable labels are closest; many of them are
alike. k-center greedy, the core-set method (Sener and Savarese 2018), takes the picture furthest from all that are
labelled or taken; many of these are odd, and told right. Here the two are multiplied, which is the idea of BADGE (Ash
et al. 2020) without its gradients: the next picture has the largest product of doubt and distance. Of a burst one is
taken: its other pictures come when nothing else is left.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
BLOCK = 1024  # rows compared at a time


def teaching_order(
    probabilities: NDArray[np.float64],
    features: Features,
    labelled: Features,
    bursts: Sequence[str],
    most: int,
) -> list[int]:
    """The places of the pictures to label next, the most instructive first.

    Parameters
    ----------
    probabilities
        (n, labels), each row with sum 1.
    features
        (n, f) of these pictures.
    labelled
        (m, f) of pictures with labels; m may be 0.
    bursts
        n names; pictures with the same one were taken at one go, "" for what is in none.
    most
        How many places are asked for.

    Returns
    -------
    min(n, most) different places.
    """
    doubt = doubts(probabilities)
    directions, known = _directions(features), _directions(labelled)
    distance = _nearest(directions, known) if len(known) else np.full(len(directions), 2.0)
    return list(_greedy(doubt, directions, distance, bursts, min(most, len(directions))))


def doubts(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 minus the margin between the two most probable labels of each row: 0 for what is certain, 1 for a tie."""
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
    doubt: NDArray[np.float64] = 1 - (first - second)
    return doubt


def _greedy(
    doubt: NDArray[np.float64], directions: Features, distance: NDArray[np.float64], bursts: Sequence[str], most: int
) -> Iterator[int]:
    free, seen = np.ones(len(doubt), bool), set[str]()
    fresh = free.copy()  # and of a burst of which none is taken
    members: dict[str, list[int]] = {}
    for place, burst in enumerate(bursts):
        members.setdefault(burst, []).append(place)
    for _ in range(most):
        among = free & fresh if (free & fresh).any() else free
        merit = np.where(among, (doubt + 1e-9) * (distance + 1e-9), -1.0)
        best = int(merit.argmax())
        yield best
        free[best] = False
        if bursts[best] and bursts[best] not in seen:
            seen.add(bursts[best])
            fresh[members[bursts[best]]] = False
        distance = np.minimum(distance, 1 - directions @ directions[best])


def _nearest(directions: Features, known: Features) -> NDArray[np.float64]:
    """1 minus the cosine to the most similar of the known ones, for each row."""
    found = np.empty(len(directions))
    for start in range(0, len(directions), BLOCK):
        found[start : start + BLOCK] = 1 - (directions[start : start + BLOCK] @ known.T).max(axis=1)
    return found


def _directions(features: Features) -> Features:
    lengths = np.linalg.norm(features, axis=1, keepdims=True) if len(features) else np.ones((0, 1), np.float32)
    directions: Features = features / np.maximum(lengths, 1e-12)
    return directions
