"""Whether the labels of a delivery are in doubt: by models that have learned from known pictures, not from it.

Known and new pictures are predicted in the same way, out of fold, whether there is a champion or not, and whether the
delivery comes from the usual source or from another one. A delivery does not teach those that judge it: many wrong
labels of one kind would look right.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.config import Config
from fieldguide.base.files import sha256_of_file
from fieldguide.base.parallel import map_processes
from fieldguide.base.paths import Paths
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.groups import inseparable_groups
from fieldguide.data.images import PictureError, open_bounded, perceptual_hash
from fieldguide.retraining.shown import Shown
from fieldguide.retraining.triggers import Disputed, Doubts

if TYPE_CHECKING:
    from fieldguide.model.backbone import Backbone

MIN_KNOWN = 20  # files; fewer do not show what is usual
MIN_OF_LABEL = 10  # known pictures; a label with fewer is learned from new ones too, and compared with all known ones
MAX_KNOWN = 1000  # pictures of the data set that new ones are compared with, evenly spaced
PERMUTATIONS = 1000

Probabilities = NDArray[np.float64]
Mask = NDArray[np.bool_]
# Of n pictures, some of which (n,) teach: probabilities (r, k) of the readable ones, and which (n,) they are.
OutOfFold = Callable[[Sequence[Shown], Mask], tuple[Probabilities, Mask]]
Picture = TypeVar("Picture")


def evenly(pictures: Sequence[Picture]) -> list[Picture]:
    """At most MAX_KNOWN of some pictures, evenly spaced."""
    places = np.linspace(0, len(pictures) - 1, min(len(pictures), MAX_KNOWN)).round().astype(int)
    return [pictures[place] for place in places]


def check_labels(out_of_fold: OutOfFold, known: Sequence[Shown], new: Sequence[Shown]) -> tuple[Doubts | None, str]:
    """Doubts about the labels of new pictures, beside those about the labels of known ones, of the data set.

    Returns
    -------
    The doubts, or None and why the labels could not be checked ("" where nothing is new).
    """
    if not new:
        return None, ""
    pictures = [*known, *new]
    told = pd.DataFrame({"label": [one.label for one in pictures], "file": [one.source for one in pictures]})
    is_new = told.index.to_numpy() >= len(known)
    if reason := _too_few(told[~is_new]):
        return None, reason
    probabilities, read = out_of_fold(pictures, _teaches(told["label"].to_numpy(str), is_new))
    if reason := _too_few(told[read & ~is_new]):
        return None, reason
    if not (read & is_new).any():
        return None, "none could be read"
    # Frames of a video and boxes of a picture that have one label were given it at once: they are one witness.
    keys = [is_new[read], told["file"][read], told["label"][read]]
    by_file = pd.DataFrame(probabilities, told.index[read]).groupby(keys, sort=False).mean()
    new_ones, files, labels = (by_file.index.get_level_values(level) for level in range(3))
    return find_doubts(by_file.to_numpy(), list(labels), new_ones.to_numpy(bool), list(files)), ""


def find_doubts(
    probabilities: Probabilities, labels: Sequence[str], new: Mask, names: Sequence[str], seed: int = 0
) -> Doubts:
    """How many labels of new pictures are disputed and how many more than usual are expected to be wrong.

    A label's doubt is by how much another one is more probable: 0 for the label that is predicted, however diffuse the
    probabilities. How many labels are wrong follows from the mean doubt: right labels add what those of known pictures
    do, wrong ones what known pictures of other labels would with this one. The p-value is that of a permutation test:
    within each label, any of its pictures might be the new ones.

    Parameters
    ----------
    probabilities
        (n, k) out of fold, for the k distinct labels in sorted order.
    labels, new, names
        n each: the label that the picture came with, whether it is new, and its name. At least one is new; those that
        are not have at least two labels.
    """
    vocabulary, targets = np.unique(np.asarray(labels, str), return_inverse=True)
    answers = probabilities.argmax(axis=1)
    doubts = probabilities.max(axis=1, keepdims=True) - probabilities  # of every label that a picture might have
    disputed, doubt = answers != targets, doubts[np.arange(len(targets)), targets]
    chance, count = np.random.default_rng(seed), int(new.sum())
    usual = if_right = if_wrong = 0.0
    permuted = np.zeros(PERMUTATIONS)
    for label in np.unique(targets[new]):
        arrived = new & (targets == label)
        like = ~new & (targets == label)
        if like.sum() < MIN_OF_LABEL:
            like = ~new
        size = int(arrived.sum())
        usual += size / count * float(disputed[like].mean())
        if_right += size * float(doubt[like].mean())
        if_wrong += size * float(doubts[~new & (targets != label), label].mean())
        permuted += _sums(np.concatenate([doubt[arrived], doubt[like]]), size, chance)
    total = float(doubt[new].sum())
    which = np.flatnonzero(disputed & new)
    most_confident = which[np.argsort(-probabilities[which].max(axis=1), kind="stable")]
    return Doubts(
        disputed=len(which),
        pictures=count,
        usual=usual,
        excess=min(1.0, max(-1.0, (total - if_right) / (if_wrong - if_right))) if if_wrong > if_right else 0.0,
        p_value=float((1 + (permuted >= total - 1e-9).sum()) / (1 + PERMUTATIONS)),
        which=[
            Disputed(str(names[place]), str(labels[place]), str(vocabulary[answers[place]])) for place in most_confident
        ],
    )


def _sums(values: NDArray[np.float64], size: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """The sums of `size` of the values, drawn without putting back, PERMUTATIONS times."""
    sums: NDArray[np.float64] = chance.permuted(np.tile(values, (PERMUTATIONS, 1)), axis=1)[:, :size].sum(axis=1)
    return sums


def _too_few(known: pd.DataFrame) -> str:
    """Why known pictures, with columns label and file, do not show what is usual; "" if they do."""
    if (files := known["file"].nunique()) < MIN_KNOWN:
        return f"the data set has {files} files, {MIN_KNOWN} are needed"
    if known["label"].nunique() < 2:
        return "the data set has a single label"
    return ""


def _teaches(labels: NDArray[np.str_], new: Mask) -> Mask:
    """Known pictures, and new ones of labels that few known ones have."""
    known = Counter(labels[~new])
    return ~new | np.array([known[label] < MIN_OF_LABEL for label in labels])


def answers_out_of_fold(
    cfg: Config, paths: Paths, pictures: Sequence[Shown], taught: Mask
) -> tuple[Probabilities, Mask]:
    """Probabilities (r, k) for the k labels of the r pictures that can be read, and which (n,) these are.

    The models learn from the `taught` pictures (n,) alone.

    By frozen features where the checkout has pretrained starting weights, else by small networks that are trained for
    it, as the stage `screen` does; look-alikes and boxes of one file are never on both sides.
    """
    from fieldguide.model.backbone import load_backbone
    from fieldguide.screening.label_doubts import out_of_fold
    from fieldguide.screening.out_of_fold import out_of_fold_from_pictures

    with TemporaryDirectory() as folder:
        copies = [Path(folder, f"{number}.png") for number in range(len(pictures))]
        work = [(one.file, copy) for one, copy in zip(pictures, copies, strict=True)]
        hashes = map_processes(partial(_small_copy, cfg.clean.max_megapixels, cfg.clean.max_side), work, "label checks")
        read = np.array([bool(one) for one in hashes])
        small = [copy for copy, one in zip(copies, hashes, strict=True) if one]
        kept = [picture for picture, one in zip(pictures, hashes, strict=True) if one]
        given = [one.label for one in kept]
        numbers = look_alike_groups([one for one in hashes if one], cfg.split.near_duplicate_bits)
        if len(set(numbers)) < MIN_KNOWN:  # where all look alike, as before one background, that means nothing
            numbers = np.arange(len(given))
        alike = pd.DataFrame({"group": [str(number) for number in numbers], "path": [one.source for one in kept]})
        groups = list(inseparable_groups(alike))
        backbone = load_backbone(paths.backbone) if paths.backbone.is_file() else None
        if backbone is None or not backbone.is_pretrained:
            return out_of_fold_from_pictures(small, given, groups, cfg.seed, taught[read]), read
        return out_of_fold(_features(cfg, paths, backbone, small), given, groups, cfg.seed, taught[read]), read


def _small_copy(max_megapixels: float, max_side: int, work: tuple[Path, Path]) -> str:
    """Write a small copy of a picture; returns its perceptual hash, "" if it cannot be read."""
    file, target = work
    try:
        picture = open_bounded(file, max_megapixels, max_side)
    except PictureError:
        return ""
    picture.save(target)
    return perceptual_hash(picture)


def _features(cfg: Config, paths: Paths, backbone: "Backbone", pictures: Sequence[Path]) -> NDArray[np.float32]:
    from fieldguide.model.description import Preprocessing
    from fieldguide.model.features import frozen_features

    clean, size = cfg.clean, backbone.network.size
    preprocessing = Preprocessing(
        clean.max_megapixels, clean.max_side, "squish", "border", size, backbone.normalization
    )
    named = [(sha256_of_file(picture), picture) for picture in pictures]
    return frozen_features(backbone, preprocessing, named, paths.features)
