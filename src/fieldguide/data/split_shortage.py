"""Labels of which the split leaves too few pictures on a side, and what helps."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from fieldguide.base.config import SplitConfig
from fieldguide.data.groups import groups_in_words, key_kind
from fieldguide.data.look_alike_cost import COSTLY
from fieldguide.data.split_keys import DAY, GIVEN_SPLIT, LOOK_ALIKE, SEQUENCE, SITE, has_key
from fieldguide.data.split_search import SIDES, workable_settings
from fieldguide.data.status import Split

MOST_NAMED = 30  # labels
ENOUGH = 0.95  # the chance that so many pictures suffice
SEEDS = 200  # tried for each key and shares
BURSTS = 0.5  # groups a picture: if fewer, another picture is likely to be of a group that is there already
CHANGEABLE = ("group_by", "valid", "test", "min_per_label", "seed")


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
    groups = _groups(table, split).groupby(table["label"]).nunique().to_dict()
    named = [
        f"{label} has {totals[label]} picture{'s' if totals[label] > 1 else ''}"
        f"{f' in {_in_words(groups[label], table, split)}' if groups[label] < totals[label] else ''} "
        f"({', '.join(f'{row[side]} {side}' for side in SIDES)})"
        for label, row in short.head(MOST_NAMED).iterrows()
    ]
    more = f" and {len(short) - MOST_NAMED} more labels" if len(short) > MOST_NAMED else ""
    need = (
        f"split.min_per_label: {split.min_per_label} asks for as many of every label in each of train, valid and test"
    )
    return f"too few pictures to split: {', '.join(named)}{more}; {need}; {_advice(kept, table, split)}"


def side_counts(table: pd.DataFrame) -> pd.DataFrame:
    """How many pictures of each label are on each side: one row a label, one column a side."""
    counts = pd.crosstab(table["label"], table["split"])
    return counts.reindex(columns=[*SIDES, Split.LEFT_OUT], fill_value=0)


def enough(split: SplitConfig) -> int:
    """So many pictures of a label are enough 19 times of 20, look-alikes aside."""
    from scipy.stats import binom  # only here: it takes half a second, and most sets have enough

    shares = np.array([1 - split.valid - split.test, split.valid, split.test])
    count = 3 * split.min_per_label
    while binom.cdf(split.min_per_label - 1, count, shares).sum() > 1 - ENOUGH:
        count += 1
    return count


def _in_words(number: int, table: pd.DataFrame, split: SplitConfig) -> str:
    key = LOOK_ALIKE if split.group_by == GIVEN_SPLIT else key_kind(table["split_key"], split.group_by)
    return groups_in_words(number, key)


def _groups(table: pd.DataFrame, split: SplitConfig) -> pd.Series:
    """What goes to one side together: the key, else look-alikes."""
    return table["split_key"].fillna(table["group"])


def _advice(kept: pd.DataFrame, table: pd.DataFrame, split: SplitConfig) -> str:
    """What helps: another key where look-alikes cost much, more pictures, other settings, or fewer labels."""
    groups = _groups(table, split).groupby(table["label"]).nunique()
    bursts = groups.sum() < BURSTS * len(table)  # a group is several pictures
    few = replace(split, min_per_label=1) if bursts else split
    others = _in_words(2, table, split).partition(" ")[2]
    new = f" of other {others}" if split.group_by not in (LOOK_ALIKE, GIVEN_SPLIT) else " unlike these"
    add = f"add pictures{new if bursts else ''} (about {enough(few)} of a label are enough)"
    if found := next(_workable(kept, table, split), None):
        changed = [name for name in CHANGEABLE if getattr(found, name) != getattr(split, name)]
        values = ", ".join(f"split.{name}: {getattr(found, name)}" for name in changed)
        return f"{add}, or set {values} in params.yaml, which suits today's pictures (it moves pictures to other sides)"
    counts = kept["label"].value_counts()
    tiny = sorted(counts.index[counts < len(SIDES)])
    leave = f"leave out what has fewer than {len(SIDES)}: {', '.join(tiny)}" if tiny else "leave out the rarest labels"
    return f"{add}, or {leave}"


def _workable(kept: pd.DataFrame, table: pd.DataFrame, split: SplitConfig) -> Iterator[SplitConfig]:
    """Settings that will do: with the key of `split`, or with another one first where look-alikes cost much by it."""
    others = [key for key in (SITE, DAY, SEQUENCE, LOOK_ALIKE) if key != split.group_by and has_key(kept, key)]
    costly = (table["split"] == Split.LEFT_OUT).mean() > COSTLY
    for key in [*others, split.group_by] if costly else [split.group_by, *others]:
        if found := workable_settings(kept, replace(split, group_by=key), SEEDS):
            yield found
