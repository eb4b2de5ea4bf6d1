"""Runs beside one another: what is found to differ, and the page that shows it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape, unescape

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fieldguide.experiments.comparison import (
    Results,
    compare,
    differing_answers,
    differing_choices,
    evidence,
    verdict,
)
from fieldguide.experiments.comparison_page import comparison_page
from fieldguide.statistics.paired import paired_test

LABELS = ("bear", "deer")


def predictions(answers: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """A test split: id -> (label, prediction)."""
    rows = [
        {"id": name, "clean_path": f"{label}/{name}.jpg", "split": "test", "label": label, "prediction": prediction}
        for name, (label, prediction) in answers.items()
    ]
    return pd.DataFrame(rows).assign(probability=0.75, loss=0.3)


def results(name: str, answers: Mapping[str, tuple[str, str]], **more: Mapping[str, str]) -> Results:
    shown = predictions(answers)
    accuracy = float((shown["label"] == shown["prediction"]).mean())
    intervals = {f"accuracy{end}": accuracy for end in ("", "_low", "_high")}
    history = pd.DataFrame(
        {"epoch": [1, 2], "train_loss": [1.0, 0.5], "valid_loss": [1, 0.6], "valid_accuracy": [0, 1]}
    )
    params, inputs = more.get("params", {}), more.get("inputs", {})
    return Results(name, "", params, inputs, {**intervals, "test_pictures": len(shown)}, shown, history)


def answering(right: Sequence[bool]) -> dict[str, tuple[str, str]]:
    return {f"{n:04x}": (LABELS[n % 2], LABELS[(n + (not is_right)) % 2]) for n, is_right in enumerate(right)}


def right_and_wrong(both: int, first: int, second: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of two: `both` pictures that both have right, and those that only one of them has."""
    one = answering([True] * both + [True] * first + [False] * second)
    other = answering([True] * both + [False] * first + [True] * second)
    return predictions(one), predictions(other)


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [(8, 2, 0.109375), (0, 6, 0.03125), (0, 0, 1.0), (5, 5, 1.0)],  # twice the binomial tail, by hand
)
def test_mcnemars_test_counts_the_pictures_that_only_one_has_right(first: int, second: int, p_value: float) -> None:
    found = paired_test(*right_and_wrong(40, first, second))
    assert (found.pictures, found.only_first, found.only_second) == (40 + first + second, first, second)
    assert found.p_value == pytest.approx(p_value)
    assert found.beyond_chance == (p_value < 0.05)
    assert found.difference == pytest.approx((first - second) / found.pictures)


def test_the_interval_is_that_of_a_bootstrap_over_pictures() -> None:
    one, other = right_and_wrong(60, 20, 8)
    found = paired_test(one, other)
    gain = (one["label"] == one["prediction"]).astype(int) - (other["label"] == other["prediction"]).astype(int)
    chance = np.random.default_rng(7)
    means = [gain.to_numpy()[chance.integers(len(gain), size=len(gain))].mean() for _ in range(4000)]
    expected = np.quantile(means, [0.025, 0.975])
    assert [found.difference_low, found.difference_high] == pytest.approx(expected, abs=0.02)
    assert found == paired_test(one, other)


def test_without_a_common_picture_nothing_is_known() -> None:
    found = paired_test(predictions({"a": ("bear", "bear")}), predictions({"b": ("bear", "deer")}))
    assert (found.pictures, found.p_value, found.difference_low, found.difference_high) == (0, 1.0, -1.0, 1.0)


@pytest.mark.parametrize(("first", "second", "word"), [(0, 9, "better"), (9, 0, "worse"), (3, 2, "do not differ")])
def test_the_verdict_is_about_the_other_run(first: int, second: int, word: str) -> None:
    one, other = right_and_wrong(50, first, second)
    test = paired_test(other, one)
    assert word in verdict("one", "other", test)
    assert verdict("one", "other", test).startswith("other ")
    assert f"only other has {second} right, and only one has {first} right:" in evidence("one", "other", test)
    assert f"{100 * (second - first) / len(one):+.1f} points" in evidence("one", "other", test)


def test_other_test_pictures_or_labels_are_said_and_left_out() -> None:
    one = results("one", {"a": ("bear", "bear"), "b": ("deer", "deer"), "c": ("bear", "deer")})
    other = results("other", {"b": ("bear", "bear"), "c": ("bear", "bear"), "d": ("deer", "bear")})
    found = compare([one, other])
    assert [list(answer["id"]) for answer in found.answers] == [["c"], ["c"]]
    assert "one on 3, other on 3" in found.note
    assert "the 1 that they have in common" in found.note
    assert found.tests[0].pictures == 1
    assert found.note in unescape(comparison_page(found, {}))
    assert compare([one, one]).note == ""


def test_runs_without_a_common_picture_still_have_a_page() -> None:
    found = compare([results("one", {"a": ("bear", "bear")}), results("other", {"b": ("bear", "deer")})])
    assert "none in common" in found.note
    page = comparison_page(found, {})
    assert "no test picture in common" in page
    assert "Confusions" not in page


def test_confusions_have_the_labels_of_all_runs() -> None:
    one = results("one", {"a": ("bear", "bear"), "b": ("bear", "bear")})
    other = results("other", {"a": ("bear", "deer"), "b": ("bear", "bear")})
    first, second = compare([one, other]).matrices
    assert first.to_numpy().tolist() == [[2, 0], [0, 0]]
    assert second.to_numpy().tolist() == [[1, 1], [0, 0]]
    page = comparison_page(compare([one, other]), {})
    changes = re.findall(r">([+-]\d+)<small>([+-]\d+)<", page)
    assert changes == [("-1", "-50"), ("+1", "+50")]


def test_only_the_choices_that_differ_are_named() -> None:
    one = results("one", {"a": ("bear", "bear")}, params={"resize": "pad", "seed": "1", "pad_mode": "zeros"})
    other = results("other", {"a": ("bear", "bear")}, params={"resize": "crop", "seed": "1"})
    assert differing_choices([one, other]) == [("resize", ["pad", "crop"]), ("pad_mode", ["zeros", ""])]


def test_inputs_are_named_where_they_are_known_of_all() -> None:
    answers = {"a": ("bear", "bear")}
    one = results("one", answers, inputs={"split": "1", "code": "2"})
    other = results("other", answers, inputs={"split": "3", "code": ""})
    assert differing_choices([one, other]) == [("split", ["1", "3"])]


def test_pictures_are_grouped_by_who_is_right() -> None:
    """Those that nobody has right come last, however many they are."""
    one = {"a": ("bear", "bear"), "b": ("bear", "bear"), "d": ("bear", "bear")}
    other = {"a": ("bear", "deer"), "b": ("bear", "deer"), "d": ("bear", "bear")}
    one |= dict.fromkeys("cef", ("bear", "deer"))
    other |= dict.fromkeys("cef", ("bear", "fox"))
    groups = differing_answers(compare([results("one", one), results("other", other)]))
    assert [(title, list(rows["id"])) for title, rows in groups] == [
        ("only one is right", ["a", "b"]),
        ("all wrong, but different", ["c", "e", "f"]),
    ]


@pytest.mark.slow
def test_pictures_are_named_by_their_own_files_as_far_as_a_run_knows_them() -> None:
    one, other = (results(name, {"a": ("bear", answer)}) for name, answer in (("one", "bear"), ("other", "deer")))
    assert "bear/a.jpg" in comparison_page(compare([one, other]), {})  # runs of older versions have clean copies alone
    newer = replace(other, predictions=other.predictions.assign(path="bear/My Own.JPG"))
    page = comparison_page(compare([one, newer]), {})
    assert "bear/My Own.JPG" in page and "bear/a.jpg" not in page


def test_the_page_is_one_file_that_trusts_no_text_and_is_the_same_every_time() -> None:
    evil = "<script>alert(1)</script>"
    one = results(f"one {evil} $x$", {"a": (evil, evil), "b": ("bear", "bear")}, params={evil: evil})
    other = results("_other", {"a": (evil, "bear"), "b": ("bear", "bear")}, params={"seed": "1"})
    found = compare([one, other])
    page = comparison_page(found, {"a": Image.new("RGB", (300, 200))})
    assert "<script" not in page
    assert escape(evil) in page
    assert set(re.findall(r'src="([a-z]+:)', page)) == {"data:"}
    assert "://" not in page
    assert page.count("data:image/jpeg") == 1
    assert page == comparison_page(found, {"a": Image.new("RGB", (300, 200))})


def test_more_than_two_are_each_compared_with_the_first() -> None:
    runs = [
        results(name, answering(right)) for name, right in (("a", [True] * 9), ("b", [False] * 9), ("c", [True] * 9))
    ]
    found = compare(runs)
    assert [(test.only_first, test.only_second) for test in found.tests] == [(0, 9), (0, 0)]
    page = comparison_page(found, {})
    assert "b is worse than a beyond chance" in page
    assert "c and a do not differ" in page
    assert "not corrected for the number of tests" in page


def test_frames_of_few_sites_are_few_witnesses_also_where_only_one_run_tells_the_groups() -> None:
    one, other = right_and_wrong(40, 0, 20)
    keyed = one.assign(group=one["id"], split_key=["site " + str(number // 15) for number in range(60)])
    old = Results("old", "", {}, {}, {}, one, pd.DataFrame())
    new = Results("new", "", {}, {}, {}, keyed, pd.DataFrame())
    better = Results("better", "", {}, {}, {}, other, pd.DataFrame())
    assert compare([old, better]).tests[0].beyond_chance
    for runs in ([old, better, new], [new, better, old]):
        test = compare(runs).tests[0]
        assert (test.pictures, test.groups) == (60, 4)
        assert not test.beyond_chance
        assert "Of 60 pictures in 4 groups, only better has 20 right" in evidence(runs[0].name, "better", test)
