"""What an expectation asks, as a line for people."""

from pathlib import Path

import pytest
import yaml

from conftest import CHECKOUT
from fieldguide.checks.limits import limit_in_words

BETWEEN, NOT_IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_not_be_in_set"
NULL = "expect_column_values_to_be_null"


@pytest.mark.parametrize(
    ("kind", "kwargs", "table", "line"),
    [
        (
            BETWEEN,
            {"column": "a_b", "min_value": 0.1, "max_value": 0.95},
            "pictures",
            "every picture: a b from 0.1 to 0.95",
        ),
        (
            BETWEEN,
            {"column": "a", "max_value": 3, "mostly": 0.995},
            "labels",
            "at least 99.5 % of the labels: a at most 3",
        ),
        (BETWEEN, {"column": "a", "min_value": 0, "mostly": 1.0}, "splits", "every split: a at least 0"),
        (
            NOT_IN_SET,
            {"column": "status", "value_set": ["a", "b", "c_d"]},
            "pictures",
            "no picture a, b or c d",
        ),
        (
            NOT_IN_SET,
            {"column": "status", "value_set": ["not_downloaded", "conflict"], "mostly": 0.8},
            "pictures",
            "at most 20 % of the pictures not downloaded or under two labels",
        ),
        (NOT_IN_SET, {"column": "site", "value_set": ["a"]}, "pictures", "every picture: site not a"),
        (NULL, {"column": "quality", "mostly": 0.9}, "pictures", "at most 10 % of the pictures with a quality problem"),
        (NULL, {"column": "my_own"}, "pictures", "no picture with my own"),
        (BETWEEN, {"column": "pictures", "min_value": 10}, "labels", "every label: at least 10 pictures"),
        (
            BETWEEN,
            {"column": "alarm_rate_low", "max_value": 0.5},
            "splits",
            "every split: alarm rate (lower bound) at most 0.5",
        ),
        (
            "expect_column_mean_to_be_between",
            {"column": "brightness", "min_value": 0.2},
            "pictures",
            "mean of brightness at least 0.2",
        ),
        ("expect_table_row_count_to_be_between", {"min_value": 2}, "labels", "at least 2 labels"),
        (BETWEEN, {"column": "a", "min_value": 0, "strict_min": True}, "labels", ""),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [1]}, "labels", ""),
        (BETWEEN, {"column": "a", "min_value": 0}, "my_table", ""),
    ],
)
def test_limits(kind: str, kwargs: dict[str, object], table: str, line: str) -> None:
    assert limit_in_words(kind, kwargs, table) == line


@pytest.mark.parametrize("file", sorted((CHECKOUT / "conf/checks").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_check_that_comes_with_the_project_has_a_line(file: Path) -> None:
    for group in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).values():
        if not isinstance(group, dict):
            continue
        for name, wanted in group.items():
            assert limit_in_words(wanted["type"], wanted["kwargs"], wanted["table"]), name
