"""Exact duplicates, and near duplicates by perceptual hash."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.data.status import Status

BLOCK = 512  # rows compared at a time: 512 x 100,000 distances need 50 MB


def mark_exact_duplicates(images: pd.DataFrame) -> pd.DataFrame:
    """Leave out all but one of the kept pictures with the same id; all of them if they have several labels.

    Parameters
    ----------
    images
        An image table (columns id, path, label, status, reason); rows that are not kept stay as they are.

    Returns
    -------
    A copy in which the first by path stays kept and the others are `duplicate`; the same picture under two labels is a
    `conflict`, since nobody knows which of them is right.
    """
    images = images.copy()
    kept = images[images["status"] == Status.KEPT]
    for _, same in kept[kept.duplicated("id", keep=False)].sort_values("path").groupby("id"):
        if same["label"].nunique() > 1:
            images.loc[same.index, "status"] = Status.CONFLICT
            for row in same.index:
                others = same.loc[same["label"] != same.at[row, "label"], "path"]
                images.loc[row, "reason"] = f"the same picture has another label: {', '.join(others)}"
        else:
            images.loc[same.index[1:], "status"] = Status.DUPLICATE
            images.loc[same.index[1:], "reason"] = f"the same picture as {same['path'].iloc[0]}"
    return images


def look_alike_groups(hashes: Sequence[str], max_bits: int) -> NDArray[np.int64]:
    """Number the groups of pictures that are linked by perceptual hashes that differ in at most `max_bits` bits.

    Parameters
    ----------
    hashes
        n hashes in hex, all of the same length, a multiple of 16 digits.
    max_bits
        0 links only equal hashes.

    Returns
    -------
    n group numbers, from 0, in the order of first appearance.
    """
    if not hashes:
        return np.zeros(0, np.int64)
    words = np.array([np.frombuffer(bytes.fromhex(text), ">u8") for text in hashes]).astype(np.uint64)
    lefts, rights = [], []
    for start in range(0, len(words), BLOCK):
        block = words[start : start + BLOCK]
        rest = words[start:]
        distance = np.zeros((len(block), len(rest)), np.uint16)
        for word in range(words.shape[1]):
            distance += np.bitwise_count(block[:, word, None] ^ rest[None, :, word])
        left, right = np.nonzero(distance <= max_bits)
        lefts.append(left + start)
        rights.append(right + start)
    edges = (np.concatenate(lefts), np.concatenate(rights))
    from scipy.sparse import coo_array  # only here: clean, which finds exact duplicates, does without
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(edges[0]), bool), edges), shape=(len(words), len(words)))
    groups = connected_components(graph, directed=False)[1]
    return pd.factorize(groups)[0].astype(np.int64)
