"""What screening found: pictures by reason, how many raise the alarm, and whom a person should look at first."""

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.checks.score_tables import quality_issues, twins
from fieldguide.data.status import Split
from fieldguide.data.table import SCREEN, read_table
from fieldguide.overview.pictures import thumbnail, titled_gallery
from fieldguide.pages.figures import BLUE, GREY, ORANGE
from fieldguide.pages.parts import chart_tag, html_table, percent, share_cell
from fieldguide.statistics.intervals import wilson

PER_REASON, DOUBTS, QUEUE = 6, 12, 10  # pictures shown: the page stays below two megabytes
SMALLEST_P = 1e-4  # what is further out stands at the left end of the histogram


def read_screen(paths: Paths) -> pd.DataFrame:
    """The table data/screen.parquet."""
    return read_table(paths.screen_table, SCREEN)


def alarm_rate(paths: Paths) -> float:
    """The share of ordinary pictures that may raise the alarm, as it was promised."""
    return float(read_json(paths.screen.with_suffix(".json"))["alarm_rate"])


def galleries(paths: Paths, screened: pd.DataFrame) -> str:
    """Galleries of flagged pictures by reason, the most frequent reason first."""
    found = "".join(_galleries(paths, screened))
    return found or "<p>None.</p>"


def _galleries(paths: Paths, screened: pd.DataFrame) -> Iterator[str]:
    alarms = screened[screened["out_of_domain"]].sort_values(["p_value", "id"])
    reasons = alarms["reason"].value_counts().reset_index().sort_values(["count", "reason"], ascending=[False, True])
    for reason in reasons["reason"]:
        rows = alarms[alarms["reason"] == reason]
        shown = [(path, (f"as {label}", f"p = {p:.2g}")) for path, label, p in _rows(rows, "label", "p_value")]
        yield titled_gallery(paths, str(reason).capitalize(), shown, PER_REASON)
    rows = screened[screened["label_doubt"]].sort_values(["label_quality", "id"])
    shown = [
        (path, (f"label {label}", f"rather {other}?")) for path, label, other in _rows(rows, "label", "suggested_label")
    ]
    yield titled_gallery(paths, "The label may be wrong", shown, DOUBTS)
    rows = screened.assign(twin=twins(screened)).dropna(subset="twin").sort_values("id")
    shown = [(path, (f"label {label}", f"like {twin}")) for path, label, twin in _rows(rows, "label", "twin")]
    yield titled_gallery(paths, "Nearly the same picture has another label", shown, PER_REASON)
    rows = screened.assign(issues=quality_issues(screened)).dropna(subset="issues").sort_values(["issues", "id"])
    poor = [(path, (issues,)) for path, issues in _rows(rows, "issues")]
    yield titled_gallery(paths, "Poor pictures", poor, PER_REASON)


def _rows(table: pd.DataFrame, *columns: str) -> list[list[Any]]:
    return table[["clean_path", *columns]].astype(object).to_numpy().tolist()


def domain(screened: pd.DataFrame, promised: float) -> str:
    """How many pictures look unlike those that the classifier learnt from."""
    text = (
        f"<p>Every picture gets a number between 0 and 1: the share of ordinary pictures that look at least as odd "
        f"(a p-value). At {promised:g} or below it raises the alarm: {100 * promised:g} of 100 ordinary pictures do, "
        "by promise, and nearly all strangers should.</p>"
    )
    rows = []
    for split in Split:
        side = screened[screened["split"] == split]
        if len(side):
            alarms = int(side["out_of_domain"].sum())
            share = share_cell(alarms / len(side), wilson(alarms, len(side)))
            rows.append(f"<tr><th>{split.replace('_', ' ')}</th><td>{len(side)}</td><td>{alarms}</td>{share}</tr>")
    test = screened[screened["split"] == Split.TEST]
    chart = chart_tag(domain_figure(test["p_value"], promised), "histogram of p-values with the threshold")
    return text + html_table(("split", "pictures", "alarms", "share, 95 % interval"), rows) + chart


def domain_figure(p_values: "pd.Series[float]", threshold: float) -> Figure:
    """How odd the test pictures look, with the threshold of the alarm."""
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    below = round(np.log10(threshold / SMALLEST_P) * 8)
    edges = np.concatenate([np.geomspace(SMALLEST_P, threshold, below + 1), np.geomspace(threshold, 1, 11)[1:]])
    counts, _ = np.histogram(p_values.clip(SMALLEST_P, 1), edges)
    axes.stairs(counts[:below], edges[: below + 1], fill=True, color=ORANGE, label="alarm")
    axes.stairs(counts[below:], edges[below:], fill=True, color=BLUE, label="as usual")
    axes.axvline(threshold, color=GREY, linestyle=":", label=f"threshold: {threshold:g}")
    axes.set(xscale="log", xlim=(SMALLEST_P, 1), xlabel="p-value (left: odd, right: usual)", ylabel="test pictures")
    axes.legend(frameon=False, loc="upper left")
    return figure


def queue(paths: Paths, screened: pd.DataFrame) -> str:
    """The first rows of the review queue, with their pictures."""
    table = pd.read_csv(paths.report("screen") / "review_queue.csv", keep_default_na=False, dtype={"id": str})
    if table.empty:
        return "<p>Nothing to review.</p>"
    places = dict(zip(screened["id"], screened["clean_path"], strict=True))
    rows = [
        f"<tr><td>{thumbnail(paths, places[row['id']])}<small>{escape(places[row['id']])}</small></td>"
        f"<td>{escape(row['why'])}</td><td>{row['score']:.2f}</td><td>{escape(row['suggestion'])}</td></tr>"
        for row in table.head(QUEUE).to_dict("records")
    ]
    number = f"<p>{len(table)} pictures wait for a person; the first {len(rows)}:</p>"
    return number + html_table(("picture", "why", "score", "suggestion"), rows, "queue")


def flagged_count(screened: pd.DataFrame) -> int:
    """How many pictures raise the alarm, or have a label in doubt."""
    return int((screened["out_of_domain"] | screened["label_doubt"]).sum())


def alarm_share(screened: pd.DataFrame) -> tuple[str, str]:
    """The share of test pictures that raise the alarm, and its interval, in words."""
    test = screened[screened["split"] == Split.TEST]
    alarms = int(test["out_of_domain"].sum())
    low, high = wilson(alarms, len(test))
    return percent(alarms / max(len(test), 1)), f"{percent(low)} to {percent(high)}"
