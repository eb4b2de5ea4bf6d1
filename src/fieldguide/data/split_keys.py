"""What keeps pictures on one side of the split: the key of each, as `split.group_by` names it."""

from typing import Any

import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.data.table import IMAGES, UTC_OFFSET, further_columns

LOOK_ALIKE, SEQUENCE, DAY, SITE, GIVEN_SPLIT = "look_alike", "sequence", "day", "site", "given_split"
KEYS = (LOOK_ALIKE, SEQUENCE, DAY, SITE, GIVEN_SPLIT)
NEEDED = 0.95  # of the pictures must have a key that is proposed
WINDOW = "10min"  # of the clock: what a site took in it is one sequence where nobody says what is


def split_keys(pictures: pd.DataFrame, group_by: str) -> pd.Series:
    """The key of each picture; null for a picture that has none and is divided by itself.

    A key depends on the picture alone, so it never changes as pictures come: `site`; `day`, the site and the date;
    `sequence`, the site and the sequence, or where that is not known ten minutes of the clock; a column of the data
    set's own. `look_alike` and `given_split` know no keys. Of boxes without a key it is the picture they were cut from.

    Parameters
    ----------
    pictures
        The columns site, time, sequence and cut_from as far as they are there, and those of the data set's own.

    Raises
    ------
    UserError
        If there is no such key, or no picture has it.
    """
    keys, whole = _own_keys(pictures, group_by), whole_pictures(pictures)
    return keys.where(keys.notna(), whole)


def whole_pictures(pictures: pd.DataFrame) -> pd.Series:
    """The id of the picture that each box was cut from; null for a whole picture."""
    if "cut_from" not in pictures.columns:
        return pd.Series(None, pictures.index, object)
    whole = pictures["cut_from"].astype(object)
    return whole.where(whole.notna() & (whole != ""), None)


def _own_keys(pictures: pd.DataFrame, group_by: str) -> pd.Series:
    further = [name for name in further_columns(pictures, IMAGES) if name not in ("split_key", UTC_OFFSET)]
    if group_by not in (*KEYS, *further):
        choices = ", ".join((*KEYS, *further))
        raise UserError(f"split.group_by: there is no key {group_by!r} in this data set: {choices}")
    if group_by in (LOOK_ALIKE, GIVEN_SPLIT):
        return pd.Series(None, pictures.index, object)
    wanted = [name for name in {SITE, "time", SEQUENCE, group_by} if name in pictures.columns]
    rows = pictures[wanted].astype(object).where(pictures[wanted].notna(), None).to_dict("records")
    keys = pd.Series([_key(row, group_by) for row in rows], index=pictures.index, dtype=object)
    if rows and keys.isna().all():
        lacking = {DAY: "time", SEQUENCE: "sequence and no time"}.get(group_by, group_by)
        raise UserError(f"split.group_by: {group_by}: no picture has a {lacking}: choose another key in params.yaml")
    return keys


def has_key(pictures: pd.DataFrame, group_by: str, share: float = NEEDED) -> bool:
    """Whether so large a share of the pictures has a key."""
    return group_by == LOOK_ALIKE or with_key(pictures, group_by) >= max(1, share * len(pictures))


def with_key(pictures: pd.DataFrame, group_by: str) -> int:
    """How many of the pictures have a key."""
    try:
        return int(_own_keys(pictures, group_by).notna().sum())
    except UserError:
        return 0


def _key(row: dict[Any, Any], group_by: str) -> str | None:
    """One picture's key; a line for each of its parts, so that two keys are never the same text by chance."""
    site, time, sequence = (row.get(name) for name in (SITE, "time", SEQUENCE))
    if group_by == SEQUENCE and sequence is not None:
        return f"{site or ''}\n{sequence}"
    if group_by == SEQUENCE:
        return f"{site or ''}\n{time.floor(WINDOW):%Y-%m-%d %H:%M}" if time else None
    if group_by == DAY:
        return f"{site or ''}\n{time:%Y-%m-%d}" if time else None
    return row.get(group_by)
