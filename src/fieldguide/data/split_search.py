"""Settings of the split under which every label has enough pictures on every side."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fieldguide.base.config import SplitConfig
from fieldguide.base.progress import progress
from fieldguide.data.splits import (
    deciding_texts,
    drawn_sides,
    fractions,
    known_sides,
    split_pictures,
    voted_sides,
    voting_groups,
)
from fieldguide.data.status import Split

SIDES = (Split.TRAIN, Split.VALID, Split.TEST)
SHARES = ((0.2, 0.2), (0.25, 0.25), (0.3, 0.3))  # of valid and test, tried after those of params.yaml
SEEDS = 1000  # tried for each at most
HASHES = 5_000_000  # keys times seeds
LEAST_SEEDS = 20


def workable_settings(
    kept: pd.DataFrame, split: SplitConfig, most_seeds: int = SEEDS, only_seed: bool = False
) -> SplitConfig | None:
    """The settings nearest to `split`, with its key, that leave every label some pictures on every side.

    Sought are, in this order: `min_per_label` pictures on every side, or else as many as can be had; the shares of
    `split`, or else of SHARES; the seed under which the sides are nearest to those shares, look-alikes left out; and of
    equals that of `split`, or the smallest.

    Parameters
    ----------
    kept
        The kept pictures: columns id, label, perceptual_hash, and what the key is made of.
    most_seeds
        Tried for each shares; fewer where there are many keys.
    only_seed
        The shares and `min_per_label` are those of `split`, or nothing will do.

    Returns
    -------
    `split` with another seed and, if need be, other shares and a smaller `min_per_label`; None if nothing will do.
    """
    label = pd.factorize(kept["label"])[0]
    texts = deciding_texts(kept, split)
    known, votes = known_sides(kept, split), voting_groups(kept, split)
    seeds = range(min(most_seeds, max(LEAST_SEEDS, HASHES // max(1, len(set(texts))))))

    def outcome(candidate: SplitConfig) -> tuple[int, float]:
        """The fewest pictures of a label on a side, as far as they count; less the distance from the shares."""
        fraction = fractions(texts, candidate.seed)
        sides = voted_sides(drawn_sides(known, fraction, candidate), fraction, votes)
        counts = np.stack([np.bincount(label[sides == side], minlength=label.max() + 1) for side in SIDES])
        asked = np.array([1 - candidate.valid - candidate.test, candidate.valid, candidate.test])
        return min(int(counts.min()), split.min_per_label), -float(np.abs(counts.sum(axis=1) / len(kept) - asked).sum())

    best, most = None, 0
    for valid, test in dict.fromkeys([(split.valid, split.test), *(SHARES if not only_seed else ())]):
        candidates = [replace(split, seed=seed, valid=valid, test=test) for seed in dict.fromkeys((split.seed, *seeds))]
        outcomes = [outcome(candidate) for candidate in progress(candidates, "divide", unit="seeds")]
        place = max(range(len(outcomes)), key=outcomes.__getitem__)
        if (least := outcomes[place][0]) > most:
            best, most = replace(candidates[place], min_per_label=least), least
        if most == split.min_per_label:
            break
    return None if only_seed and most < split.min_per_label else best


def least_on_a_side(kept: pd.DataFrame, split: SplitConfig) -> int:
    """The fewest pictures of a label on one of SIDES."""
    sides = pd.crosstab(kept["label"], split_pictures(kept, split)["split"])
    return int(sides.reindex(columns=SIDES, fill_value=0).to_numpy().min())
