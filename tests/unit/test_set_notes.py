"""What is true of most pictures is a sentence about the set; a flag is for pictures that differ from the rest."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import examples
from fieldguide.base.config import Expectation
from fieldguide.checks.expectations import CheckResult, Offender
from fieldguide.checks.score_tables import quality_issues
from fieldguide.checks.set_notes import FEW, LEAST, MOST, about_the_set, check_data_set, issue_notes
from fieldguide.data.table import MEASUREMENTS, QUALITY_ISSUES
from fieldguide.screening.review_queue import review_queue
from screened import screened

BETWEEN, IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_be_in_set"


def table(column: str, values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({column: values}, index=pd.Index([f"a/{n}.jpg" for n in range(len(values))], name="path"))


def concluded(frame: pd.DataFrame, wanted: Expectation) -> CheckResult:
    """As Great Expectations would conclude it, which takes seconds."""
    column = wanted.kwargs["column"]
    low, high = wanted.kwargs.get("min_value", -np.inf), wanted.kwargs.get("max_value", np.inf)
    outside = frame[column].dropna()[lambda values: (values < low) | (values > high)]
    offenders = tuple(Offender(str(row), f"{value:.4g}") for row, value in outside.items())
    held = len(outside) <= (1 - wanted.kwargs.get("mostly", 1)) * len(frame)
    return CheckResult("the_check", "pictures", wanted.severity, held, f"{len(outside)} outside", "", offenders)


@settings(max_examples=examples(60))
@given(
    column=st.sampled_from(MEASUREMENTS),
    above=st.booleans(),
    pictures=st.integers(1, 200),
    share=st.floats(0, 1),
    severity=st.sampled_from(["warning", "error"]),
)
def test_only_what_differs_from_the_rest_is_flagged(
    column: str, above: bool, pictures: int, share: float, severity: str
) -> None:
    beyond = round(share * pictures)
    values = [20.0 if above else 0.0] * beyond + [10.0] * (pictures - beyond)
    limits = {"max_value": 15} if above else {"min_value": 5}
    wanted = Expectation("pictures", BETWEEN, severity, {"column": column, "mostly": 0.98, **limits})
    frame = table(column, values)
    found = about_the_set(concluded(frame, wanted), frame, wanted)
    flagged = [offender.row for offender in found.offenders]
    if pictures >= LEAST and beyond > MOST * pictures:
        assert found.note.startswith(f"{beyond} of {pictures} pictures are ")
        differ = pictures - beyond <= FEW * pictures
        assert flagged == (list(frame.index[beyond:]) if differ else [])
        assert found.state == {"warning": "note", "error": "error"}[severity]
    else:
        assert found == concluded(frame, wanted)
    assert len(flagged) <= MOST * pictures or pictures < LEAST


def test_dark_and_bright_pictures_are_two_different_things() -> None:
    frame = table("brightness", [0.02] * 4 + [0.99] * 4 + [0.5] * 2)
    wanted = Expectation("pictures", BETWEEN, "warning", {"column": "brightness", "min_value": 0.1, "max_value": 0.95})
    assert about_the_set(concluded(frame, wanted), frame, wanted).note == ""
    frame = table("brightness", [0.02] * 9 + [0.5])
    found = about_the_set(concluded(frame, wanted), frame, wanted)
    assert found.note == "9 of 10 pictures are dark (brightness below 0.1)"
    assert found.offenders == (Offender("a/9.jpg", "0.5"),)


@pytest.mark.parametrize(("column", "table_name"), [("bytes", "pictures"), ("pictures", "labels")])
def test_faults_and_labels_are_no_matter_of_the_set(column: str, table_name: str) -> None:
    frame = table(column, [0.0] * 10)
    wanted = Expectation(table_name, BETWEEN, "warning", {"column": column, "min_value": 1})
    assert about_the_set(concluded(frame, wanted), frame, wanted).note == ""


@pytest.mark.slow
def test_great_expectations_agrees_and_any_expectation_about_a_measurement_counts() -> None:
    frame = table("saturation", [0.0] * 19 + [0.4]).assign(is_dark_issue=[True] * 18 + [False] * 2)
    wanted = {
        "colourful": Expectation("pictures", BETWEEN, "warning", {"column": "saturation", "min_value": 0.02}),
        "light": Expectation("pictures", IN_SET, "warning", {"column": "is_dark_issue", "value_set": [False]}),
    }
    colourful, light = check_data_set({"pictures": frame}, wanted, "mine.yaml")
    assert colourful.note == "19 of 20 pictures are black and white, or nearly so (saturation below 0.02)"
    assert [offender.row for offender in colourful.offenders] == ["a/19.jpg"]
    assert light.note == "18 of 20 pictures are outside the limit of is dark issue"
    assert [offender.row for offender in light.offenders] == ["a/18.jpg", "a/19.jpg"]


@pytest.mark.parametrize("issue", QUALITY_ISSUES)
def test_a_quality_issue_of_most_pictures_flags_none_and_queues_none(issue: str) -> None:
    def pictures(have: int, others: int) -> pd.DataFrame:
        poor: dict[str, Any] = {f"is_{issue}_issue": True, f"{issue}_score": 0.1}
        return pd.DataFrame([screened(f"{n:016x}", **(poor if n < have else {})) for n in range(have + others)])

    most = pictures(18, 2)
    assert quality_issues(most).isna().all()
    assert review_queue(most, []).empty
    (note,) = issue_notes(most)
    assert note.startswith("18 of 20 pictures are ")
    assert issue_notes(most, [f"{note} (as a check has said)"]) == []

    few = pictures(3, 17)
    assert quality_issues(few).notna().sum() == len(review_queue(few, [])) == 3
    assert issue_notes(few) == []
