"""What a model has seen: every picture of its data set with its side, kept with the model as long as that exists."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from fieldguide.base.paths import Paths
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.status import Split
from fieldguide.data.table import IMAGES, SPLIT, read_table, write_table

MEMBERSHIP = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # one of Split
        pa.field("perceptual_hash", pa.string(), nullable=False),
    ]
)
SEEN = (Split.TRAIN, Split.VALID)  # valid chose the epoch and the temperature


def membership(paths: Paths) -> pd.DataFrame:
    """The pictures of the split as it is now, with columns as in MEMBERSHIP, in the order of their ids."""
    split = read_table(paths.split_table, SPLIT)
    hashes = read_table(paths.image_table, IMAGES).query("clean_path != ''")[["id", "perceptual_hash"]]
    return split.merge(hashes, on="id").sort_values("id")[MEMBERSHIP.names].reset_index(drop=True)


def write_membership(frame: pd.DataFrame, path: Path) -> None:
    """Write the table, atomically; the same pictures give the same bytes."""
    write_table(frame, path, MEMBERSHIP)


def read_membership(path: Path) -> pd.DataFrame:
    """Read the table. Raises UserError if it is missing or has other columns."""
    return read_table(path, MEMBERSHIP)


def seen_in_training(pictures: pd.DataFrame, known: Sequence[pd.DataFrame], max_bits: int) -> NDArray[np.bool_]:
    """Which pictures are, or look like, what any of several models was trained on.

    Groups of look-alikes are computed anew over all pictures: the names of groups change as pictures come and go.

    Parameters
    ----------
    pictures
        n rows with the columns id and perceptual_hash.
    known
        The memberships of the models. Pictures of all sides link look-alikes; those of train and valid were seen.
    max_bits
        How many bits may differ in look-alikes (`split.near_duplicate_bits`).

    Returns
    -------
    (n,) bool.
    """
    others = pd.concat([table[["id", "split", "perceptual_hash"]] for table in known], ignore_index=True)
    others["seen"] = others["split"].isin(SEEN)
    others = others.groupby("id", as_index=False).agg({"perceptual_hash": "first", "seen": "any"})
    ids = [*pictures["id"], *others["id"]]
    groups = look_alike_groups([*pictures["perceptual_hash"], *others["perceptual_hash"]], max_bits)
    seen = np.concatenate([np.zeros(len(pictures), bool), others["seen"].to_numpy(bool)])
    seen_ids, seen_groups = {ids[row] for row in np.flatnonzero(seen)}, np.unique(groups[seen])
    mine = pictures["id"].isin(seen_ids).to_numpy(bool)
    alike: NDArray[np.bool_] = np.isin(groups[: len(pictures)], seen_groups)
    return mine | alike
