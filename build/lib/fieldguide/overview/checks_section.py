"""The results of the data checks, and the index of Data Docs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fieldguide.base.paths import Paths
from fieldguide.data.counts import COUNTS
from fieldguide.data.csv_files import read_csv
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, picture_names, read_table
from fieldguide.overview.pictures import Captioned, Gallery, gallery
from fieldguide.pages.parts import in_words
from fieldguide.pages.render import render

SUITES = {"validate": "Before training: the pictures", "screen": "After training: the scores"}
MAX_PER_CHECK = 6  # pictures shown
STATES = ("error", "warning", "note", "passed")


@dataclass(frozen=True)
class Suite:
    """The checks of a stage, as rows of its checks.csv."""

    stage: str
    title: str
    made: str  # how many checks, in words
    flagged: str  # how many pictures, in words
    failed: Sequence[dict[Any, Any]]
    passed: Sequence[dict[Any, Any]]


@dataclass(frozen=True)
class Checks:
    """Suites, and the address of the folder with the suites' own pages."""

    suites: Sequence[Suite]
    folder: str


def read_checks(paths: Paths, stage: str) -> pd.DataFrame:
    """The checks of a stage, the failed ones first, in the columns of `fieldguide.checks.conclusion.CHECKS_COLUMNS`."""
    table = read_csv(paths.report(stage) / "checks.csv", {"offenders": int})
    return table.sort_values("state", key=lambda states: states.map(STATES.index), kind="stable")


def checks(paths: Paths, stages: Sequence[str], folder: str) -> Checks:
    """The checks of some stages, a suite for each."""
    suites = []
    for stage in stages:
        table = read_checks(paths, stage)
        passed = table["state"] == "passed"
        flagged = read_csv(paths.report(stage) / "flagged.csv")["path"].nunique()
        said = (COUNTS[f"{stage}.expectations"].said(len(table)), COUNTS[f"{stage}.flagged_pictures"].said(flagged))
        rows = (table[~passed].to_dict("records"), table[passed].to_dict("records"))
        suites.append(Suite(stage, SUITES[stage], *said, *rows))
    return Checks(suites, folder)


def flagged_galleries(paths: Paths) -> list[Gallery]:
    """The pictures that the checks before training do not accept, by check; of those that were kept."""
    images = read_table(paths.image_table, IMAGES)
    flagged = read_csv(paths.report("validate") / "flagged.csv")
    named = images.assign(name=picture_names(images))
    pictures = named.loc[images["status"] == Status.KEPT, ["name", "path", "clean_path"]]
    kept = flagged.rename(columns={"path": "name"}).merge(pictures, on="name")
    return [
        gallery(paths, f"Did not pass: {in_words(str(name))}", _captioned(rows), MAX_PER_CHECK)
        for name, rows in kept.groupby("expectation", sort=False)
    ]


def _captioned(rows: pd.DataFrame) -> Iterator[Captioned]:
    yield from rows[["clean_path", "path", "value"]].itertuples(index=False, name=None)


def docs_index(paths: Paths, stages: Sequence[str]) -> str:
    """The index of the Data Docs of some stages, as a page."""
    return render("overview/docs_index.html", title="Data checks", found=checks(paths, stages, "../"))
