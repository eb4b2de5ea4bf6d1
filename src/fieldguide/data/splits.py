"""The split: a side for every picture, which later pictures do not change."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.config import SplitConfig
from fieldguide.base.errors import UserError
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.split_keys import GIVEN_SPLIT, split_keys, whole_pictures
from fieldguide.data.status import Split

TRAINVAL = "trainval"
GIVEN = {"train": Split.TRAIN, "valid": Split.VALID, "test": Split.TEST}
VOTED = (Split.TEST, Split.TRAIN, Split.VALID)  # the first of equals in votes and in hash

Sides = NDArray[np.object_]  # of Split


def split_pictures(pictures: pd.DataFrame, split: SplitConfig) -> pd.DataFrame:
    """Give every picture its key, its group and its split.

    A picture's own place follows from a hash of its key (of its id, where it has none) and the seed, and from nothing
    else; or from its time, with `test_from`; or from the side that it came with, by `group_by: given_split`. Where
    boxes of one picture, or look-alikes, have different places, the place of most of them is theirs (the smallest hash
    decides a tie), and the others are left out. So neither are ever on two sides, and however many pictures are added,
    in whatever order, none ever changes sides: the most that a newcomer can do to an old picture is to have it left
    out or taken back. (A hash of a group of look-alikes could not promise that: a newcomer may join two, or become the
    first of one.)

    Parameters
    ----------
    pictures
        Columns id (unique) and perceptual_hash; what the key is made of; and of boxes, cut_from.
    split
        Shares, seed, key, and how many bits make a look-alike.

    Returns
    -------
    A copy with the columns `split_key`, `group` (the smallest id among its look-alikes) and `split` (see
    `fieldguide.data.status.Split`).

    Raises
    ------
    UserError
        If no picture has the key, a time for `test_from`, or a side.
    """
    places = pictures.copy()
    places["split_key"] = split_keys(places, split.group_by)
    fraction = fractions(deciding_texts(places, split), split.seed)
    votes = voting_groups(places, split)
    places["group"] = places.groupby(votes[-1])["id"].transform("min")
    places["split"] = voted_sides(own_sides(places, fraction, split), fraction, votes)
    return places


def deciding_texts(pictures: pd.DataFrame, split: SplitConfig) -> list[str]:
    """What decides each picture's own place: its key, or its id where it has none."""
    keys = split_keys(pictures, split.group_by)
    return list(keys.where(keys.notna(), pictures["id"]))


def fractions(texts: Sequence[str], seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for every text, from it and the seed, evenly spread."""
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    digests = b"".join(hashlib.sha256(f"{seed}:{text}".encode()).digest() for text in distinct)
    numbers = np.frombuffer(digests, dtype=">u8").reshape(len(distinct), 4)[:, 0]  # the first 8 bytes of each
    return (numbers / 2**64)[codes]


def own_sides(pictures: pd.DataFrame, fraction: NDArray[np.float64], split: SplitConfig) -> Sides:
    """Every picture's own place, look-alikes aside, from its `fractions`; LEFT_OUT where nothing says it."""
    return drawn_sides(known_sides(pictures, split), fraction, split)


def known_sides(pictures: pd.DataFrame, split: SplitConfig) -> Sides | None:
    """The places that the sides or the times of pictures say; TRAINVAL where no more is said, None if nothing is.

    Raises
    ------
    UserError
        If no picture has what is asked of it.
    """
    if split.group_by == GIVEN_SPLIT:
        given = pictures["given_split"]
        if given.isna().all():
            raise UserError("split.group_by: given_split: the data set came without a split: choose another key")
        as_given = [(given == name).to_numpy() for name in (*GIVEN, TRAINVAL)]
        return np.select(as_given, [*GIVEN.values(), TRAINVAL], Split.LEFT_OUT).astype(object)
    if split.test_from is None:
        return None
    times = pd.to_datetime(pictures["time"])
    if times.isna().all():
        raise UserError("split.test_from: no picture has a time of capture: remove it from params.yaml")
    later = (times >= pd.Timestamp(split.test_from)).to_numpy()
    return np.select([times.isna(), later], [Split.LEFT_OUT, Split.TEST], TRAINVAL).astype(object)


def drawn_sides(known: Sides | None, fraction: NDArray[np.float64], split: SplitConfig) -> Sides:
    """The places (n,) of `known_sides`, and where these leave it open, what the `fractions` (n,) say."""
    if known is None:
        sides = [fraction < split.test, fraction < split.test + split.valid]
        return np.select(sides, [Split.TEST, Split.VALID], Split.TRAIN).astype(object)
    without_test = np.where(fraction < split.valid, Split.VALID, Split.TRAIN).astype(object)
    return np.where(known == TRAINVAL, without_test, known)


def voting_groups(pictures: pd.DataFrame, split: SplitConfig) -> list[NDArray[np.int64]]:
    """What is never on two sides: the numbers (n,), from 0, of what boxes were cut from, and of look-alikes."""
    numbers = [look_alike_groups(list(pictures["perceptual_hash"]), split.near_duplicate_bits)]
    whole = whole_pictures(pictures)
    if whole.notna().any():
        numbers.insert(0, pd.factorize(whole.where(whole.notna(), pictures["id"]))[0].astype(np.int64))
    return numbers


def voted_sides(own: Sides, fraction: NDArray[np.float64], numbers: Sequence[NDArray[np.int64]]) -> Sides:
    """The side of every picture once those of its groups have voted, kind by kind: its own, or LEFT_OUT.

    Parameters
    ----------
    own, fraction
        (n,): see `own_sides`; what is LEFT_OUT has no vote.
    numbers
        Of `voting_groups`.
    """
    for number in numbers:
        code = np.select([own == side for side in VOTED], range(len(VOTED)), -1)
        votes_for = (number * len(VOTED) + code)[code >= 0]
        size = (int(number.max(initial=-1)) + 1) * len(VOTED)
        votes = np.bincount(votes_for, minlength=size).reshape(-1, len(VOTED))
        smallest = np.full(size, np.inf)
        np.minimum.at(smallest, votes_for, fraction[code >= 0])
        most = votes == votes.max(axis=1, keepdims=True)
        winner = np.where(most, smallest.reshape(votes.shape), np.inf).argmin(axis=1)
        own = np.where(winner[number] == code, own, Split.LEFT_OUT)
    return own
