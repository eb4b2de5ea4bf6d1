"""Which pictures a person should look at: the hardest ones, and those of the labels that are confused most."""

from pathlib import Path
from typing import Any

import pandas as pd

from fieldguide.base.shares import percent
from fieldguide.evaluation.metrics import confused_pairs
from fieldguide.model.activation_maps import ActivationMaps
from fieldguide.model.activation_overlay import overlay
from fieldguide.model.inference import Classifier, open_for
from fieldguide.pages.parts import THUMBNAIL, Drawn, Shown

MAX_HARDEST = 24
MAX_PAIRS, MAX_PER_PAIR = 3, 6


def hardest(predictions: pd.DataFrame) -> pd.DataFrame:
    """The predictions with the highest loss first: path, clean_path, label, prediction, probability, loss."""
    table = predictions.sort_values(["loss", "id"], ascending=[False, True]).head(MAX_HARDEST)
    return table[["path", "clean_path", "label", "prediction", "probability", "loss"]].reset_index(drop=True)


def mistakes(predictions: pd.DataFrame, counts: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The most confident mistakes of the most confused pairs of labels, each pair with a title.

    `counts` is the confusion matrix of the predictions.
    """
    rows = []
    for label, prediction, count in confused_pairs(counts).head(MAX_PAIRS).itertuples(index=False):
        wrong = predictions[(predictions["label"] == label) & (predictions["prediction"] == prediction)]
        most_confident = wrong.sort_values(["probability", "id"], ascending=[False, True]).head(MAX_PER_PAIR)
        rows.append((f"{label} predicted as {prediction}: {count}", most_confident))
    return rows


def show(
    classifier: Classifier, clean: Path, predictions: pd.DataFrame, maps: ActivationMaps | None = None
) -> list[Shown]:
    """The pictures of some predictions, with file, label, prediction and probability.

    With `maps`, beside each where it speaks for the prediction.
    """
    return [_shown(classifier, clean, row, maps) for row in predictions.to_dict("records")]


def _shown(classifier: Classifier, clean: Path, row: dict[Any, Any], maps: ActivationMaps | None) -> Shown:
    picture = open_for(classifier, clean / row["clean_path"])
    lines = (row["path"], f"label {row['label']}", f"predicted {row['prediction']}, {percent(row['probability'], 0)}")
    if maps is None:
        return Shown(picture, lines)
    found = overlay(maps, picture, classifier.vocabulary.index(row["prediction"]), THUMBNAIL)
    return Shown(picture, lines, Drawn(found.picture, f"what speaks for {row['prediction']}: {found.where}"))
