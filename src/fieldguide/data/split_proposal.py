"""Proposing what stays on one side of the split, and settings under which every label is on every side."""

from dataclasses import dataclass, replace

import pandas as pd

from fieldguide.base.config import SplitConfig
from fieldguide.data.groups import groups_in_words, key_kind
from fieldguide.data.split_keys import (
    DAY,
    GIVEN_SPLIT,
    LOOK_ALIKE,
    NEEDED,
    SEQUENCE,
    SITE,
    has_key,
    split_keys,
    with_key,
)
from fieldguide.data.split_search import least_on_a_side, workable_settings
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split

ENOUGH = 5  # keys of each label
MANY = 10  # keys of each label: the data set is divided, if need be with other shares and fewer pictures on a side
FEW = 10  # test keys with fewer of which the test accuracy is uncertain


@dataclass(frozen=True)
class SplitProposal:
    """Settings for params.yaml, and why, in words."""

    split: SplitConfig
    reason: str


def propose_split(kept: pd.DataFrame, split: SplitConfig) -> SplitProposal:
    """The key and the seed for a data set; other shares and a smaller `min_per_label` where these alone will not do.

    The latter only if every label has MANY keys: with fewer, a person should know how little is measured. The key is
    the split that the data set came with; else sites if every label has enough of them, else days, else sequences, else
    look-alikes, for which `split` stays as it is if every label has enough pictures by it.

    Parameters
    ----------
    kept
        The pictures that cleaning keeps: columns id, label, perceptual_hash, and of FIELD_DATA.
    """
    plain = replace(split, group_by=LOOK_ALIKE)
    if kept.empty:
        return SplitProposal(plain, "no picture can be used")
    given = set(kept["given_split"].dropna())
    divided = (
        kept["given_split"].notna().all() and "test" in given and ("trainval" in given or {"train", "valid"} <= given)
    )
    as_given = replace(split, group_by=GIVEN_SPLIT)
    if divided and (found := workable_settings(kept, as_given)):
        return SplitProposal(found, "the data set came with a split")
    useless = ["the split that it came with"] if divided else []
    for key in (key for key in (SITE, DAY, SEQUENCE) if has_key(kept, key)):
        keys = split_keys(kept, key)
        fewest = int(keys.groupby(kept["label"]).nunique().min())
        if fewest >= ENOUGH and (
            found := workable_settings(kept, replace(split, group_by=key), only_seed=fewest < MANY)
        ):
            tested = keys[split_pictures(kept, found)["split"] == Split.TEST].nunique()
            doubt = f"; the test split has only {tested}, so its accuracy is uncertain" if tested < FEW else ""
            return SplitProposal(
                found, f"{groups_in_words(keys.nunique(), key_kind(keys, key))}, each label in at least {fewest}{doubt}"
            )
        useless.append(groups_in_words(keys.nunique(), key_kind(keys, key)))
    why = f"not every label can be divided by {' or '.join(useless)}" if useless else _too_little_is_known(kept)
    reason = f"{why}: look-alikes stay together"
    if least_on_a_side(kept, plain) >= split.min_per_label:
        return SplitProposal(plain, reason)
    if found := workable_settings(kept, plain, only_seed=kept["label"].value_counts().min() < MANY):
        least = "a picture" if found.min_per_label == 1 else f"at least {found.min_per_label} pictures"
        return SplitProposal(found, f"{reason}; every label has {least} on every side")
    return SplitProposal(as_given, "the data set came with a split") if divided else SplitProposal(plain, reason)


def _too_little_is_known(kept: pd.DataFrame) -> str:
    for key, name in ((SITE, "a site"), (DAY, "a time"), (SEQUENCE, "a sequence")):
        if known := with_key(kept, key):
            return f"{known} of {len(kept)} pictures have {name}, fewer than {100 * NEEDED:g} %"
    return "no site or time is known"
