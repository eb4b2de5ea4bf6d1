"""Near duplicates for the review queue, with those across labels first: one of their labels is wrong."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.parallel import map_threads

# Cosine similarity. With mobilenetv2_100 and 1,078 web photos of bears, the five pairs above it that perceptual hashes
# miss are one photo each, mirrored or cropped; from 0.89 down most are two photos.
SAME_PICTURE = 0.94
BLOCK, TILE = 256, 65_536  # rows and columns compared at a time: so many similarities need 67 MB
SHORT = 128  # numbers that stand for a picture's features where all pairs are compared
SAMPLE = 1024  # pictures whose features choose these numbers
ROUNDING = 1e-4  # of similarities, far more than float32 has

Floats = NDArray[np.float32]


class _Pictures(NamedTuple):
    """Of n pictures what is compared, see `near_duplicates_of`."""

    directions: Floats  # (n, f), of length 1
    short: Floats  # (n, at most SHORT + 1), see `_shortened`
    labels: NDArray[np.intp]  # (n,) numbers, as of groups and files
    groups: NDArray[np.intp]
    files: NDArray[np.intp]


def near_duplicates_of(
    features: Floats, pictures: pd.DataFrame, min_similarity: float | None = SAME_PICTURE
) -> pd.DataFrame:
    """Find the near duplicate of every picture that matters most: with another label first, then the most similar.

    Parameters
    ----------
    features
        (n, f), of a body that was trained on other pictures.
    pictures
        n rows with columns id, label and group (that of the split: what perceptual hashes link), and perhaps path: two
        boxes of one file are two subjects, however alike.
    min_similarity
        Two pictures are near duplicates from this cosine similarity, beside those of one group; None: groups only.
        A body without pretrained weights needs None: it places whole labels, or everything, as close as duplicates.

    Returns
    -------
    n rows, with the index of `pictures`: near_duplicate_of (id, "" for none) and near_duplicate_similarity (float64
    cosine, six digits; NaN for none).
    """
    directions = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    labels, groups = (pd.factorize(pictures[name])[0] for name in ("label", "group"))
    files = pd.factorize(pictures["path"])[0] if "path" in pictures else np.arange(len(pictures))
    short = directions if min_similarity is None else _shortened(directions)
    compared = _Pictures(directions, short, labels, groups, files)
    blocks = [slice(start, start + BLOCK) for start in range(0, len(pictures), BLOCK)]
    found = list(map_threads(partial(_most_alike, compared, min_similarity), blocks))
    others, similarity = (np.concatenate(values) for values in zip(*found, strict=True))
    ids = pictures["id"].to_numpy(str)
    return pd.DataFrame(
        {
            "near_duplicate_of": np.where(others >= 0, ids[others], ""),
            "near_duplicate_similarity": similarity.astype(np.float64).round(6),
        },
        index=pictures.index,
    )


def _most_alike(pictures: _Pictures, min_similarity: float | None, rows: slice) -> tuple[NDArray[np.intp], Floats]:
    """The position of the near duplicate of each of some rows, -1 for none, and its similarity, NaN for none."""
    directions, short, labels, groups, files = pictures
    candidates = np.isin(groups, groups[rows])
    if min_similarity is not None:
        tiles = (short[start : start + TILE] for start in range(0, len(short), TILE))
        bound = min_similarity - ROUNDING
        candidates |= np.concatenate([(short[rows] @ tile.T >= bound).any(axis=0) for tile in tiles])
    others = np.flatnonzero(candidates)
    similarity = directions[rows] @ directions[others].T
    linked = groups[rows, None] == groups[others]
    if min_similarity is not None:
        linked |= similarity >= min_similarity
    linked &= files[rows, None] != files[others]
    merit = np.where(linked, similarity + 2 * (labels[rows, None] != labels[others]), -np.inf)
    best, here = merit.argmax(axis=1), np.arange(len(linked))
    has = linked.any(axis=1)
    return np.where(has, others[best], -1), np.where(has, similarity[here, best], np.float32(np.nan))


def _shortened(directions: Floats) -> Floats:
    """A few numbers for each direction (n, f), whose products are never smaller than those of the directions.

    They are where it lies in the space that holds most of all directions, and how much of it is outside. There two have
    at most the product of both lengths in common (Cauchy and Schwarz). So all pairs are compared in a tenth of the
    time, and in full only those that may be alike.
    """
    count, length = directions.shape
    if length <= SHORT:
        return directions
    some = directions[np.linspace(0, count - 1, min(count, SAMPLE)).round().astype(int)]
    main = np.linalg.eigh(some @ some.T)[1][:, -SHORT:]
    basis = np.linalg.qr(some.T @ main)[0]
    inside = directions @ basis
    outside = np.linalg.norm(directions - inside @ basis.T, axis=1, keepdims=True)
    return np.concatenate([inside, outside], axis=1)
