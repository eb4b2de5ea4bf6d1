"""The figures about a classifier: known values by hand, and what must hold for any."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import f1_score, log_loss

from conftest import noise
from fieldguide.evaluation.baselines import colour_statistics, gains, majority_label, not_beaten, tree_predictions
from fieldguide.evaluation.metrics import (
    Positions,
    Probabilities,
    confused_pairs,
    confusion,
    headline,
    headline_intervals,
    macro_f1,
    measure,
    per_label,
    temperature_warning,
)
from fieldguide.statistics.calibration import (
    at_coverage,
    chance_calibration_error,
    coverage,
    expected_calibration_error,
    reliability,
)
from fieldguide.statistics.groups import alone
from fieldguide.statistics.intervals import bootstrap
from fieldguide.statistics.shares import wilson

VOCABULARY = ["black", "grizzly", "teddy"]
TARGETS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])


def random_case(seed: int, pictures: int = 40) -> tuple[Positions, Probabilities]:
    """Targets and probabilities; the classifier is right more often than not."""
    chance = np.random.default_rng(seed)
    targets = chance.integers(3, size=pictures)
    weights = chance.random((pictures, 3)) + np.eye(3)[targets] * 0.5
    return targets, weights / weights.sum(axis=1, keepdims=True)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_headline_figures_are_those_of_scikit_learn(seed: int, pictures: int) -> None:
    targets, probabilities = random_case(seed, pictures)
    found, predicted = headline(targets, probabilities), probabilities.argmax(axis=1)
    assert found["accuracy"] == (predicted == targets).mean()
    assert found["macro_f1"] == pytest.approx(f1_score(targets, predicted, average="macro", zero_division=0))
    assert found["log_loss"] == pytest.approx(log_loss(targets, probabilities, labels=[0, 1, 2]))


def test_macro_f1_by_hand() -> None:
    """black: 2 of 3 and 2 of 3; grizzly: 2 of 3 predictions, 2 of 2 pictures; teddy: never."""
    assert macro_f1(TARGETS, PREDICTED) == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_intervals_hold_the_figures(seed: int) -> None:
    targets, probabilities = random_case(seed, 60)
    found, intervals = headline(targets, probabilities), headline_intervals(targets, probabilities, alone(60), 100)
    assert set(intervals) == {f"{name}_{side}" for name in found for side in ("low", "high")}
    for name in ("accuracy", "macro_f1", "log_loss"):
        assert intervals[f"{name}_low"] <= found[name] <= intervals[f"{name}_high"]
    assert intervals == headline_intervals(targets, probabilities, alone(60), 100)


def test_a_bootstrap_interval_is_as_wide_as_theory_says_and_narrows_with_more_pictures() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    interval = bootstrap(lambda rows: {"mean": float(values[rows].mean())}, alone(400), 2000)
    width = interval["mean_high"] - interval["mean_low"]
    assert width == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    fewer = bootstrap(lambda rows: {"mean": float(values[rows].mean())}, alone(100), 2000)
    assert fewer["mean_high"] - fewer["mean_low"] > 1.5 * width


def test_a_classifier_without_mistakes_gets_an_interval_all_the_same() -> None:
    targets = np.array([0, 1, 2] * 10)
    intervals = headline_intervals(targets, np.eye(3)[targets], alone(30), 100)
    assert 0.85 < intervals["accuracy_low"] < 0.9
    assert intervals["accuracy_high"] == 1
    assert (intervals["ece_low"], intervals["log_loss_high"]) == (0, 0)


def test_wilson_by_the_formula() -> None:
    low, high = wilson(8, 10)
    z = 1.959964
    middle, reach = (0.8 + z**2 / 20) / (1 + z**2 / 10), z * np.sqrt(0.016 + z**2 / 400) / (1 + z**2 / 10)
    assert (low, high) == pytest.approx((middle - reach, middle + reach), abs=1e-6)
    assert wilson(0, 0) == (0, 1)


def test_confusion_and_figures_per_label_by_hand() -> None:
    counts = confusion(TARGETS, PREDICTED, VOCABULARY)
    assert counts.to_numpy().tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    table = per_label(TARGETS, PREDICTED, VOCABULARY, alone(6)).set_index("label")
    assert table["pictures"].tolist() == [3, 2, 1]
    assert table["precision"].tolist() == pytest.approx([2 / 3, 2 / 3, 0])
    assert table["recall"].tolist() == pytest.approx([2 / 3, 1, 0])
    assert table["f1"].tolist() == pytest.approx([2 / 3, 4 / 5, 0])
    assert (table.loc["black", "recall_low"], table.loc["black", "recall_high"]) == wilson(2, 3)
    never_predicted = (table.loc["teddy", "precision_low"], table.loc["teddy", "precision_high"])
    assert never_predicted == (0, 1)  # nothing is known


def test_confused_pairs_come_by_number_then_by_name() -> None:
    counts = pd.DataFrame(
        [[5, 2, 0], [2, 5, 3], [0, 0, 5]], index=pd.Index(VOCABULARY, name="label"), columns=VOCABULARY
    )
    assert confused_pairs(counts).to_numpy().tolist() == [
        ["grizzly", "teddy", 3],
        ["black", "grizzly", 2],
        ["grizzly", "black", 2],
    ]


def test_calibration_error_by_hand() -> None:
    """Two in the bin up to 0.6, one of them right; two in the bin up to 1, both right."""
    confidence, right = np.array([0.55, 0.59, 0.95, 1.0]), np.array([True, False, True, True])
    table = reliability(confidence, right)
    assert table["pictures"].tolist() == [2, 2]
    assert table["accuracy"].tolist() == [0.5, 1]
    assert table["confidence"].tolist() == pytest.approx([0.57, 0.975])
    assert table["high"].tolist() == pytest.approx([9 / 15, 1])
    assert expected_calibration_error(confidence, right) == pytest.approx(0.5 * 0.07 + 0.5 * 0.025)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_calibration_error_is_the_mean_gap_of_the_reliability_table(seed: int) -> None:
    targets, probabilities = random_case(seed)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    table = reliability(confidence, right)
    gaps = (table["confidence"] - table["accuracy"]).abs() * table["pictures"] / len(targets)
    assert expected_calibration_error(confidence, right) == pytest.approx(gaps.sum())
    assert (table["low"] < table["confidence"] + 1e-12).all()
    assert (table["confidence"] < table["high"] + 1e-12).all()


def test_true_probabilities_have_no_calibration_error_but_that_of_chance() -> None:
    chance = np.random.default_rng(1)
    for pictures in (200, 20_000):
        confidence = chance.uniform(0.4, 1, pictures)
        found = expected_calibration_error(confidence, chance.random(pictures) < confidence)
        assert found == pytest.approx(chance_calibration_error(confidence), rel=0.6)
    assert found < 0.012
    assert expected_calibration_error(confidence, chance.random(pictures) < confidence - 0.2) == pytest.approx(
        0.2, abs=0.02
    )


def test_coverage_by_hand() -> None:
    confidence, right = np.array([0.9, 0.5, 0.8, 0.5, 0.7]), np.array([True, False, True, True, False])
    table = coverage(confidence, right, alone(5))
    assert table["threshold"].tolist() == [0.9, 0.8, 0.7, 0.5]
    assert table["coverage"].tolist() == pytest.approx([0.2, 0.4, 0.6, 1.0])
    assert table["accuracy"].tolist() == pytest.approx([1, 1, 2 / 3, 3 / 5])
    assert table["pictures"].tolist() == [1, 2, 3, 5]
    assert at_coverage(table, 0.4)["threshold"] == 0.8
    assert at_coverage(table, 0.41)["threshold"] == 0.7
    assert at_coverage(table, 0.9)["threshold"] == 0.5  # both of the least sure, or neither


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.4, 0.6, 0.61, 0.9, 1.0]), st.booleans()), min_size=1, max_size=300))
def test_every_row_of_the_coverage_is_what_its_threshold_gives(answers: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([one for one, _ in answers]), np.array([one for _, one in answers])
    for row in coverage(confidence, right, alone(len(right))).to_dict("records"):
        answered = confidence >= row["threshold"]
        assert row["pictures"] == answered.sum()
        assert row["coverage"] == pytest.approx(answered.mean())
        assert row["accuracy"] == pytest.approx(right[answered].mean())
    assert row["coverage"] == 1


def test_a_curve_of_many_pictures_stays_short() -> None:
    chance = np.random.default_rng(2)
    table = coverage(chance.random(5000), chance.random(5000) < 0.5, alone(5000))
    assert len(table) == 100
    assert table["coverage"].to_numpy() == pytest.approx(np.arange(1, 101) / 100)


def test_all_figures_about_the_test_pictures() -> None:
    targets, probabilities = random_case(3, 100)
    sharper = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    found = measure(targets, probabilities, sharper, np.eye(3)[targets], alone(100), 100)
    assert found["accuracy_tta"] == found["macro_f1_tta"] == 1
    assert found["ece_uncalibrated"] == headline(targets, sharper)["ece"] != found["ece"]
    assert found["log_loss_uncalibrated"] == headline(targets, sharper)["log_loss"]
    assert found["accuracy_at_coverage_80"] >= found["accuracy"]
    assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]


# Baselines.


def test_the_majority_is_that_of_training() -> None:
    assert majority_label(pd.Series(["a", "b", "b"])) == "b"
    assert majority_label(pd.Series(["b", "a"])) == "a"


def test_colour_statistics_of_two_colours_by_hand() -> None:
    picture = Image.new("RGB", (10, 10), (255, 0, 51))
    picture.paste((0, 0, 51), (0, 0, 10, 5))
    found = colour_statistics(picture)
    assert found[:3] == pytest.approx([0.5, 0, 0.2])
    assert found[3:6] == pytest.approx([0.5, 0, 0], abs=1e-6)
    assert found[6:].reshape(3, 8).tolist() == [[0.5, *[0] * 6, 0.5], [1, *[0] * 7], [0, 1, *[0] * 6]]


def test_colour_statistics_do_not_see_where_a_colour_is() -> None:
    picture = noise(1)
    assert colour_statistics(picture.rotate(180)).tolist() == colour_statistics(picture).tolist()


def test_a_tree_tells_colours_apart_and_guesses_shapes() -> None:
    labels = pd.Series(["red", "blue"] * 10)
    pictures = [Image.new("RGB", (8, 8), (200 - n, 0, n) if n % 2 == 0 else (n, 0, 200 - n)) for n in range(20)]
    assert (tree_predictions(pictures, labels, pictures) == labels).all()
    same = [Image.new("RGB", (8, 8), "grey")] * 20
    assert (tree_predictions(same, labels, same) == labels).mean() == 0.5


def compared(pictures: int, right: int, baseline: int, tree: int) -> dict[str, float]:
    """The figures of a classifier that has the first `right` pictures right, and baselines that have the first ones."""
    numbers = np.arange(pictures)
    figures = gains(numbers < right, {"baseline": numbers < baseline, "baseline_tree": numbers < tree}, alone(pictures))
    return {"accuracy": right / pictures, **figures}


def test_a_classifier_is_better_than_a_baseline_where_the_whole_interval_of_the_gain_says_so() -> None:
    assert not_beaten(compared(100, 50, 30, 35)) == ""
    said = not_beaten(compared(100, 50, 30, 49))
    assert said.startswith("the classifier (accuracy 0.500) was not shown to beat a decision tree on colour statistics")
    assert "(0.490; gain +1.0 points, 95 % interval -" in said
    assert not_beaten(compared(10_000, 5000, 3000, 4900)) == ""  # one point too, of so many pictures
    assert "does not beat a decision tree" in not_beaten(compared(100, 45, 30, 45))
    assert "most frequent label (0.400; " in not_beaten(compared(100, 10, 40, 45))


@given(pictures=st.integers(1, 400), share=st.floats(0, 1), baseline=st.floats(0, 1))
def test_no_interval_of_a_gain_leaves_out_the_gain(pictures: int, share: float, baseline: float) -> None:
    found = compared(pictures, round(share * pictures), round(baseline * pictures), 0)
    assert found["baseline_gain_low"] <= found["baseline_gain"] <= found["baseline_gain_high"]


def test_any_worsening_by_the_temperature_is_a_warning() -> None:
    worse = {"log_loss_uncalibrated": 0.188, "log_loss": 0.985}
    assert temperature_warning({"log_loss_uncalibrated": 0.3, "log_loss": 0.2}) == ""
    assert "0.188 without it and 0.985 with it" in temperature_warning(worse)
