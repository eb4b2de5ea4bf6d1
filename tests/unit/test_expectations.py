"""Expectations over small frames, and the page about them."""

import html.parser
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import CHECKOUT, run_python
from fieldguide.base.config import Expectation
from fieldguide.base.errors import UserError
from fieldguide.base.process import quiet_environment
from fieldguide.checks.data_docs import SHOWN_OFFENDERS, Docs, render_page, write_data_docs
from fieldguide.checks.expectations import CheckResult, Offender, check_tables
from fieldguide.checks.words import in_words

HOSTILE = "<script>alert(1)</script>.jpg"
BETWEEN = "expect_column_values_to_be_between"


def pictures() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "path": ["a/1.jpg", "a/2.jpg", "b/3.jpg", "b/4.jpg"],
            "status": ["kept", "kept", "kept", "unreadable"],
            "brightness": [0.5, 0.02, 0.98, None],
        }
    )
    return frame.set_index("path")


def check(type_: str, severity: str = "error", **kwargs: object) -> CheckResult:
    wanted = Expectation(table="pictures", type=type_, severity=severity, kwargs=kwargs)
    (result,) = check_tables({"pictures": pictures()}, {"the_check": wanted}, "mine.yaml")
    return result


def test_offending_rows_are_named_with_their_values() -> None:
    result = check(BETWEEN, column="brightness", min_value=0.1, max_value=0.9)
    assert not result.success
    assert result.offenders == (Offender("a/2.jpg", "0.02"), Offender("b/3.jpg", "0.98"))
    assert result.observed == "2 of 3 pictures (66.7 %): brightness below 0.1 or above 0.9"
    assert result.limit == "every picture: brightness from 0.1 to 0.9"


def test_enough_others_make_a_pass_that_still_names_the_offenders() -> None:
    result = check(BETWEEN, column="brightness", min_value=0.1, mostly=0.6)
    assert result.success
    assert [offender.row for offender in result.offenders] == ["a/2.jpg"]
    assert result.limit == "at least 60 % of the pictures: brightness at least 0.1"


def test_missing_values_offend_only_where_they_are_asked_for() -> None:
    result = check("expect_column_values_to_not_be_null", column="brightness")
    assert result.offenders == (Offender("b/4.jpg", ""),)
    assert result.observed == "1 of 4 pictures (25.0 %): brightness missing"


def test_an_expectation_about_the_whole_table_says_what_it_saw() -> None:
    result = check("expect_table_row_count_to_be_between", min_value=5)
    assert (result.success, result.observed, result.offenders) == (False, "4 pictures", ())


FOUND: list[tuple[str, dict[str, object], str]] = [
    ("expect_table_row_count_to_equal", {"value": 4}, "4 pictures"),
    ("expect_table_columns_to_match_set", {"column_set": ["path"]}, "columns: brightness, path, status"),
    ("expect_column_to_exist", {"column": "status"}, "as asked"),
    ("expect_column_mean_to_be_between", {"column": "brightness", "min_value": 0.2}, "mean of brightness: 0.5"),
    ("expect_column_max_to_be_between", {"column": "brightness", "max_value": 0.9}, "max of brightness: 0.98"),
    (
        "expect_column_quantile_values_to_be_between",
        {"column": "brightness", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]}},
        "quantile values of brightness: 0.5",
    ),
    (
        "expect_column_most_common_value_to_be_in_set",
        {"column": "status", "value_set": ["kept"]},
        "most common value of status: kept",
    ),
    (
        "expect_column_distinct_values_to_be_in_set",
        {"column": "status", "value_set": ["kept"]},
        "unexpected unreadable",
    ),
    (
        "expect_column_distinct_values_to_equal_set",
        {"column": "status", "value_set": ["kept", "damaged"]},
        "unexpected unreadable; missing damaged",
    ),
    ("expect_column_distinct_values_to_contain_set", {"column": "status", "value_set": ["kept"]}, "as asked"),
    (
        "expect_column_values_to_not_be_in_set",
        {"column": "status", "value_set": ["unreadable", "conflict"]},
        "1 of 4 pictures (25.0 %) unreadable or under two labels",
    ),
    ("expect_column_values_to_be_null", {"column": "brightness"}, "3 of 4 pictures (75.0 %) with brightness"),
    (
        "expect_column_values_to_match_regex",
        {"column": "path", "regex": "^a/"},
        "2 of 4 pictures (50.0 %) not as asked",
    ),
    (
        BETWEEN,
        {"column": "brightness", "min_value": 0.5, "strict_min": True},
        "2 of 3 pictures (66.7 %) not as asked",
    ),
]


def test_what_was_found_is_said_in_words_whatever_kind_of_expectation_looked() -> None:
    wanted = {
        str(number): Expectation("pictures", kind, "warning", kwargs) for number, (kind, kwargs, _) in enumerate(FOUND)
    }
    results = check_tables({"pictures": pictures()}, wanted, "mine.yaml")
    assert [result.observed for result in results] == [said for _, _, said in FOUND]


def test_labels_with_too_few_pictures_are_counted_in_pictures() -> None:
    labels = pd.DataFrame({"pictures": [3, 1]}, index=pd.Index(["a", "b"], name="label"))
    wanted = Expectation("labels", BETWEEN, "warning", {"column": "pictures", "max_value": 5})
    (result,) = check_tables({"labels": labels}, {"some": wanted}, "mine.yaml")
    assert (result.observed, result.limit) == (
        "0 of 2 labels with more than 5 pictures",
        "every label: at most 5 pictures",
    )


def test_an_expectation_about_the_index_itself_names_the_row() -> None:
    result = check("expect_column_values_to_match_regex", column="path", regex="^a/")
    assert result.offenders == (Offender("b/3.jpg", "b/3.jpg"), Offender("b/4.jpg", "b/4.jpg"))


def test_one_that_great_expectations_shows_as_a_table_still_has_a_limit() -> None:
    ranges = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
    result = check("expect_column_quantile_values_to_be_between", column="brightness", quantile_ranges=ranges)
    assert result.success
    assert "value_ranges" in result.limit


def test_results_keep_name_table_severity_and_order() -> None:
    labels = pd.DataFrame({"pictures": [3, 1]}, index=pd.Index(["a", "b"], name="label"))
    wanted = {
        "z": Expectation("labels", BETWEEN, "warning", {"column": "pictures", "min_value": 2}),
        "a": Expectation("pictures", "expect_table_row_count_to_be_between", "error", {"min_value": 1}),
    }
    results = check_tables({"pictures": pictures(), "labels": labels}, wanted, "mine.yaml")
    assert [(r.name, r.table, r.severity, r.success) for r in results] == [
        ("z", "labels", "warning", False),
        ("a", "pictures", "error", True),
    ]
    assert results[0].offenders == (Offender("b", "1"),)


@pytest.mark.parametrize(
    ("type_", "kwargs", "message"),
    [
        ("expect_column_values_to_be_betwen", {}, f"did you mean {BETWEEN}"),
        ("expect_world_peace", {}, "has no expectation expect_world_peace"),
        (BETWEEN, {"column": "brightness", "minimum": 1}, "minimum: extra fields not permitted"),
        (BETWEEN, {"column": "brightness", "min_value": 1, "mostly": 2}, "mostly: ensure this value is less"),
        (BETWEEN, {"min_value": 1}, "column: field required"),
        (BETWEEN, {"column": "brightness"}, "kwargs: min_value and max_value cannot both be None"),
        (BETWEEN, {"column": "brightnes", "min_value": 1}, "has no column brightnes; known: path, status, b"),
        ("expect_column_pair_values_to_be_equal", {"column_A": "path", "column_B": "x"}, "has no column x"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["path", "y"]}, "has no column y"),
    ],
)
def test_a_wrong_expectation_is_found_before_any_is_evaluated(
    type_: str, kwargs: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluated(*_: object) -> None:
        raise AssertionError("evaluated")

    monkeypatch.setattr("fieldguide.checks.expectations._evaluate", evaluated)
    fine = Expectation("pictures", "expect_table_row_count_to_be_between", "error", {"min_value": 1})
    wrong = Expectation("pictures", type_, "warning", kwargs)
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        check_tables({"pictures": pictures()}, {"fine": fine, "the_wrong_one": wrong}, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: the_wrong_one: ")
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_named() -> None:
    wanted = Expectation("labels", "expect_table_row_count_to_be_between", "error", {"min_value": 1})
    with pytest.raises(UserError, match="c: no such table labels; known: pictures"):
        check_tables({"pictures": pictures()}, {"c": wanted}, "mine.yaml")


@pytest.mark.parametrize(
    ("type_", "kwargs", "message"),
    [
        (BETWEEN, {"column": "status", "min_value": 1}, "same type"),
        ("expect_column_mean_to_be_between", {"column": "status", "min_value": 1}, "Cannot perform reduction"),
        ("expect_column_values_to_match_regex", {"column": "path", "regex": "("}, "Invalid regular expression"),
    ],
)
def test_an_exception_inside_great_expectations_is_no_result(
    type_: str, kwargs: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        check(type_, severity="warning", **kwargs)
    assert str(caught.value).startswith(f"mine.yaml: the_check: {type_} cannot be evaluated on table pictures")
    assert "\n" not in str(caught.value)


def test_no_progress_bars(capfd: pytest.CaptureFixture[str]) -> None:
    check(BETWEEN, column="brightness", min_value=0.1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1, "0.1"),
        (100.0, "100"),
        (123456.0, "123456"),
        (1 / 3, "0.3333"),
        (np.float64(1 / 3), "0.3333"),
        (float("nan"), ""),
        (None, ""),
        (7, "7"),
        ("a", "a"),
    ],
)
def test_values_in_words(value: object, words: str) -> None:
    assert in_words(value) == words


def result(name: str = "c", severity: str = "error", success: bool = False, offenders: int = 0) -> CheckResult:
    rows = tuple(Offender(f"a/{number}.jpg", "0.1") for number in range(offenders))
    return CheckResult(name, "pictures", severity, success, "observed", "limit", rows)


LABELS = pd.DataFrame({"pictures": [3], "share": [1.0]}, index=pd.Index(["<i>a</i>"], name="label"))


def page(*results: CheckResult) -> str:
    return render_page(Docs("Checks & more", {"pictures": 3}, LABELS, {}), results)


class Resources(html.parser.HTMLParser):
    """Collects tags, and every attribute through which a page loads or links something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "srcset", "action")]
        self.links += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]


def test_the_page_loads_nothing_and_escapes_what_strangers_named() -> None:
    hostile = CheckResult(HOSTILE, "pictures", "error", False, HOSTILE, HOSTILE, (Offender(HOSTILE, HOSTILE),))
    text = page(hostile)
    parser = Resources()
    parser.feed(text)
    assert parser.links == []
    assert not parser.tags & {"script", "i", "img", "link", "iframe"}
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text
    assert "@import" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;.jpg") == 5
    assert "&lt;i&gt;a&lt;/i&gt;" in text
    assert "<title>Checks &amp; more</title>" in text


def test_failed_checks_come_first_and_decide_the_verdict() -> None:
    passed, warned = result("passed_one", success=True), result("warned_one", "warning")
    text = page(passed, warned, result("failed_one"))
    assert text.index("failed one") < text.index("warned one") < text.index("passed one")
    assert "Stopped: 1 of 3 checks failed as errors, 1 as warnings" in text
    assert "Passed, with warnings from 1 of 2 checks" in page(passed, warned)
    assert "Passed all 1 checks" in page(passed)


def test_a_long_list_is_cut_and_counted() -> None:
    text = page(result(offenders=SHOWN_OFFENDERS + 7))
    assert text.count("<td>a/") == SHOWN_OFFENDERS
    assert "and 7 more" in text
    assert "more</td>" not in page(result(offenders=SHOWN_OFFENDERS))


def test_the_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "stale.html").write_text("old")
    write_data_docs(docs, Docs("T", {}, LABELS, {}), [result()])
    assert [path.name for path in tmp_path.rglob("*")] == ["docs", "index.html"]


@pytest.mark.slow
def test_importing_the_checks_does_not_import_great_expectations() -> None:
    code = "import sys, fieldguide.stages.validate; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_quiet_keeps_what_the_person_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DO_NOT_TRACK", "false")
    monkeypatch.delenv("GX_ANALYTICS_ENABLED", raising=False)
    quiet_environment()
    assert os.environ["DO_NOT_TRACK"] == "false"
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


@pytest.mark.parametrize(
    ("kwargs", "counts", "said"),
    [
        ({"column": "pictures", "min_value": 10}, (2, 30), "panda has 2 pictures, 10 are needed"),
        ({"column": "pictures", "max_value": 20}, (2, 30), "bear has 30 pictures, 20 are the most"),
        ({"column": "pictures", "min_value": 2, "strict_min": True}, (2, 30), "panda has 2 pictures, 2 are needed"),
        (
            {"column": "balance", "min_value": 0.33},
            (1, 30),
            "panda has 1 picture, 10 are needed (0.33 times the 30 of bear, the most frequent)",
        ),
        (
            {"column": "share", "max_value": 0.5},
            (20, 30),
            "bear has 30 pictures, 25 are the most (0.5 times the 50 of all labels)",
        ),
        (
            {"column": "alarm_rate_low", "max_value": 0.1},
            (2, 30),
            "panda (2 pictures): alarm rate (lower bound) 0.250, at most 0.1",
        ),
    ],
)
def test_checks_of_labels_are_told_in_counts(kwargs: dict[str, object], counts: tuple[int, int], said: str) -> None:
    pictures = pd.Series(counts, index=pd.Index(["panda", "bear"], name="label"))
    table = pd.DataFrame(
        {"pictures": pictures, "share": pictures / pictures.sum(), "balance": pictures / pictures.max()}
    )
    table["alarm_rate_low"] = [0.25, 0.0]
    wanted = Expectation("labels", "expect_column_values_to_be_between", "error", kwargs)
    (result,) = check_tables({"labels": table}, {"one": wanted}, "here")
    assert result.observed.startswith(said) and result.is_told


SELDOM = """
import sys
import numpy, pandas
from fieldguide.base.config import Expectation
from fieldguide.checks.expectations import check_tables
loaded = lambda: [name for name in ("altair", "boto3", "scipy.stats", "sqlalchemy") if name in sys.modules]
frame = pandas.DataFrame({"label": ["a", "b"] * 10}, pandas.Index(range(20), name="path"))
def check(kind, **kwargs):
    wanted = Expectation("pictures", kind, "error", {"column": "label", **kwargs})
    return check_tables({"pictures": frame}, {"it": wanted}, "mine.yaml")[0]
assert check("expect_column_values_to_be_in_set", value_set=["a", "b"]).success and loaded() == []
even = {"values": ["a", "b"], "weights": [0.5, 0.5]}
found = check("expect_column_kl_divergence_to_be_less_than", threshold=0.1, partition_object=even)
assert found.success and found.observed == "kl divergence of label: 0", found
import scipy.stats, sqlalchemy
assert scipy.stats.norm.cdf(0) == 0.5 and sqlalchemy.Column
"""


@pytest.mark.slow
def test_what_few_expectations_need_is_loaded_for_these_alone() -> None:
    run = run_python("-c", SELDOM, cwd=CHECKOUT)
    assert run.returncode == 0, run.stderr
