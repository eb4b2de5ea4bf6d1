"""The group of each picture: what it was divided with, which is what it is a witness of."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.data.split_keys import DAY, GIVEN_SPLIT, LOOK_ALIKE, SEQUENCE, SITE, split_keys

CUT_FROM = "cut_from"  # the key of boxes of one picture, where there is no other
DATE = "date"  # the key `day` where no site is known
IN_WORDS = {
    LOOK_ALIKE: ("group of look-alikes", "groups of look-alikes"),
    CUT_FROM: ("picture with boxes", "pictures with boxes"),
    SEQUENCE: ("sequence", "sequences"),
    DAY: ("camera day", "camera days"),
    DATE: ("day", "days"),
    SITE: ("site", "sites"),
}


def group_numbers(pictures: pd.DataFrame) -> NDArray[np.intp]:
    """(n,) numbers from 0 in order of appearance, the same for pictures of one group.

    A group is what has one `split_key` (a site, a day, a sequence: see `fieldguide.data.split_keys`), and of pictures
    that have none, one `group` of look-alikes. Pictures of which neither is known stand alone.

    Parameters
    ----------
    pictures
        The columns split_key and group of the split table, as far as they are there.
    """
    numbers = pd.Series(range(len(pictures)), pictures.index).astype(str).radd("picture ")
    for column in ("group", "split_key"):
        if column in pictures.columns:
            numbers = numbers.where(pictures[column].isna(), f"{column} " + pictures[column].astype(str))
    return pd.factorize(numbers)[0]


def sequence_numbers(pictures: pd.DataFrame) -> NDArray[np.intp]:
    """(n,) the same for what is one witness within a site: a sequence, or where none is known, a group of look-alikes.

    Parameters
    ----------
    pictures
        The columns site, time, sequence and group.
    """
    known = pictures[["time", "sequence"]].notna().any(axis=None)
    return group_numbers(pictures.assign(split_key=split_keys(pictures, SEQUENCE) if known else None))


def inseparable_groups(pictures: pd.DataFrame) -> "pd.Series[str]":
    """A name for each picture, shared by look-alikes and by boxes of one file: no model may learn from some of them and
    be asked about others. It is the first of the names that `group` has for them.

    Parameters
    ----------
    pictures
        The columns group (of look-alikes) and path.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    alike, files = (pd.factorize(pictures[column])[0] for column in ("group", "path"))
    ends = int(alike.max(initial=-1)) + 1, int(files.max(initial=-1)) + 1
    links = coo_array((np.ones(len(pictures), bool), (alike, ends[0] + files)), shape=(sum(ends), sum(ends)))
    joined = connected_components(links, directed=False)[1][alike]
    return pictures.groupby(joined)["group"].transform("min")


def group_kinds(pictures: pd.DataFrame, group_by: str) -> str:
    """What the groups of some pictures are, by names of keys: `site`, or `site or look_alike` where some have no key.

    `group_by` is the key of the split, `pictures` as in `group_numbers`.
    """
    keyed = pictures["split_key"].notna()
    key = CUT_FROM if group_by in (LOOK_ALIKE, GIVEN_SPLIT) else key_kind(pictures["split_key"], group_by)
    return " or ".join([*([key] if keyed.any() else []), *([] if keyed.all() else [LOOK_ALIKE])])


def key_kind(keys: pd.Series, group_by: str) -> str:
    """What split keys are, in a word that `groups_in_words` takes: days of all pictures are not those of cameras."""
    return DATE if group_by == DAY and keys.dropna().str.startswith("\n").all() else group_by


def groups_in_words(number: int, kinds: str) -> str:
    """`12 sites`, from a number and what `group_kinds` gave."""
    names = [IN_WORDS.get(kind, (f"value of {kind}", f"values of {kind}"))[number != 1] for kind in kinds.split(" or ")]
    return f"{number} {' or '.join(names)}"
