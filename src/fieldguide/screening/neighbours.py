"""The nearest known pictures, and how much further a picture is from them than they are from theirs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldguide.screening.gaussians import on_sphere

Floats = NDArray[np.float32]

FURTHER = 4  # than all products of others, which are between -1 and 1
SMALLEST_DISTANCE = 1e-6  # on the unit sphere: nearer is the same picture


def nearest(products: Floats, neighbours: int) -> NDArray[np.intp]:
    """(n, neighbours) the positions of the largest products (n, known): the nearest on a sphere, the last last.

    Raises ValueError if so many are not known, or none is asked for.
    """
    if neighbours < 1:
        raise ValueError(f"{neighbours} neighbours")
    return np.argpartition(-products, neighbours - 1, axis=1)[:, :neighbours]


def distance_to_last(points: Floats, known: Floats, found: NDArray[np.intp]) -> Floats:
    """(n,) how far points (n, f) are from the last of those found among the known (see `nearest`).

    Distances made of products would lose half of their digits.
    """
    return np.sqrt(((points - known[found[:, -1]]) ** 2).sum(axis=1))


@dataclass(frozen=True)
class LocalDensity:
    """Known pictures, and how close together they are around each of them."""

    known: Floats  # (n, f) on the unit sphere
    distances: Floats  # (n,) from each to its k-th nearest of other groups
    neighbours: NDArray[Any]  # one number, k

    def score(self, features: Floats) -> NDArray[np.float64]:
        """The logarithm (n,) of the simplified local outlier factor (Schubert et al. 2014, after Breunig et al. 2000).

        That is the distance to the k-th nearest known picture, divided by the mean of these k pictures' own. So a
        picture is far by the measure of the pictures around it: among toys that are all unlike one another nearness
        means less than among bears of one kind. Features are (n, f), larger = further out.
        """
        points = on_sphere(features)
        found = nearest(points @ self.known.T, int(self.neighbours))
        around = np.sort(self.distances[found], axis=1).mean(axis=1, dtype=np.float64)
        distance = np.maximum(distance_to_last(points, self.known, found), SMALLEST_DISTANCE)
        factor: NDArray[np.float64] = np.log(distance / around)
        return factor


def fit_local_density(features: Floats, neighbours: int, groups: NDArray[np.intp]) -> LocalDensity:
    """Learn from known pictures (n, f), n at least 1; the neighbours are a twelfth of them at most.

    The neighbours of a known picture are of other groups (n,), as a new picture's are, as far as there are any:
    frames of one burst would make every other picture look far.
    """
    known = on_sphere(features)
    count = max(1, min(neighbours, len(known) // 12))
    if len(known) == 1:
        return LocalDensity(known, np.ones(1, np.float32), np.array(1))
    products = known @ known.T
    products[groups[:, None] == groups] -= FURTHER
    np.fill_diagonal(products, -np.inf)
    distances = distance_to_last(known, known, nearest(products, count))
    return LocalDensity(known, np.maximum(distances, np.float32(SMALLEST_DISTANCE)), np.array(count))
