"""The split: a side for every picture, which later pictures do not change."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.config import SplitConfig
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.status import Split


def split_pictures(pictures: pd.DataFrame, split: SplitConfig) -> pd.DataFrame:
    """Give every picture its group of look-alikes and its split.

    A picture's own place follows from a hash of its id and the seed, and from nothing else. Where look-alikes have
    different places, the place of most of them is the group's (the smallest hash decides a tie), and the others are
    left out. So look-alikes are never on two sides, and however many pictures are added, in whatever order, none
    ever changes sides: the most that a newcomer can do to an old picture is to have it left out or taken back.
    (A hash of the group itself could not promise that: a newcomer may join two groups, or become the first of one.)

    Parameters
    ----------
    pictures
        Columns id (unique) and perceptual_hash.
    split
        Shares, seed, and how many bits make a look-alike.

    Returns
    -------
    A copy with the columns `group` (the smallest id in it) and `split` (see `fieldguide.data.status.Split`).
    """
    places = pictures.copy()
    places["fraction"] = fractions(places["id"], split.seed)
    places["own"] = own_sides(places["fraction"].to_numpy(), split)
    places["number"] = look_alike_groups(list(places["perceptual_hash"]), split.near_duplicate_bits)
    members = places.groupby("number")
    places["group"] = members["id"].transform("min")
    votes = places.groupby(["number", "own"])["fraction"].agg(["size", "min"]).reset_index()
    winners = votes.sort_values(["size", "min"], ascending=[False, True]).drop_duplicates("number")
    chosen = places["number"].map(winners.set_index("number")["own"])
    places["split"] = places["own"].where(places["own"] == chosen, Split.LEFT_OUT)
    return places.drop(columns=["own", "fraction", "number"])


def fractions(identities: Iterable[str], seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for every picture, from its id and the seed, evenly spread."""
    hashes = (hashlib.sha256(f"{seed}:{identity}".encode()).digest()[:8] for identity in identities)
    return np.array([int.from_bytes(digest) / 2**64 for digest in hashes], dtype=np.float64)


def own_sides(fraction: NDArray[np.float64], split: SplitConfig) -> NDArray[np.str_]:
    """Every picture's own place, look-alikes aside, from its `fractions`."""
    return np.select(
        [fraction < split.test, fraction < split.test + split.valid], [Split.TEST, Split.VALID], Split.TRAIN
    )
