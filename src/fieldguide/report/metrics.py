"""The figures that say how good a classifier is."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, f1_score, log_loss, precision_recall_fscore_support


def headline(labels: NDArray[np.str_], probabilities: NDArray[np.float64], vocabulary: list[str]) -> dict[str, float]:
    """Accuracy with its 95 % interval (Wilson 1927), macro F1 and log loss.

    Parameters
    ----------
    labels
        (n,) true labels, n at least 1.
    probabilities
        (n, labels) in the order of `vocabulary`, which is sorted.
    """
    right = np.array(vocabulary)[probabilities.argmax(axis=1)] == labels
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(0.95, method="wilson")
    predicted = np.array(vocabulary)[probabilities.argmax(axis=1)]
    return {
        "accuracy": float(right.mean()),
        "accuracy_low": float(interval.low),
        "accuracy_high": float(interval.high),
        "macro_f1": float(f1_score(labels, predicted, labels=vocabulary, average="macro", zero_division=0)),
        "log_loss": float(log_loss(labels, probabilities, labels=vocabulary)),
    }


def baseline_accuracy(train_labels: NDArray[np.str_], labels: NDArray[np.str_]) -> float:
    """The accuracy of always naming the most frequent training label (of several, the first by name)."""
    names, counts = np.unique(train_labels, return_counts=True)
    return float((labels == names[counts.argmax()]).mean())


def per_label(labels: NDArray[np.str_], predicted: NDArray[np.str_], vocabulary: list[str]) -> pd.DataFrame:
    """One row a label: label, precision, recall, f1, pictures. A label never predicted has precision 0."""
    precision, recall, f1, pictures = precision_recall_fscore_support(
        labels, predicted, labels=vocabulary, zero_division=0
    )
    return pd.DataFrame({"label": vocabulary, "precision": precision, "recall": recall, "f1": f1, "pictures": pictures})


def confusion(labels: NDArray[np.str_], predicted: NDArray[np.str_], vocabulary: list[str]) -> pd.DataFrame:
    """Counts; the rows are the true labels, the columns the predictions."""
    counts = confusion_matrix(labels, predicted, labels=vocabulary)
    return pd.DataFrame(counts, index=pd.Index(vocabulary, name="label"), columns=vocabulary)
