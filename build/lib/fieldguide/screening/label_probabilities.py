"""Probabilities of labels from models that have not seen the picture, and the near duplicates that their features show.

Pretrained features know nothing of these labels. Where there are none, networks are trained that have not seen the
picture, and what they say of it stands for its features. They know less than the classifier, which is asked too about
the pictures that it has not seen.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.data.groups import inseparable_groups
from fieldguide.model.backbone import Backbone
from fieldguide.model.description import Preprocessing
from fieldguide.model.features import frozen_features
from fieldguide.screening.label_doubts import out_of_fold
from fieldguide.screening.near_duplicates import SAME_PICTURE, near_duplicates_of


def from_frozen_features(
    backbone: Backbone, preprocessing: Preprocessing, table: pd.DataFrame, clean: Path, kept: Path, seed: int
) -> tuple[NDArray[np.float64], pd.DataFrame]:
    """Probabilities (n, labels in sorted order) and near duplicates of the n pictures of the split table.

    `table` has the column `path` too; `kept` is that of `frozen_features`.
    """
    pictures = [(sha256, clean / path) for sha256, path in zip(table["clean_sha256"], table["clean_path"], strict=True)]
    features = frozen_features(backbone, preprocessing, pictures, kept)
    probabilities = out_of_fold(features, list(table["label"]), list(inseparable_groups(table)), seed)
    return probabilities, near_duplicates_of(features, table, SAME_PICTURE)


def from_trained_networks(
    unseen: pd.DataFrame, table: pd.DataFrame, clean: Path, seed: int
) -> tuple[NDArray[np.float64], pd.DataFrame]:
    """The same where the starting weights are random.

    `unseen` holds the classifier's probabilities (rows by the index of `table`) for pictures it was not trained on.
    """
    from fieldguide.screening.out_of_fold import out_of_fold_from_pictures  # which imports PyTorch

    files = [clean / path for path in table["clean_path"]]
    probabilities = out_of_fold_from_pictures(files, list(table["label"]), list(inseparable_groups(table)), seed)
    duplicates = near_duplicates_of(probabilities.astype(np.float32), table, min_similarity=None)
    probabilities[unseen.index] = (probabilities[unseen.index] + unseen) / 2
    return probabilities, duplicates
