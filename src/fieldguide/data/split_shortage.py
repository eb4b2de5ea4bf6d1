"""Labels of which the split leaves too few pictures on a side, and what helps."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import binom

from fieldguide.base.config import SplitConfig
from fieldguide.data.splits import deciding_texts, fractions, own_sides, split_pictures
from fieldguide.data.status import Split

SIDES = (Split.TRAIN, Split.VALID, Split.TEST)
SHARES = ((0.2, 0.2), (0.25, 0.25), (0.3, 0.3))  # of valid and test, tried after those of params.yaml
SEEDS = 200  # tried for each
MOST_NAMED = 30  # labels
ENOUGH = 0.95  # the chance that so many pictures suffice


def shortage(kept: pd.DataFrame, table: pd.DataFrame, split: SplitConfig) -> str:
    """Which labels have too few pictures on a side, with their numbers, and what helps; "" if none has.

    Parameters
    ----------
    kept
        The kept pictures: columns id, label, perceptual_hash.
    table
        What `split_pictures` makes of them.
    """
    counts = side_counts(table)
    short = counts[counts[list(SIDES)].min(axis=1) < split.min_per_label]
    if short.empty:
        return ""
    totals = kept["label"].value_counts().to_dict()
    named = [
        f"{label} has {totals[label]} picture{'s' if totals[label] > 1 else ''} "
        f"({', '.join(f'{row[side]} {side}' for side in SIDES)})"
        for label, row in short.head(MOST_NAMED).iterrows()
    ]
    more = f" and {len(short) - MOST_NAMED} more labels" if len(short) > MOST_NAMED else ""
    need = (
        f"split.min_per_label: {split.min_per_label} asks for as many of every label in each of train, valid and test"
    )
    return f"too few pictures to split: {', '.join(named)}{more}; {need}; {_advice(kept, split)}"


def side_counts(table: pd.DataFrame) -> pd.DataFrame:
    """How many pictures of each label are on each side: one row a label, one column a side."""
    counts = pd.crosstab(table["label"], table["split"])
    return counts.reindex(columns=[*SIDES, Split.LEFT_OUT], fill_value=0)


def enough(split: SplitConfig) -> int:
    """So many pictures of a label are enough 19 times of 20, look-alikes aside."""
    shares = np.array([1 - split.valid - split.test, split.valid, split.test])
    count = 3 * split.min_per_label
    while binom.cdf(split.min_per_label - 1, count, shares).sum() > 1 - ENOUGH:
        count += 1
    return count


def _advice(kept: pd.DataFrame, split: SplitConfig) -> str:
    add = f"add pictures (about {enough(split)} of a label are enough)"
    if found := _workable(kept, split):
        changed = [
            name for name in ("valid", "test", "min_per_label", "seed") if getattr(found, name) != getattr(split, name)
        ]
        values = ", ".join(f"split.{name}: {getattr(found, name)}" for name in changed)
        return f"{add}, or set {values} in params.yaml, which suits today's pictures (it moves pictures to other sides)"
    counts = kept["label"].value_counts()
    tiny = sorted(counts.index[counts < len(SIDES)])
    leave = f"leave out what has fewer than {len(SIDES)}: {', '.join(tiny)}" if tiny else "leave out the rarest labels"
    return f"{add}, or {leave}"


def _workable(kept: pd.DataFrame, split: SplitConfig) -> SplitConfig | None:
    """The settings nearest to `split` that leave enough of today's pictures: first the most pictures a side."""
    fewest = int(kept["label"].value_counts().min())
    labels, codes = kept["label"].unique(), pd.factorize(kept["label"])[0]
    texts = deciding_texts(kept, split)
    drawn = {seed: fractions(texts, seed) for seed in (split.seed, *range(SEEDS))}
    for least in range(min(split.min_per_label, fewest // len(SIDES)), 0, -1):
        for candidate in _candidates(replace(split, min_per_label=least)):
            sides = own_sides(kept, drawn[candidate.seed], candidate)
            own = [np.bincount(codes[sides == side], minlength=len(labels)) for side in SIDES]
            if np.min(own) < least:
                continue  # look-alikes take away, they never add
            if side_counts(split_pictures(kept, candidate))[list(SIDES)].to_numpy().min() >= least:
                return candidate
    return None


def _candidates(split: SplitConfig) -> Iterator[SplitConfig]:
    shares = [(split.valid, split.test), *(pair for pair in SHARES if pair != (split.valid, split.test))]
    for valid, test in shares:
        for seed in dict.fromkeys((split.seed, *range(SEEDS))):
            yield replace(split, valid=valid, test=test, seed=seed)
