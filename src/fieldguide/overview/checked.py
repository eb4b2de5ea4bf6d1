"""What the data checks said, and the index of Data Docs."""

from collections.abc import Hashable, Iterator, Mapping
from html import escape

import pandas as pd

from fieldguide.base.paths import Paths
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, read_table
from fieldguide.overview.pictures import Captioned, titled_gallery
from fieldguide.pages.document import document
from fieldguide.pages.parts import STYLE as PARTS_STYLE
from fieldguide.pages.parts import html_table

SUITES = {"validate": "Before training: the pictures", "screen": "After training: the scores"}
PER_CHECK = 6  # pictures shown
STATES = ("error", "warning", "passed")


def read_checks(paths: Paths, stage: str) -> pd.DataFrame:
    """The checks of a stage, the failed ones first, in the columns of `fieldguide.checks.conclusion.CHECKS_COLUMNS`."""
    table = pd.read_csv(paths.report(stage) / "checks.csv", keep_default_na=False)
    return table.sort_values("state", key=lambda states: states.map(STATES.index), kind="stable")


def checks_section(paths: Paths, stages: list[str], docs: str) -> str:
    """The checks of some stages, a table for each suite; `docs` is the address of the folder with the suites' own."""
    parts = []
    for stage in stages:
        checks = read_checks(paths, stage)
        passed = checks["state"] == "passed"
        link = f'<a href="{docs}{stage}/data_docs/index.html">{stage}/data_docs</a>'
        parts.append(f"<h3>{SUITES[stage]}</h3>")
        parts.append(f"<p>{passed.sum()} of {len(checks)} checks passed. Each with its pictures: {link}.</p>")
        if not passed.all():
            parts.append(_table(checks[~passed]))
        parts.append(f"<details><summary>the {passed.sum()} that passed</summary>{_table(checks[passed])}</details>")
    return "\n".join(parts)


def flagged_galleries(paths: Paths) -> str:
    """The pictures that the checks before training do not accept, by check; of those that were kept."""
    images = read_table(paths.image_table, IMAGES)
    flagged = pd.read_csv(paths.report("validate") / "flagged.csv", keep_default_na=False, dtype=str)
    kept = flagged.merge(images.loc[images["status"] == Status.KEPT, ["path", "clean_path"]], on="path")
    parts = [
        titled_gallery(paths, f"Did not pass: {str(name).replace('_', ' ')}", _captioned(rows), PER_CHECK)
        for name, rows in kept.groupby("expectation", sort=False)
    ]
    return "".join(parts) or "<p>None that were kept.</p>"


def _captioned(rows: pd.DataFrame) -> Iterator[Captioned]:
    for path, value in zip(rows["clean_path"], rows["value"], strict=True):
        yield path, (value,)


def docs_index(paths: Paths, stages: list[str]) -> str:
    """The index of the Data Docs of some stages, as a page."""
    return document("Data checks", checks_section(paths, stages, "../"), PARTS_STYLE + STYLE)


def _table(checks: pd.DataFrame) -> str:
    return html_table(("", "check", "found", "limit"), [_row(row) for row in checks.to_dict("records")], "checks")


def _row(check: Mapping[Hashable, str]) -> str:
    state, name = escape(check["state"]), escape(check["name"].replace("_", " "))
    return (
        f'<tr><td><span class="badge {state}">{state}</span></td><th>{name}</th>'
        f"<td>{escape(check['observed'])}</td><td>{escape(check['limit'])}</td></tr>"
    )


STYLE = """\
a { color: inherit; }
.badge { color: var(--tone); border: 1px solid; border-radius: 1rem; font-size: .8rem; padding: .1rem .6rem;
  white-space: nowrap; }
summary { cursor: pointer; margin: .75rem 0 .5rem; }
.checks td:nth-child(3) { min-width: 8rem; }
.checks td:last-child { min-width: 12rem; white-space: normal; }
"""
