"""Proposing what stays on one side of the split, and a seed under which every label is on every side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fieldguide.base.config import SplitConfig
from fieldguide.base.errors import UserError
from fieldguide.data.sources.copying import Wanted
from fieldguide.data.split_keys import DAY, GIVEN_SPLIT, SEQUENCE, SITE, split_keys
from fieldguide.data.split_seed import best_seed

ENOUGH = 5  # keys of each label
FEW = 10  # test keys with fewer of which the test accuracy is uncertain
KNOWN = 0.95  # of the pictures have the key


@dataclass(frozen=True)
class SplitProposal:
    """A key and a seed for params.yaml, and why, in one sentence."""

    group_by: str
    seed: int
    reason: str


def propose_split(pictures: Sequence[Wanted], split: SplitConfig) -> SplitProposal | None:
    """The key and seed for a data set with field data: sites if every label has enough, else days, else sequences.

    Of the seeds under which every label has `split.min_per_label` pictures on every side, the one whose shares are
    nearest to those of `split`; the smallest of equals. None where no key will do: look-alikes then stay together.
    """
    given = {one.known.given_split for one in pictures}
    if None not in given and "test" in given and ("trainval" in given or {"train", "valid"} <= given):
        return SplitProposal(GIVEN_SPLIT, split.seed, "the data set came with a split")
    table = pd.DataFrame(
        [(one.label, one.known.site, one.known.time, one.known.sequence) for one in pictures],
        columns=["label", SITE, "time", SEQUENCE],
        dtype=object,
    ).assign(time=lambda rows: pd.to_datetime(rows["time"]))
    for key in (SITE, DAY, SEQUENCE):
        try:
            keys = split_keys(table, key)
        except UserError:
            continue
        counts = pd.crosstab(table["label"], keys)
        fewest = int((counts > 0).sum(axis=1).min()) if len(counts) else 0
        if keys.notna().mean() < KNOWN or fewest < ENOUGH or counts.shape[0] != table["label"].nunique():
            continue
        found = best_seed(counts, replace(split, group_by=key))
        if found is None:
            continue
        seed, sides = found
        tested = int(sides[2].sum())
        few = f"; the test split has only {tested}, so its accuracy is uncertain" if tested < FEW else ""
        reason = f"{counts.shape[1]} {key}s, each label in at least {fewest}{few}"
        return SplitProposal(key, seed, reason)
    return None
