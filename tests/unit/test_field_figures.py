"""Figures by site, month and sequence, and what pages say of them, on small tables."""

import numpy as np
import pandas as pd
import pytest

from fieldguide.data.groups import group_kinds, group_numbers, groups_in_words, sequence_numbers
from fieldguide.evaluation.field_figures import NOT_KNOWN, by_month, by_site, sequence_figures, site_figures
from fieldguide.evaluation.field_section import field_section
from fieldguide.statistics.shares import wilson

START = pd.Timestamp(2024, 5, 31, 23, 59)


def frames(site: str | None, sequence: str | None, number: int, start: pd.Timestamp | None = START) -> pd.DataFrame:
    """A burst: its site, its sequence, and a frame every second; none looks like another."""
    times = pd.Series([start + pd.Timedelta(seconds=second) if start else pd.NaT for second in range(number)])
    return pd.DataFrame({"site": site, "time": pd.to_datetime(times), "sequence": sequence, "split_key": site})


def together(*bursts: pd.DataFrame) -> pd.DataFrame:
    table = pd.concat(bursts, ignore_index=True)
    return table.assign(group=[f"{number:016x}" for number in table.index])


def test_sites_come_worst_first_and_few_pictures_prove_little() -> None:
    test = together(*(frames("good", None, 1, START + pd.Timedelta(hours=hour)) for hour in range(20)))
    test = together(test, *(frames("bad", None, 1, START + pd.Timedelta(hours=hour)) for hour in range(20)))
    test = together(test, frames("tiny", None, 1), frames(None, None, 1))
    right = np.array([True] * 19 + [False] + [True] * 8 + [False] * 12 + [False, True])
    table = by_site(test, right)
    assert table["site"].tolist() == ["bad", "tiny", "good", NOT_KNOWN]
    assert table["pictures"].tolist() == [20, 1, 20, 1]
    figures = site_figures(test, pd.DataFrame({"site": ["good", "tiny", None]}), table)
    assert (figures["sites"], figures["sites_trained_on"], figures["worst_site"]) == (3, 2, "bad")


def test_a_burst_is_one_witness_of_its_site() -> None:
    test = together(frames("a", "1", 5), frames("a", "2", 5), frames("b", "1", 5))
    table = by_site(test, np.ones(15, bool)).sort_values("site")
    assert table["groups"].tolist() == [2, 1]
    assert table["accuracy_low"].iloc[1] == pytest.approx(wilson(1, 1)[0])
    assert sequence_numbers(test.drop(columns="split_key")).tolist() == [0] * 5 + [1] * 5 + [2] * 5


def test_months_are_in_order_and_count_the_groups_of_the_split() -> None:
    test = together(
        frames("a", "1", 4, START + pd.Timedelta(minutes=2)), frames("b", "1", 4), frames("c", "1", 2, None)
    )
    table = by_month(test, np.array([True] * 9 + [False]), group_numbers(test))
    assert table["month"].tolist() == ["2024-05", "2024-06", NOT_KNOWN]
    assert table["groups"].tolist() == [1, 1, 1]
    assert table["accuracy"].tolist() == [1, 1, 0.5]


def test_a_sequence_is_answered_by_the_mean_of_its_probabilities() -> None:
    test = together(frames("a", "1", 3), frames("a", "2", 3), frames("b", "1", 1), frames("b", "2", 2))
    first = np.array([0.9, 0.4, 0.45, 0.6, 0.6, 0.1, 0.2, 0.8, 0.2])
    targets = np.array([0, 0, 0, 0, 0, 0, 1, 0, 1])  # the last sequence has two labels
    found = sequence_figures(test, targets, np.stack([first, 1 - first], axis=1), group_numbers(test))
    assert (found["sequences"], found["sequences_mixed"]) == (3, 1)
    assert found["accuracy_sequences"] == 2 / 3  # 1.75 of 3, 1.3 of 3, and one picture
    assert found["accuracy_sequences_low"] < 2 / 3 < found["accuracy_sequences_high"]


def test_without_field_data_nothing_is_told() -> None:
    test = together(frames(None, None, 4, None))
    right, alike = np.ones(4, bool), np.zeros(4, int)
    assert by_site(test, right).empty
    assert by_month(test, right, alike).empty
    assert sequence_figures(test, alike, np.ones((4, 1)), alike) == {}
    assert site_figures(test, test, by_site(test, right)) == {}
    found = field_section({"test_pictures": 4, "groups": 4}, by_site(test, right), by_month(test, right, alike))
    assert (found.lines, found.tables) == ([], [])


def test_how_many_witnesses_there_are_is_said() -> None:
    test = together(frames("a", "1", 60), frames("b", "1", 60), frames(None, None, 2))
    assert group_kinds(test, "site") == "site or look_alike"
    assert group_kinds(test.assign(split_key=None), "look_alike") == "look_alike"
    assert group_kinds(test.assign(split_key="x"), "colony") == "colony"
    metrics = {"test_pictures": 300, "groups": 5, "group_by": "site"}
    (line,) = field_section(metrics, pd.DataFrame(), pd.DataFrame()).lines
    assert line.startswith("The 300 test pictures come from 5 sites: the intervals count these, not pictures. So few")
    days = frames("a", "1", 2).assign(split_key=["a\n2024-05-01", "a\n2024-05-02"])
    assert groups_in_words(1, group_kinds(days, "day")) == "1 camera day"
    days["split_key"] = days["split_key"].str.removeprefix("a")
    assert groups_in_words(2, group_kinds(days, "day")) == "2 days"
    assert groups_in_words(7, "site or look_alike") == "7 sites or groups of look-alikes"
    assert groups_in_words(2, "colony") == "2 values of colony"
