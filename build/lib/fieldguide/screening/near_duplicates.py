"""Near duplicates for the review queue, with those across labels first: one of their labels is wrong."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Cosine similarity. With mobilenetv2_100 and 1,078 web photos of bears, the five pairs above it that perceptual hashes
# miss are one photo each, mirrored or cropped; from 0.89 down most are two photos.
SAME_PICTURE = 0.94
BLOCK = 512  # rows compared at a time: 512 x 100,000 similarities need 200 MB


def near_duplicates_of(
    features: NDArray[np.float32], pictures: pd.DataFrame, min_similarity: float | None = SAME_PICTURE
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
    ids, labels = pictures["id"].to_numpy(str), pd.factorize(pictures["label"])[0]
    groups = pd.factorize(pictures["group"])[0]
    files = pd.factorize(pictures["path"])[0] if "path" in pictures else np.arange(len(pictures))
    found_ids, found = [], []
    for start in range(0, len(pictures), BLOCK):
        rows = slice(start, start + BLOCK)
        similarity = directions[rows] @ directions.T
        linked = groups[rows, None] == groups
        if min_similarity is not None:
            linked |= similarity >= min_similarity
        linked &= files[rows, None] != files
        merit = np.where(linked, similarity + 2 * (labels[rows, None] != labels), -np.inf)
        best, here = merit.argmax(axis=1), np.arange(len(linked))
        has = linked.any(axis=1)
        found_ids.append(np.where(has, ids[best], ""))
        found.append(np.where(has, similarity[here, best].astype(np.float64).round(6), np.nan))
    return pd.DataFrame(
        {"near_duplicate_of": np.concatenate(found_ids), "near_duplicate_similarity": np.concatenate(found)},
        index=pictures.index,
    )
