"""The seed under which every label is on every side of the split, with the shares nearest to those asked for."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.config import SplitConfig
from fieldguide.data.splits import fractions, own_sides
from fieldguide.data.status import Split

TRIES = 1000  # seeds
HASHES = 5_000_000  # fewer seeds are tried where there are many keys


def best_seed(counts: pd.DataFrame, split: SplitConfig) -> tuple[int, NDArray[np.bool_]] | None:
    """The best seed, and which keys it puts into train, valid and test (3, keys); None where none will do."""
    numbers = counts.to_numpy(float)
    asked = np.array([1 - split.valid - split.test, split.valid, split.test])
    texts = [str(key) for key in counts.columns]
    best, nearest = None, np.inf
    for seed in range(min(TRIES, max(20, HASHES // counts.shape[1]))):
        fraction = fractions(texts, seed)
        own = own_sides(counts.T, fraction, split)
        sides = np.stack([own == side for side in (Split.TRAIN, Split.VALID, Split.TEST)])
        placed = numbers @ sides.T  # labels, sides
        if placed.min() < split.min_per_label:
            continue
        distance = float(np.abs(placed.sum(axis=0) / numbers.sum() - asked).sum())
        if distance < nearest:
            best, nearest = (seed, sides), distance
    return best
