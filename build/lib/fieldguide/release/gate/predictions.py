"""What the models say of the pictures, and what that takes: predictions, time, size."""

import time

import numpy as np
import pandas as pd

from fieldguide.base.progress import progress
from fieldguide.evaluation.baselines import BASELINES, majority_label, tree_predictions
from fieldguide.evaluation.metrics import Probabilities, losses
from fieldguide.model.inference import Classifier, calibrated, logits_of, open_all, predict_logits, to_input
from fieldguide.release.gate.picture_sets import GROUP_COLUMNS, PictureSet

ROUNDS = 7
TIMED_PICTURES = 32


def predictions(classifier: Classifier, pictures: PictureSet) -> pd.DataFrame:
    """The columns id, label, prediction, probability (of the prediction), loss, loss_uncalibrated, group, split_key.

    One row a picture.

    `loss` is the log loss, `loss_uncalibrated` that with temperature 1; both are NaN for a label that is not known.
    """
    table = pictures.pictures
    logits = predict_logits(classifier, open_all(classifier, list(table["file"]), pictures.name))
    probabilities = calibrated(logits, classifier.temperature)
    names = np.array(classifier.vocabulary, dtype=object)[probabilities.argmax(axis=1)]
    return table[["id", "label", *GROUP_COLUMNS]].assign(
        prediction=names,
        probability=probabilities.max(axis=1),
        loss=_losses(classifier, table["label"], probabilities),
        loss_uncalibrated=_losses(classifier, table["label"], calibrated(logits, 1.0)),
    )


def _losses(classifier: Classifier, labels: "pd.Series[str]", probabilities: Probabilities) -> "pd.Series[float]":
    known = labels.isin(classifier.vocabulary)
    targets = np.searchsorted(classifier.vocabulary, labels[known].to_numpy(str))
    return pd.Series(losses(targets, probabilities[known.to_numpy()]), index=labels.index[known]).reindex(labels.index)


def baseline_predictions(classifier: Classifier, train: PictureSet, pictures: PictureSet) -> dict[str, pd.DataFrame]:
    """The predictions of the baselines, by their names: columns id, label, prediction."""
    table, labels = pictures.pictures, train.pictures["label"]
    most_frequent, tree = BASELINES.values()
    by_colour = tree_predictions(
        open_all(classifier, list(train.pictures["file"]), "baseline, train"),
        labels,
        open_all(classifier, list(table["file"]), "baseline"),
    )
    return {
        most_frequent: table[["id", "label"]].assign(prediction=majority_label(labels)),
        tree: table[["id", "label"]].assign(prediction=by_colour),
    }


def seconds_side_by_side(challenger: Classifier, champion: Classifier, pictures: PictureSet) -> tuple[float, float]:
    """Seconds for a picture of each, from the opened picture to its answer.

    Both are timed in turn, on the same pictures in the same process, the one that begins changing from round to round;
    the fastest round of each counts, since whatever else the machine does can only slow a round.
    """
    few = list(pictures.pictures["file"].head(TIMED_PICTURES))
    both = [(model, list(open_all(model, few, "speed"))) for model in (challenger, champion)]
    best = [float("inf"), float("inf")]
    for number in progress(range(-1, ROUNDS), "speed", unit="rounds"):  # the first only warms up
        for turn in (0, 1) if number % 2 else (1, 0):
            model, opened = both[turn]
            start = time.perf_counter()
            logits_of(model, [to_input(picture, model.preprocessing) for picture in opened])
            if number >= 0:
                best[turn] = min(best[turn], (time.perf_counter() - start) / len(opened))
    return best[0], best[1]
