"""The checks after training: the tables they are about, what stops and what only warns."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from fieldguide.base.config import ChecksConfig, Config, Expectation
from fieldguide.base.errors import CheckFailed
from fieldguide.base.paths import Paths
from fieldguide.checks.score_tables import score_tables
from fieldguide.checks.scores import check_scores, conclude_scores
from fieldguide.configuration.compose import compose
from fieldguide.data.images import PictureError
from screened import screened

CHECKOUT = Paths(Path(__file__).parents[2])
ALARM: dict[str, Any] = {"p_value": 0.01, "out_of_domain": True, "reason": "upside down"}
DOUBT: dict[str, Any] = {"label_quality": 0.1, "label_doubt": True, "suggested_label": "teddy"}
DARK: dict[str, Any] = {"is_dark_issue": True, "is_blurry_issue": True}


def picture(number: int, label: str = "black", split: str = "train", **other: Any) -> dict[str, object]:
    return screened(f"{number:016x}", label, split, **other)


def many(count: int, start: int = 100, **other: Any) -> list[dict[str, object]]:
    return [picture(start + number, **other) for number in range(count)]


def config(**scores: Expectation) -> Config:
    return Config(data=None, schedule=None, checks=ChecksConfig(scores=scores), choices={"checks": "mine"})


def test_findings_of_a_picture_are_texts_and_nothing_where_all_is_well() -> None:
    twin: dict[str, Any] = {"near_duplicate_of": f"{5:016x}"}
    rows = [
        picture(1),
        picture(2, **ALARM),
        picture(3, **DOUBT),
        picture(4, "grizzly", **twin),
        picture(5),
        picture(6, **twin),
        picture(7, **DARK),
    ]
    table = score_tables(pd.DataFrame(rows))["pictures"]
    found = table[["alarm", "doubt", "twin", "quality"]].astype("object")
    assert found.mask(found.isna(), None).to_numpy().tolist() == [
        [None, None, None, None],
        ["upside down", None, None, None],
        [None, "teddy", None, None],
        [None, None, "black/own 0000000000000005.jpg", None],
        [None, None, None, None],
        [None, None, None, None],
        [None, None, None, "dark, blurry"],
    ]
    assert table.index.name == "path"


def test_shares_of_labels_and_splits_with_the_lower_end_of_their_interval() -> None:
    rows = [picture(1, split="test", **ALARM), picture(2, split="test"), *many(8), picture(3, "teddy", **ALARM)]
    tables = score_tables(pd.DataFrame(rows))
    assert tables["splits"][["pictures", "alarm_rate"]].to_dict("index")["test"] == {"pictures": 2, "alarm_rate": 0.5}
    assert tables["splits"].loc["test", "alarm_rate_low"] == pytest.approx(0.0945, abs=1e-3)  # Wilson's, 1 of 2
    assert tables["labels"]["alarm_rate"].to_dict() == {"black": 0.1, "teddy": 1.0}
    assert tables["labels"].loc["teddy", "alarm_rate_low"] == pytest.approx(0.2065, abs=1e-3)


def test_the_frames_of_one_site_are_one_witness() -> None:
    """40 alarms of one night at one site do not show that the label is another world; those of 20 sites do."""
    frames = many(40, split="test", **ALARM) + many(120, 400, split="test")
    alone = score_tables(pd.DataFrame(frames))["labels"].loc["black"]
    sites = ["S0"] * 40 + [f"S{number % 12 + 1}" for number in range(120)]
    by_site = score_tables(pd.DataFrame(frames).assign(split_key=sites))["labels"].loc["black"]
    assert (alone["groups"], by_site["groups"]) == (160, 13)
    assert alone["alarm_rate"] == by_site["alarm_rate"] == 0.25
    assert by_site["alarm_rate_low"] < 0.1 < 0.18 < alone["alarm_rate_low"]


@pytest.mark.slow
@pytest.mark.parametrize("option", ["standard", "strict"])
def test_good_scores_pass_every_option(option: str) -> None:
    cfg = compose(CHECKOUT, [f"checks={option}"])
    rows = [*many(60, split="test"), *many(200, 200), *many(60, 500, label="teddy"), picture(1, **ALARM)]
    results = check_scores(pd.DataFrame(rows), cfg)
    assert results and not [result.name for result in results if not result.success]


@pytest.mark.slow
def test_standard_stops_for_what_spoils_everything_and_warns_of_what_a_person_should_see() -> None:
    cfg = compose(CHECKOUT, ["checks=standard"])
    odd = [*many(30, split="test", **ALARM), *many(60, 200, **DOUBT), *many(60, 300, label="teddy", **DARK)]
    twin = picture(1, "teddy", near_duplicate_of=f"{200:016x}")
    failed = {r.name: r.severity for r in check_scores(pd.DataFrame([*odd, twin]), cfg) if not r.success}
    assert failed == {
        "in_domain": "warning",
        "same_world": "error",
        "alarms_spread": "warning",
        "few_label_doubts": "warning",
        "labels_hold_together": "error",
        "no_twins": "warning",
        "good_quality": "warning",
    }


NEVER_ODD = Expectation("pictures", "expect_column_values_to_be_null", "error", {"column": "alarm"})


@pytest.mark.slow
def test_a_check_that_stops_has_written_its_report_before(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    rows = [*many(3), picture(1, path="black/<b>.jpg", clean_path="black/1.jpg", **ALARM)]
    with pytest.raises(PictureError):  # its picture is not there: a thumbnail is never left out in silence
        conclude_scores(pd.DataFrame(rows), config(never_odd=NEVER_ODD), paths)
    (paths.clean / "black").mkdir(parents=True)
    Image.new("RGB", (40, 30), (10, 60, 90)).save(paths.clean / "black" / "1.jpg")
    with pytest.raises(CheckFailed, match=r"^check failed: never_odd: 1 of 4 pictures .*/raw/black/<b>.jpg\); see"):
        conclude_scores(pd.DataFrame(rows), config(never_odd=NEVER_ODD), paths)
    report = paths.report("screen")
    assert pd.read_csv(report / "flagged.csv")["value"].tolist() == ["upside down"]
    assert pd.read_csv(report / "checks.csv")["state"].tolist() == ["error"]
    page = (report / "data_docs" / "index.html").read_text()
    assert 'src="data:image/jpeg;base64,' in page
    assert "black/&lt;b&gt;.jpg" in page and "<b>.jpg" not in page


@pytest.mark.slow
def test_no_checks_of_scores_are_no_fault(tmp_path: Path) -> None:
    counts = conclude_scores(pd.DataFrame(many(3)), config(), Paths(tmp_path))
    assert counts == {"expectations": 0, "passed": 0, "notes": 0, "warnings": 0, "errors": 0, "flagged_pictures": 0}
