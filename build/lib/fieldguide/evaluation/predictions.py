"""The classifier's predictions for labelled pictures, as a table."""

import numpy as np
import pandas as pd

from fieldguide.evaluation.metrics import Positions, Probabilities, losses

COLUMNS = ["id", "path", "clean_path", "split", "label", "group", "split_key", "site", "time", "sequence"]


def target_positions(pictures: pd.DataFrame, vocabulary: list[str]) -> Positions:
    """The positions (n,) of the pictures' labels in the vocabulary, which is sorted."""
    return np.searchsorted(vocabulary, pictures["label"].to_numpy(str))


def predictions_table(pictures: pd.DataFrame, probabilities: Probabilities, vocabulary: list[str]) -> pd.DataFrame:
    """One row a picture, with the columns of `fieldguide.data.table.predictions_schema`.

    Parameters
    ----------
    pictures
        n rows with the columns of the split table, and path.
    probabilities
        (n, labels), calibrated.
    """
    return pictures[COLUMNS].assign(
        prediction=np.array(vocabulary)[probabilities.argmax(axis=1)],
        probability=probabilities.max(axis=1),
        loss=losses(target_positions(pictures, vocabulary), probabilities),
        **{f"probability_{label}": probabilities[:, position] for position, label in enumerate(vocabulary)},
    )
