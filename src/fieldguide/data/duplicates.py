"""Exact duplicates, and near duplicates by perceptual hash."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.data.status import Status

TILE, BLOCK = 16_384, 1024  # hashes compared at a time: if all of them are alike, the links need 0.5 GB
MAX_LINKS = 1_000_000  # kept until the groups are joined


def mark_exact_duplicates(images: pd.DataFrame) -> pd.DataFrame:
    """Leave out all but one of the kept pictures that are the same; all of them if they have several labels.

    The same are those whose clean copies are, byte for byte: files with one id, and a picture that was saved in another
    format without loss.

    Parameters
    ----------
    images
        An image table (columns clean_sha256, path, label, box, cut_from, status, reason); rows not kept stay as is.

    Returns
    -------
    A copy in which the first by path stays kept and the others are `duplicate`; the same picture under two labels is a
    `conflict`, since nobody knows which of them is right.
    """
    images = images.copy()
    kept = images[images["status"] == Status.KEPT]
    copies = kept[kept.duplicated("clean_sha256", keep=False)].sort_values("path", kind="stable")
    for _, same in copies.groupby("clean_sha256"):
        if same["label"].nunique() > 1:
            images.loc[same.index, "status"] = Status.CONFLICT
            for row in same.index:
                others = same[same["label"] != same.at[row, "label"]]
                images.loc[row, "reason"] = _conflict(same.loc[row], others)
        else:
            images.loc[same.index[1:], "status"] = Status.DUPLICATE
            for row in same.index[1:]:
                itself = same.at[row, "path"] == same["path"].iloc[0]
                reason = "the same box twice" if itself else f"the same picture as {same['path'].iloc[0]}"
                images.loc[row, "reason"] = reason
    return images


def leave_out_shared_ids(images: pd.DataFrame) -> pd.DataFrame:
    """Leave out kept pictures that have one id, but other clean copies: in one place these overwrite each other.

    Returns a copy of the image table (columns id, clean_sha256, path, status, reason).
    """
    images = images.copy()
    kept = images[images["status"] == Status.KEPT]
    for _, same in kept[kept.duplicated("id", keep=False)].groupby("id"):
        if same["clean_sha256"].nunique() > 1:
            for row, path in same["path"].items():
                others = ", ".join(sorted({*same["path"]} - {path})) or path
                images.loc[row, "status"] = Status.UNREADABLE
                images.loc[row, "reason"] = f"another picture has its id ({others}): save one of them anew"
    return images


def _conflict(picture: pd.Series, others: pd.DataFrame) -> str:
    """Why a picture cannot be kept that has other labels too, in other files or in its own."""
    if files := [path for path in others["path"] if path != picture["path"]]:
        return f"the same picture has another label: {', '.join(files)}"
    labels = ", ".join(sorted({picture["label"], *others["label"]}))
    if picture["cut_from"] is not None:
        return f"the same box has several labels: {labels}"
    advice = "" if picture["box"] is None else "; with `clean.crop: boxes` each box keeps its own"
    return f"it has several labels: {labels}{advice}"


def look_alike_groups(hashes: Sequence[str], max_bits: int) -> NDArray[np.int64]:
    """Number the groups of pictures that are linked by perceptual hashes that differ in at most `max_bits` bits.

    Every hash is compared with every other one, by faiss; the memory that this needs does not depend on how many are
    alike.

    Parameters
    ----------
    hashes
        n hashes in hex, all of the same length, an even number of digits.
    max_bits
        0 links only equal hashes.

    Returns
    -------
    n group numbers, from 0, in the order of first appearance.
    """
    if not hashes:
        return np.zeros(0, np.int64)
    import faiss  # only here: clean, which finds exact duplicates, does without

    codes = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(hashes), -1)
    codes, places = np.unique(codes, axis=0, return_inverse=True)
    groups = np.arange(len(codes))
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    faiss.omp_set_num_threads(1)  # its own threads wait for each other on a busy machine
    with ThreadPoolExecutor(cores := os.cpu_count() or 1) as pool:
        for tile in range(0, len(codes), TILE):
            index = faiss.IndexBinaryFlat(8 * codes.shape[1])
            index.add(codes[tile : tile + TILE])
            starts = range(0, min(tile + TILE, len(codes)), BLOCK)
            for first in range(0, len(starts), cores):
                for ends in pool.map(partial(_alike, index, codes, max_bits), starts[first : first + cores]):
                    one, other = groups[ends[0]], groups[ends[1] + tile]
                    found.append((one[one != other], other[one != other]))
                if sum(len(ones) for ones, _ in found) > MAX_LINKS:
                    groups, found = _joined(groups, found), []
    return pd.factorize(_joined(groups, found)[places])[0].astype(np.int64)


def _alike(
    index: Any, codes: NDArray[np.uint8], max_bits: int, start: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of a block of codes are alike which in an index: their places in `codes`, and in the index."""
    ends, _, alike = index.range_search(codes[start : start + BLOCK], max_bits + 1)  # it finds those with fewer bits
    counts = np.diff(ends.astype(np.int64)).astype(np.int64)
    return np.repeat(np.arange(len(counts)) + start, counts), alike


def _joined(groups: NDArray[np.int64], links: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> NDArray[np.int64]:
    """The groups after those have become one that a link joins."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones, others = (np.concatenate(ends) for ends in zip(*links, strict=True)) if links else (groups[:0], groups[:0])
    graph = coo_array((np.ones(len(ones), bool), (ones, others)), shape=(len(groups), len(groups)))
    joined: NDArray[np.int64] = connected_components(graph, directed=False)[1][groups]
    return joined
