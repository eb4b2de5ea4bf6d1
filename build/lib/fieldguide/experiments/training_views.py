"""What the network sees in training: squares as they are, and changed by augmentation, through training's loaders."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.packs import is_packed
from fieldguide.base.paths import Paths
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.model.architecture import Architecture, Normalization
from fieldguide.model.network import build_body, normalization_of
from fieldguide.training.loaders import make_loaders


@dataclass(frozen=True)
class Views:
    """One picture as the network sees it: RGB squares (size, size, 3), plain, and as several epochs might show it."""

    label: str
    plain: NDArray[np.uint8]
    augmented: list[NDArray[np.uint8]]


def training_views(cfg: Config, paths: Paths, count: int, versions: int) -> list[Views]:
    """Show training pictures, as evenly spread over the labels as there are, in the order of their labels.

    Parameters
    ----------
    count
        How many pictures; fewer are shown if there are no more.
    versions
        How many augmented versions of each.

    Raises
    ------
    UserError
        If the split or a picture in it is missing, or it has no training pictures.
    """
    chosen = _chosen_pictures(paths, count)
    repeated = chosen.loc[chosen.index.repeat(versions)]
    pictures = pd.concat([repeated.assign(is_valid=False), chosen.assign(is_valid=True)], ignore_index=True)
    architecture = Architecture(cfg.model.library, cfg.model.arch, cfg.model.options)
    normalization = normalization_of(architecture, build_body(architecture))
    loaders = make_loaders(
        pictures,
        paths.clean,
        sorted(chosen["label"].unique()),
        cfg.resize,
        cfg.augment.transforms,
        normalization,
        cfg.train,
        cfg.seed,
    )
    loaders.train.shuffle = loaders.train.drop_last = False  # make_loaders has set the seeds
    augmented = [square for batch, _ in loaders.train for square in as_squares(batch, normalization)]
    plain = [square for batch, _ in loaders.valid for square in as_squares(batch, normalization)]
    return [
        Views(label, square, augmented[number * versions : (number + 1) * versions])
        for number, (label, square) in enumerate(zip(chosen["label"], plain, strict=True))
    ]


def as_squares(batch: torch.Tensor, normalization: Normalization) -> NDArray[np.uint8]:
    """RGB squares (n, size, size, 3) of a normalized batch; what is darker than black or brighter than white is cut."""
    mean = torch.tensor(normalization.mean)[:, None, None]
    std = torch.tensor(normalization.std)[:, None, None]
    pixels = (batch.detach().cpu().as_subclass(torch.Tensor) * std + mean).clamp(0, 1)
    return (pixels * 255).round().byte().permute(0, 2, 3, 1).numpy()


def _chosen_pictures(paths: Paths, count: int) -> pd.DataFrame:
    if not paths.split_table.is_file():
        raise UserError(f"{paths.split_table} is missing: run `dvc repro split`")
    table = read_table(paths.split_table, SPLIT)
    train = table[table["split"] == Split.TRAIN].sort_values("id")
    if train.empty:
        raise UserError(f"{paths.split_table} holds no training pictures: run `dvc repro split`")
    turn = train.groupby("label").cumcount()
    chosen = train.assign(turn=turn).sort_values(["turn", "label"]).head(count).sort_values(["label", "turn"])
    for path in chosen["clean_path"]:
        if not (is_packed(paths.clean / path) or (paths.clean / path).is_file()):
            raise UserError(f"{paths.clean / path} is missing: run `dvc repro split`")
    return chosen.drop(columns="turn")
