"""Doubts about labels by confident learning (Northcutt, Jiang and Chuang 2021), with the library cleanlab.

The probabilities come from models that have not seen the picture, nor one that looks like it. A doubt is for a person
to settle: about half of the labels in doubt are wrong.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

FOLDS = 5
# C of scikit-learn's logistic regression, on standardized features: few pictures, many features.
INVERSE_PENALTY = 0.001
SMALLEST_PROBABILITY = 1e-6
NORMAL = 1.4826  # standard deviations in a median absolute deviation
SMALLEST_SPREAD = 0.1  # of log odds: a difference that counts as none


def label_doubts(probabilities: NDArray[np.float64], labels: Sequence[str]) -> pd.DataFrame:
    """Compare labels with out-of-fold probabilities.

    Parameters
    ----------
    probabilities
        (n, k) for the k distinct labels in sorted order; each row from a model that has not seen the picture.
    labels
        n labels as they are.

    Returns
    -------
    n rows: label_quality (float64 in [0, 1], the probability of the label), label_surprise (float64: a robust z-score
    of the log odds of the suggested label against this one, among the pictures of this label), suggested_label (the
    most probable one) and label_doubt (bool).

    In doubt are labels of the lowest quality and of the largest surprise, as many of each as confident learning finds
    errors: it estimates best how many there are (Northcutt et al. 2021). The quality finds most of them; but where two
    labels are often taken for one another, a plain error of a third kind is hidden behind theirs.
    """
    from cleanlab.filter import find_label_issues

    vocabulary, targets = np.unique(np.asarray(labels, str), return_inverse=True)
    rows, best = np.arange(len(targets)), probabilities.argmax(axis=1)
    # Averages of rounded numbers may exceed 1 by a rounding error.
    quality = probabilities[rows, targets].clip(0, 1)
    surprise = _surprise(probabilities, targets)[rows, best]
    unlike = np.flatnonzero(best != targets)
    errors = int(find_label_issues(targets, probabilities, n_jobs=1).sum())
    doubt = np.zeros(len(targets), bool)
    for order in (quality, -surprise):
        doubt[unlike[np.argsort(order[unlike], kind="stable")[:errors]]] = True
    return pd.DataFrame(
        {
            "label_quality": quality,
            "label_surprise": surprise,
            "suggested_label": vocabulary[best].astype(object),
            "label_doubt": doubt,
        }
    )


def _surprise(probabilities: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far the log odds (n, k) of each label against the given one are above their median over its pictures."""
    logarithms = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
    odds = logarithms - np.take_along_axis(logarithms, targets[:, None], axis=1)
    surprise = np.zeros_like(odds)
    for label in np.unique(targets):
        own = targets == label
        above = odds[own] - np.median(odds[own], axis=0)
        spread = NORMAL * np.median(np.abs(above), axis=0)
        surprise[own] = above / np.maximum(spread, SMALLEST_SPREAD)
    return surprise


def out_of_fold(
    features: NDArray[np.float32], labels: Sequence[str], groups: Sequence[str], seed: int, taught: Mask | None = None
) -> NDArray[np.float64]:
    """Probabilities by logistic regression, each picture's from models of other groups' pictures.

    Parameters
    ----------
    features
        (n, f), of a body that has not learned from these labels.
    labels, groups
        n each; no model learns from a picture of the group that it is asked about.
    taught
        (n,) the pictures that models learn from, by default all. The others' probabilities are means over all models.

    Returns
    -------
    (n, k), for the k distinct labels in sorted order.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    vocabulary, targets = np.unique(np.asarray(labels, str), return_inverse=True)
    probabilities, models = np.zeros((len(targets), len(vocabulary))), np.zeros((len(targets), 1))
    for others, asked in teaching_folds(targets, groups, FOLDS, seed, taught):
        models[asked] += 1
        learned = np.unique(targets[others])
        if len(learned) == 1:  # two labels, one of them in a single group: nothing to learn
            probabilities[np.ix_(asked, learned)] += 1
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=1000))
        model.fit(features[others], targets[others])
        probabilities[np.ix_(asked, model.classes_)] += model.predict_proba(features[asked])
    return probabilities / models


def teaching_folds(
    targets: NDArray[np.int64], groups: Sequence[str], folds: int, seed: int, taught: Mask | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The rows that a model learns from, and those that it is asked about: of no group that it learns from.

    Of the `taught` rows these are the folds of `group_folds`; the others are asked about every time that no look-alike
    teaches, at least once.
    """
    taught = np.ones(len(targets), bool) if taught is None else taught
    names, teachers = np.asarray(groups, str), np.flatnonzero(taught)
    _, codes = np.unique(targets[teachers], return_inverse=True)
    for others, _ in group_folds(codes, names[teachers].tolist(), folds, seed):
        learned = teachers[others]
        yield learned, np.flatnonzero(~np.isin(names, names[learned]))


def group_folds(
    targets: NDArray[np.int64], groups: Sequence[str], folds: int, seed: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The rows of the others and of those held out, `folds` times (fewer where a label has fewer pictures, at least 2).

    Every row is held out once, together with its whole group; labels keep their shares as well as groups allow.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    folds = max(2, min(folds, int(np.bincount(targets).min())))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(targets)), targets, np.asarray(groups, str))
