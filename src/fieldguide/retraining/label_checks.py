"""Whether the labels of a delivery are in doubt: by models that have seen neither the picture nor its look-alikes.

Known and new pictures are predicted in the same way, out of fold, whether there is a champion or not, and whether the
delivery comes from the usual source or from another one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from fieldguide.base.config import Config
from fieldguide.base.files import sha256_of_file
from fieldguide.base.parallel import map_processes
from fieldguide.base.paths import Paths
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.images import PictureError, bounded, open_picture, perceptual_hash
from fieldguide.retraining.data_changes import list_files
from fieldguide.retraining.triggers import Disputed, Doubts

if TYPE_CHECKING:
    from fieldguide.model.backbone import Backbone

MIN_KNOWN = 20  # pictures; fewer do not show what is usual
MAX_KNOWN = 1000  # pictures of the data set that new ones are compared with, evenly spaced

Probabilities = NDArray[np.float64]
# Probabilities (r, k) of n files with labels, for those r that can be read, and which (n,) these are.
OutOfFold = Callable[[Sequence[Path], Sequence[str]], tuple[Probabilities, NDArray[np.bool_]]]


def check_labels(out_of_fold: OutOfFold, source: Path, incoming: Path, new: pd.DataFrame) -> Doubts | None:
    """Doubts about the labels of new pictures, beside those about the labels of the data set.

    Parameters
    ----------
    source
        The folder of the data set, with a folder of pictures for each label.
    incoming, new
        Where new pictures are: columns file (below `incoming`) and target (below `source`).

    Returns
    -------
    None where the data set has too few pictures in folders of labels, or nothing is new.
    """
    present = [path for path in list_files(source) if "/" in path]
    evenly = np.linspace(0, len(present) - 1, min(len(present), MAX_KNOWN)).round().astype(int)
    known = [present[place] for place in evenly]
    if len(known) < MIN_KNOWN or new.empty:
        return None
    files = [*(source / path for path in known), *(incoming / file for file in new["file"])]
    labels = np.array([path.partition("/")[0] for path in [*known, *new["target"]]])
    names = np.array([*known, *new["file"]])
    probabilities, read = out_of_fold(files, list(labels))
    is_new = np.arange(len(files)) >= len(known)
    return find_doubts(probabilities, list(labels[read]), is_new[read], list(names[read]))


def find_doubts(
    probabilities: Probabilities, labels: Sequence[str], new: NDArray[np.bool_], names: Sequence[str]
) -> Doubts | None:
    """How many labels of new pictures are disputed, beside how many of the known ones are.

    Parameters
    ----------
    probabilities
        (n, k) out of fold, for the k distinct labels in sorted order.
    labels, new, names
        n each: the label that the picture came with, whether it is new, and its name.

    Returns
    -------
    None where too few pictures are known, or none is new. The p-value is that of Fisher's exact test, one-sided.
    """
    known = ~new
    if known.sum() < MIN_KNOWN or not new.any():
        return None
    vocabulary = np.unique(np.asarray(labels, str))
    answers = vocabulary[probabilities.argmax(axis=1)]
    disputed = answers != np.asarray(labels, str)
    counts = [[int((disputed & side).sum()), int((~disputed & side).sum())] for side in (new, known)]
    which = np.flatnonzero(disputed & new)
    most_confident = which[np.argsort(-probabilities[which].max(axis=1), kind="stable")]
    return Doubts(
        disputed=len(which),
        pictures=int(new.sum()),
        usual=float(disputed[known].mean()),
        p_value=float(fisher_exact(counts, alternative="greater").pvalue),
        which=[Disputed(str(names[place]), str(labels[place]), str(answers[place])) for place in most_confident],
    )


def answers_out_of_fold(
    cfg: Config, paths: Paths, files: Sequence[Path], labels: Sequence[str]
) -> tuple[Probabilities, NDArray[np.bool_]]:
    """Probabilities (r, k) for the k labels of the r pictures that can be read, and which (n,) these are.

    By frozen features where the checkout has pretrained starting weights, else by small networks that are trained for
    it, as the stage `screen` does; look-alikes are never on both sides.
    """
    from fieldguide.model.backbone import load_backbone
    from fieldguide.screening.label_doubts import out_of_fold
    from fieldguide.screening.out_of_fold import out_of_fold_from_pictures

    with TemporaryDirectory() as folder:
        copies = [Path(folder, f"{number}.png") for number in range(len(files))]
        work = list(zip(files, copies, strict=True))
        hashes = map_processes(partial(_small_copy, cfg.clean.max_megapixels, cfg.clean.max_side), work, "label checks")
        read = np.array([bool(one) for one in hashes])
        small = [copy for copy, one in zip(copies, hashes, strict=True) if one]
        given = [label for label, one in zip(labels, hashes, strict=True) if one]
        numbers = look_alike_groups([one for one in hashes if one], cfg.split.near_duplicate_bits)
        if len(set(numbers)) < MIN_KNOWN:  # where all look alike, as before one background, that means nothing
            numbers = np.arange(len(given))
        groups = [str(number) for number in numbers]
        backbone = load_backbone(paths.backbone) if paths.backbone.is_file() else None
        if backbone is None or not backbone.is_pretrained:
            return out_of_fold_from_pictures(small, given, groups, cfg.seed), read
        return out_of_fold(_features(cfg, paths, backbone, small), given, groups, cfg.seed), read


def _small_copy(max_megapixels: float, max_side: int, work: tuple[Path, Path]) -> str:
    """Write a small copy of a picture; returns its perceptual hash, "" if it cannot be read."""
    file, target = work
    try:
        picture = open_picture(file, max_megapixels)
    except PictureError:
        return ""
    bounded(picture, max_side).save(target)
    return perceptual_hash(picture)


def _features(cfg: Config, paths: Paths, backbone: "Backbone", pictures: Sequence[Path]) -> NDArray[np.float32]:
    from fieldguide.model.description import Preprocessing
    from fieldguide.model.features import frozen_features
    from fieldguide.model.fingerprint import code_digest
    from fieldguide.training.checkpoint import state_key

    clean, size = cfg.clean, cfg.train.size
    preprocessing = Preprocessing(
        clean.max_megapixels, clean.max_side, "squish", "border", size, backbone.normalization
    )
    named = [(sha256_of_file(picture), picture) for picture in pictures]
    features: NDArray[np.float32] = frozen_features(
        backbone, preprocessing, named, paths.features, state_key(code_digest())
    ).numpy()
    return features
