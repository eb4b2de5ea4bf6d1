"""The gate: what stops, what only warns, and what it leaves for a person to read."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from fieldguide.base.config import ChecksConfig, Config, Expectation, SplitConfig
from fieldguide.base.errors import CheckFailed, UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.table import IMAGES, write_table
from fieldguide.stages.validate import label_table, run
from stages.training import of_the_project

HOSTILE = "teddy/<script>alert(1)</script>.jpg"
MEASURED = {
    "width": 320,
    "height": 240,
    "short_side": 240,
    "aspect_ratio": 4 / 3,
    "brightness": 0.5,
    "saturation": 0.2,
    "sharpness": 0.1,
}

READABLE = Expectation(
    "pictures",
    "expect_column_values_to_not_be_in_set",
    "error",
    {"column": "status", "value_set": ["unreadable", "not_a_picture"], "mostly": 0.9},
)
WELL_LIT = Expectation(
    "pictures",
    "expect_column_values_to_be_between",
    "warning",
    {"column": "brightness", "min_value": 0.1, "mostly": 0.9},
)
ENOUGH = Expectation("labels", "expect_column_values_to_be_between", "error", {"column": "pictures", "min_value": 2})


def picture(path: str, status: str = "kept", **other: object) -> dict[str, object]:
    label = path.partition("/")[0]
    measured = MEASURED if status != "unreadable" else dict.fromkeys(MEASURED)
    texts = dict.fromkeys(("id", "source", "review", "reason", "clean_path", "clean_sha256", "perceptual_hash"), "")
    files = {"path": path, "file": f"data/raw/{path}" if path else ""}
    return {**texts, **measured, **files, "label": label, "raw_label": label, "status": status, **other}


def many(label: str, count: int, status: str = "kept", **other: object) -> list[dict[str, object]]:
    return [picture(f"{label}/{status} {number}.jpg", status, **other) for number in range(count)]


def given(root: Path, rows: list[dict[str, object]]) -> Paths:
    paths = Paths(root)
    write_table(pd.DataFrame(rows, columns=IMAGES.names), paths.image_table, IMAGES)
    return paths


def config(**expectations: Expectation) -> Config:
    return Config(data=None, schedule=None, checks=ChecksConfig(expectations), choices={"checks": "mine"})


def flagged(paths: Paths) -> list[dict[str, str]]:
    with (paths.report("validate") / "flagged.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_an_unreadable_share_above_the_limit_stops_and_leaves_its_report(tmp_path: Path) -> None:
    paths = given(tmp_path, [*many("black", 8), *many("teddy", 10), *many("black", 3, "unreadable")])
    with pytest.raises(UserError) as caught:
        run(config(readable=READABLE, enough=ENOUGH), paths)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(
        "check failed: readable: 3 of 21 pictures (14.3 %) unreadable or not a picture; limit: at most"
    )
    assert "data/raw/black/unreadable 0.jpg, data/raw/black/unreadable 1.jpg" in message
    assert "reports/validate/flagged.csv" in message
    assert "reports/validate/data_docs/index.html" in message
    assert [row["path"] for row in flagged(paths)] == [f"black/unreadable {number}.jpg" for number in range(3)]
    assert "Stopped" in (paths.report("validate") / "data_docs" / "index.html").read_text()


def test_an_unreadable_share_within_the_limit_passes_and_is_flagged(tmp_path: Path) -> None:
    paths = given(tmp_path, [*many("black", 9), *many("teddy", 10), *many("black", 2, "unreadable")])
    metrics = run(config(readable=READABLE), paths)
    assert metrics == {
        "pictures": 21,
        "kept": 19,
        "labels": 2,
        "smallest_label": 9,
        "balance": 0.9,
        "expectations": 1,
        "passed": 1,
        "notes": 0,
        "warnings": 0,
        "errors": 0,
        "flagged_pictures": 2,
    }


def test_a_warning_never_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = given(tmp_path, [*many("black", 4), *many("teddy", 3, brightness=0.01)])
    metrics = run(config(well_lit=WELL_LIT), paths)
    assert (metrics["warnings"], metrics["errors"], metrics["flagged_pictures"]) == (1, 0, 3)
    warning, flagged_line = capsys.readouterr().out.splitlines()
    assert warning.startswith(f"warning: well_lit: 3 of 7 pictures (42.9 %): brightness below 0.1; limit: {LIT_LIMIT}")
    assert warning.endswith("(data/raw/teddy/kept 0.jpg and 2 more)")
    assert flagged_line == "3 pictures flagged before training, see reports/validate/flagged.csv"


def test_several_errors_are_all_named(tmp_path: Path) -> None:
    paths = given(tmp_path, [*many("black", 1), *many("teddy", 1), *many("black", 3, "unreadable")])
    with pytest.raises(UserError, match=r"^2 checks failed \(enough, readable\); the first: enough: ") as caught:
        run(config(enough=ENOUGH, readable=READABLE), paths)
    said = "; the first: enough: black has 1 picture, 2 are needed, teddy has 1 picture, 2 are needed; for a small"
    assert said in str(caught.value)
    assert {row["expectation"] for row in flagged(paths)} == {"readable"}


def test_flagged_has_exactly_the_offending_rows_sorted(tmp_path: Path) -> None:
    rows = [
        *many("teddy", 2),
        picture("teddy/dark.jpg", brightness=0.05),
        picture("black/broken.jpg", "unreadable"),
        picture('black/a "quoted", name\n.jpg', brightness=0.01),
        picture("black/dark and twice.jpg", "duplicate", brightness=0.01),
        *many("black", 30),
    ]
    paths = given(tmp_path, rows)
    run(config(well_lit=WELL_LIT, readable=READABLE, enough=ENOUGH), paths)
    assert [tuple(row.values()) for row in flagged(paths)] == [
        ('black/a "quoted", name\n.jpg', "well_lit", "0.01", LIT_LIMIT, "warning"),
        ("black/broken.jpg", "readable", "unreadable", READABLE_LIMIT, "error"),
        ("teddy/dark.jpg", "well_lit", "0.05", LIT_LIMIT, "warning"),
    ]
    assert list(flagged(paths)[0]) == ["path", "expectation", "value", "limit", "severity"]


LIT_LIMIT = "at least 90 % of the pictures: brightness at least 0.1"
READABLE_LIMIT = "at most 10 % of the pictures unreadable or not a picture"


def test_what_was_not_downloaded_is_named_by_its_source(tmp_path: Path) -> None:
    missing = [
        picture("", "not_downloaded", label="black", source=f"https://example.org/{number}") for number in (1, 2)
    ]
    paths = given(tmp_path, [*many("black", 2), *many("teddy", 2), *missing])
    wanted = Expectation(READABLE.table, READABLE.type, "error", READABLE.kwargs | {"value_set": ["not_downloaded"]})
    with pytest.raises(UserError, match=r"\(https://example.org/1, https://example.org/2\)"):
        run(config(downloaded=wanted), paths)
    assert [row["path"] for row in flagged(paths)] == ["https://example.org/1", "https://example.org/2"]


def test_a_hostile_file_name_is_escaped_and_breaks_no_line(tmp_path: Path) -> None:
    rows = [*many("black", 2), picture(HOSTILE, "unreadable"), picture("teddy/two\nlines\x1b.jpg", "unreadable")]
    paths = given(tmp_path, rows)
    with pytest.raises(UserError) as caught:
        run(config(readable=READABLE), paths)
    assert r"data/raw/teddy/two\nlines\x1b.jpg" in str(caught.value)
    page = (paths.report("validate") / "data_docs" / "index.html").read_text()
    assert "<script" not in page
    assert "teddy/&lt;script&gt;alert(1)&lt;/script&gt;.jpg" in page


def test_nothing_kept_says_why_whatever_the_checks(tmp_path: Path) -> None:
    paths = given(tmp_path, [*many("black", 2, "unreadable"), *many("teddy", 1, "too_small")])
    with pytest.raises(UserError, match=r"^no picture was kept: 2 unreadable, 1 too_small; "):
        run(config(), paths)
    with pytest.raises(UserError, match=r"^no picture was kept: 2 unreadable, 1 too_small; "):
        run(config(readable=READABLE), paths)
    assert len(flagged(paths)) == 2


def test_an_empty_table_stops(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no picture was kept: the image table is empty"):
        run(config(well_lit=WELL_LIT), given(tmp_path, []))


def test_an_expectation_that_cannot_be_evaluated_leaves_the_old_report(tmp_path: Path) -> None:
    paths = given(tmp_path, many("black", 3))
    run(config(well_lit=WELL_LIT), paths)
    before = hashes(paths)
    broken = Expectation("pictures", "expect_column_mean_to_be_between", "warning", {"column": "label", "min_value": 1})
    with pytest.raises(UserError, match=r"^conf/checks/mine.yaml: broken: "):
        run(config(broken=broken), paths)
    assert hashes(paths) == before


def hashes(paths: Paths) -> dict[str, str]:
    report = paths.report("validate")
    return {str(p.relative_to(report)): sha256_of_file(p) for p in sorted(report.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_reports_are_byte_identical_twice_and_in_another_process(tmp_path: Path) -> None:
    rows = [*many("black", 40), *many("teddy", 12, brightness=0.04), *many("black", 2, "unreadable")]
    first, second, other = (given(tmp_path / name, rows) for name in ("first", "second", "other"))
    checks = config(readable=READABLE, well_lit=WELL_LIT, enough=ENOUGH)
    run(checks, first)
    run(checks, second)
    code = f"""
from pathlib import Path
from fieldguide.base.config import *
from fieldguide.base.paths import Paths
from fieldguide.stages.validate import run
run({checks!r}, Paths(Path({str(other.root)!r})))
"""
    subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert sorted(hashes(first)) == ["checks.csv", "data_docs/index.html", "flagged.csv"]
    assert hashes(first) == hashes(second) == hashes(other)
    assert str(tmp_path) not in (first.report("validate") / "data_docs" / "index.html").read_text()


def test_a_label_of_which_nothing_was_kept_counts_zero(tmp_path: Path) -> None:
    rows = [*many("black", 4), *many("teddy", 2), *many("grizzly", 2, "unreadable")]
    table = label_table(pd.DataFrame(rows))
    assert table.to_dict("index") == {
        "black": {"pictures": 4, "share": pytest.approx(2 / 3), "balance": 1.0},
        "grizzly": {"pictures": 0, "share": 0.0, "balance": 0.0},
        "teddy": {"pictures": 2, "share": pytest.approx(1 / 3), "balance": 0.5},
    }


@pytest.mark.slow  # each evaluates a dozen expectations
@pytest.mark.parametrize("option", ["small", "standard", "strict"])
def test_good_pictures_pass_every_option_without_a_warning(option: str, tmp_path: Path) -> None:
    checks = of_the_project(f"checks={option}").checks
    metrics = run(config(**checks.expectations), given(tmp_path, [*many("black", 200), *many("teddy", 200)]))
    assert metrics["passed"] == metrics["expectations"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("two_labels", many("black", 60)),
        ("some_pictures", [*many("black", 12), *many("teddy", 9)]),
        ("readable", [*many("black", 60), *many("teddy", 60), *many("black", 7, "unreadable")]),
    ],
)
def test_standard_stops_for_what_spoils_a_training(name: str, rows: list[dict[str, object]], tmp_path: Path) -> None:
    checks = of_the_project("checks=standard").checks
    with pytest.raises(UserError, match=f"^check failed: {name}: "):
        run(config(**checks.expectations), given(tmp_path, rows))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("many_pictures", many("grizzly", 45)),
        ("downloaded", many("black", 60, "not_downloaded")),
        ("usable_size", [*many("black", 10, "too_small"), *many("teddy", 10, "too_large")]),
        ("few_duplicates", many("black", 30, "duplicate")),
        ("no_conflicts", many("black", 1, "conflict")),
        ("large_enough", many("grizzly", 80, short_side=60)),
        ("no_strips", many("grizzly", 80, aspect_ratio=4.0)),
        ("well_lit", many("grizzly", 80, brightness=0.05)),
        ("sharp", many("grizzly", 80, sharpness=0.01)),
        ("colourful", many("grizzly", 80, saturation=0.0)),
    ],
)
def test_standard_warns_of_what_a_person_should_look_at(
    name: str, extra: list[dict[str, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = of_the_project("checks=standard").checks
    run(config(**checks.expectations), given(tmp_path, [*many("black", 100), *many("teddy", 100), *extra]))
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in printed if line.startswith("warning: ")] == [name]


@pytest.mark.slow
def test_standard_warns_of_a_rare_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = of_the_project("checks=standard").checks
    run(config(**checks.expectations), given(tmp_path, [*many("black", 200), *many("teddy", 60)]))
    said = "teddy has 60 pictures, 66 are needed (0.33 times the 200 of black, the most frequent)"
    assert f"warning: balanced_labels: {said}" in capsys.readouterr().out.splitlines()


def unlike(label: str, count: int) -> list[dict[str, object]]:
    """Kept pictures with ids and hashes of their own."""
    rows = many(label, count)
    for number, row in enumerate(rows):
        bits = Random(f"{label} {number}")
        row |= {"id": f"{bits.getrandbits(64):016x}", "perceptual_hash": f"{bits.getrandbits(256):064x}"}
    return rows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "counts", "said"),
    [
        (
            "standard",
            {f"kind {n}": 10 + n for n in range(12)},
            [f"kind {n} has {10 + n} pictures (" for n in range(12)],
        ),
        ("standard", {"many": 300, "few": 15}, ["few has 15 pictures (", "or set split."]),
        (
            "standard",
            {"panda": 2, "bear": 90},
            ["split: panda has 2 pictures (", "some_pictures: panda has 2 pictures, 10 are needed; "],
        ),
        ("small", {"panda": 2, "bear": 90}, ["some_pictures: panda has 2 pictures, 3 are needed; "]),
        ("small", {"panda": 6, "bear": 90}, ["too few pictures to split: panda has 6 pictures ("]),
    ],
)
def test_what_the_split_would_refuse_is_said_before_it_with_all_numbers(
    option: str, counts: dict[str, int], said: list[str], tmp_path: Path
) -> None:
    checks = of_the_project(f"checks={option}").checks
    paths = given(tmp_path, [row for label, count in counts.items() for row in unlike(label, count)])
    cfg = replace(config(**checks.expectations), split=SplitConfig(0.13, 0.24, min_per_label=5))
    cfg.choices["checks"] = option
    with pytest.raises(CheckFailed) as caught:
        run(cfg, paths)
    message = str(caught.value)
    assert "\n" not in message and [text for text in said if text not in message] == []
    assert ("choose `checks: small`" in message) == (option != "small")
    docs = (paths.report("validate") / "data_docs" / "index.html").read_text()
    assert ">valid</th>" in docs, "the numbers of all labels"


@pytest.mark.slow
def test_small_sets_pass_the_small_checks(tmp_path: Path) -> None:
    checks = of_the_project("checks=small").checks
    paths = given(tmp_path, [row for n in range(12) for row in unlike(f"kind {n}", 10 + n)])
    cfg = replace(config(**checks.expectations), split=SplitConfig(0.25, 0.25, seed=0, min_per_label=1))
    assert run(cfg, paths)["errors"] == 0
