"""The page that a job leaves: what was new, what was decided and why, what the gate said, what it cost."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.data.csv_files import write_csv
from fieldguide.pages.document import document
from fieldguide.pages.parts import STYLE, html_table
from fieldguide.retraining.incoming import COLUMNS, State
from fieldguide.retraining.journal import Journal
from fieldguide.retraining.tools import SAME

MOST_ROWS = 200
NOTHING = "&ndash;"


def write_page(paths: Paths, job: Journal) -> Path:
    """Write reports/retrain/<job>/index.html from the job's journal, and the table of what arrived beside it."""
    folder = paths.report("retrain") / job.name
    incoming = pd.DataFrame(job.get("incoming"), columns=COLUMNS)
    write_csv(folder / "incoming.csv", incoming)
    write_text(folder / "index.html", _page(job, incoming))
    return folder / "index.html"


def _page(job: Journal, incoming: pd.DataFrame) -> str:
    tone, line = _verdict(job)
    parts = [
        f'<p class="verdict {tone}">{escape(line)}</p>',
        "<h2>What was new</h2>",
        _new(job, incoming),
        "<h2>What was decided, and why</h2>",
        "<ul>" + "".join(f"<li><p>{escape(reason)}</p></li>" for reason in job.get("choice")["reasons"]) + "</ul>",
    ]
    if (judged := job.get("judged")) and judged["verdict"] != SAME:
        against = judged["against"] or "the baselines"
        parts += [f"<h2>The gate: challenger against {escape(against)}</h2>", _rules(judged["rules"])]
    parts += ["<h2>What became of it</h2>", _facts(_became(job)), "<h2>What it cost</h2>", _seconds(job)]
    if job.get("choice")["hold"]:
        disputed = incoming[incoming["file"].isin(job.get("facts")["doubts"]["which"])]
        parts += ["<h2>Labels that the champion disputes</h2>", _files(disputed)]
    odd = incoming[incoming["state"].isin([State.REFUSED, State.UNLABELLED, State.KNOWN])]
    if len(odd):
        parts += ["<h2>Files that were not trained on</h2>", _files(odd)]
    return document(f"Retraining {job.name}", "\n".join(parts), STYLE + OWN_STYLE)


def _verdict(job: Journal) -> tuple[str, str]:
    if error := job.get("error"):
        return "error", f"Stopped: {error}. The next call goes on from here; the champion serves on."
    judged = job.get("judged")
    if not judged and job.get("choice")["hold"]:
        return "warning", "Held back before training. The champion serves on."
    if not judged:
        return "passed", "Nothing to train. The champion serves on."
    if judged["verdict"] == SAME:
        return "passed", f"The same model as {judged['against']}: nothing to compare, and nothing was registered."
    if judged["accepted"]:
        return "passed", f"{judged['verdict'].capitalize()}: accepted as a challenger."
    return "warning", f"{judged['verdict'].capitalize()}: the champion serves on."


def _new(job: Journal, incoming: pd.DataFrame) -> str:
    facts = job.get("facts")
    states = incoming["state"].value_counts()
    numbers: dict[str, Any] = {
        "new": sum(facts["new"].values()),
        "with those that waited": int(states.get(State.NEW, 0)),
        "new reviews": facts["reviews"],
    }
    numbers |= {state.value: int(states.get(state, 0)) for state in (State.UNLABELLED, State.KNOWN, State.REFUSED)}
    labels = sorted({*facts["new"], *facts["had"]})
    rows = [
        f"<tr><th>{escape(label)}</th><td>{facts['new'].get(label, 0)}</td><td>{facts['had'].get(label, 0)}</td></tr>"
        for label in labels
    ]
    return _facts(numbers) + (html_table(("label", "new", "before"), rows, "plain") if rows else "")


def _became(job: Journal) -> dict[str, Any]:
    moves = job.get("moves") or []
    places = ["copy" if move["copy"] else move["target"].split("/")[1] for move in moves]
    return {
        "version": job.get("version") or NOTHING,
        "branch": job.get("branch") or NOTHING,
        "into the data set": places.count("sources"),
        "held back": places.count("held"),
        "copies removed": places.count("copy"),
    }


def _seconds(job: Journal) -> str:
    return _facts({step: f"{taken:.1f} s" for step, taken in job.get("seconds").items()})


def _facts(numbers: Mapping[str, Any]) -> str:
    """A row of figures; `NOTHING` is HTML already."""
    cells = (
        f"<div><dt>{escape(name)}</dt><dd>{value if value == NOTHING else escape(str(value))}</dd></div>"
        for name, value in numbers.items()
    )
    return f"<dl>{''.join(cells)}</dl>"


def _rules(rules: list[dict[str, Any]]) -> str:
    heads = ("rule", "on", "outcome", "challenger", "other", "bound", "pictures", "detail")
    rows = ["<tr>" + "".join(_cell(rule.get(head)) for head in heads) + "</tr>" for rule in rules]
    return html_table(heads, rows, "gate")


def _cell(value: Any) -> str:
    if value is None or value in ("", 0):  # no pictures: what has none is no rule about pictures
        return f"<td>{NOTHING if isinstance(value, int | str | None) else '0.000'}</td>"
    tone = {"met": "passed", "failed": "error", "unclear": "warning"}.get(str(value), "")
    shown = f"{value:.3f}" if isinstance(value, float) else escape(str(value))
    return f'<td class="tone {tone}">{shown}</td>' if tone else f"<td>{shown}</td>"


def _files(odd: pd.DataFrame) -> str:
    rows = [
        f"<tr><td>{escape(str(row.file))}</td><td>{escape(str(row.state))}</td><td>{escape(str(row.reason))}</td></tr>"
        for row in odd.head(MOST_ROWS).itertuples()
    ]
    more = f"<p>and {len(odd) - MOST_ROWS} more, in incoming.csv</p>" if len(odd) > MOST_ROWS else ""
    return html_table(("file in data/incoming, or address", "", "reason"), rows, "gate") + more


OWN_STYLE = """\
.tone { color: var(--tone); font-weight: 600; }
li p { margin: 0; padding: .5rem .9rem; }
dd { font-size: 1.1rem; }
.gate td { white-space: nowrap; overflow-wrap: normal; }
.gate th, .gate td { padding: .3rem .6rem; }
.gate td:nth-child(-n+2) { white-space: normal; }
.gate td:last-child { white-space: normal; min-width: 10rem; }
"""
