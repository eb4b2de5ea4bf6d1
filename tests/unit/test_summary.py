"""The first line that `fieldguide summary` says of the test."""

import pandas as pd

from fieldguide.overview.summary import MAX_RECALLS, headline

FIGURES = {"accuracy": 0.93, "accuracy_low": 0.9, "accuracy_high": 0.95, "macro_f1": 0.61, "log_loss": 0.3}


def labels(*rows: tuple[str, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["label", "pictures", "recall"])


def test_labels_of_like_number_are_summed_up_by_the_accuracy() -> None:
    said = headline(FIGURES, labels(("a", 20, 0.9), ("b", 39, 0.95)))
    assert said == "accuracy 0.930 (95 % interval 0.900 to 0.950), macro F1 0.610, log loss 0.300"


def test_unequal_labels_are_told_by_macro_f1_and_their_recall() -> None:
    said = headline(FIGURES, labels(("free", 140, 0.99), ("fray", 12, 0.25), ("blow hole", 28, 0.5)))
    assert said.startswith("macro F1 0.610 and recall (fray 0.25, blow hole 0.50, free 0.99) since labels are unequal;")
    assert said.endswith("accuracy 0.930 (95 % interval 0.900 to 0.950)")


def test_of_many_unequal_labels_the_lowest_recalls_are_told() -> None:
    said = headline(FIGURES, labels(*((f"label {number}", 10 + number, number / 30) for number in range(30))))
    assert f"label {MAX_RECALLS - 1} 0.17, the lowest {MAX_RECALLS})" in said
    assert f"label {MAX_RECALLS} " not in said
