"""The results of screening: pictures by reason, how many raise the alarm, and which to review first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.shares import p_value, percent
from fieldguide.checks.score_tables import quality_issues, twins
from fieldguide.data.csv_files import read_csv
from fieldguide.data.groups import group_numbers
from fieldguide.data.status import Split
from fieldguide.data.table import SCREEN, SPLIT, read_table
from fieldguide.overview.pictures import MAX_NAMED, THUMBNAIL, Gallery, gallery, open_cleaned
from fieldguide.pages.colours import BLUE, GREY, ORANGE
from fieldguide.screening.calibration import Calibration
from fieldguide.screening.noticed_labels import COLUMNS
from fieldguide.statistics.intervals import share_interval
from fieldguide.statistics.shares import calibrated_share

PER_REASON, DOUBTS, QUEUE = 6, 12, 10  # pictures shown: the page stays below two megabytes
SMALLEST_P = 1e-4  # anything smaller is in the first bin of the histogram


def read_screen(paths: Paths) -> pd.DataFrame:
    """The table data/screen.parquet."""
    return read_table(paths.screen_table, SCREEN)


def with_groups(screened: pd.DataFrame, paths: Paths) -> pd.DataFrame:
    """The same rows with the groups of the split table."""
    split = read_table(paths.split_table, SPLIT).set_index("id")
    return screened.join(split[["group", "split_key"]], on="id")


@dataclass(frozen=True)
class Promise:
    """The share of ordinary pictures that may raise the alarm, and what it is calibrated by."""

    rate: float
    by: Calibration  # of no picture where the screen is of an older version, which does not say

    @property
    def known_by(self) -> str:
        """How well it is known by so many pictures, in words; "" where the screen does not say."""
        if not self.by.pictures:
            return ""
        low, high = calibrated_share(self.rate, self.by.effective)
        between = f"between {percent(low)} and {percent(high)} (95 % interval)"
        return f"{self.by.said()} set that rate; the true one lies {between}"

    def against(self, low: float, high: float) -> str:
        """How a share of alarms with this interval compares, in words."""
        how = "more than" if low > self.rate else "fewer than" if high < self.rate else "in line with"
        return f"{how} the {100 * self.rate:g} % expected"


def alarm_promise(paths: Paths) -> Promise:
    """What the screen promises of false alarms."""
    screen = read_json(paths.screen.with_suffix(".json"))
    pictures = int(screen.get("calibration_pictures", 0))
    groups, effective = (screen.get(f"calibration_{name}") or pictures for name in ("groups", "effective"))
    return Promise(float(screen["alarm_rate"]), Calibration(pictures, int(groups), float(effective)))


def galleries(paths: Paths, screened: pd.DataFrame) -> list[Gallery]:
    """Galleries of flagged pictures by reason, the most frequent reason first; none that are empty."""
    return [found for found in _galleries(paths, screened) if found.number]


def _galleries(paths: Paths, screened: pd.DataFrame) -> Iterator[Gallery]:
    alarms = screened[screened["out_of_domain"]].sort_values(["p_value", "id"])
    reasons = alarms["reason"].value_counts().reset_index().sort_values(["count", "reason"], ascending=[False, True])
    for reason in reasons["reason"]:
        rows = alarms[alarms["reason"] == reason]
        shown = [(*files, f"label {label}", p_value(p)) for *files, label, p in _rows(rows, "label", "p_value")]
        yield gallery(paths, str(reason).capitalize(), shown, PER_REASON)
    rows = screened[screened["label_doubt"]].sort_values(["label_surprise", "id"], ascending=[False, True])
    shown = [
        (*files, f"label {label}", "out of domain" if strange else f"may be {other}")
        for *files, label, other, strange in _rows(rows, "label", "suggested_label", "out_of_domain")
    ]
    yield gallery(paths, "Labels in doubt", shown, DOUBTS)
    rows = screened.assign(twin=twins(screened)).dropna(subset="twin").sort_values("id")
    shown = [(*files, f"label {label}", f"like {twin}") for *files, label, twin in _rows(rows, "label", "twin")]
    yield gallery(paths, "Near duplicates under another label", shown, PER_REASON)
    rows = screened.assign(issues=quality_issues(screened)).dropna(subset="issues").sort_values(["issues", "id"])
    yield gallery(paths, "Pictures of low quality", map(tuple, _rows(rows, "issues")), PER_REASON)


def _rows(table: pd.DataFrame, *columns: str) -> list[list[Any]]:
    return table[["clean_path", "path", *columns]].astype(object).to_numpy().tolist()


def domain(screened: pd.DataFrame, promise: Promise) -> dict[str, Any]:
    """How many pictures of each split raise the alarm, and how many in-domain ones are to."""
    sides = [(split, screened[screened["split"] == split]) for split in Split]
    splits = [
        {"split": split, "pictures": len(side), "alarms": alarms, "interval": _interval(side)}
        for split, side in sides
        for alarms in [int(side["out_of_domain"].sum())]
        if len(side)
    ]
    test = screened[screened["split"] == Split.TEST]
    (measured,) = (row for row in splits if row["split"] == Split.TEST)
    return {
        "promised": promise.rate,
        "known_by": promise.known_by,
        "test": {**measured, "against": promise.against(*_interval(test))},
        "splits": splits,
        "histogram": domain_figure(test["p_value"], promise.rate),
    }


def _interval(side: pd.DataFrame) -> tuple[float, float]:
    return share_interval(side["out_of_domain"].to_numpy(bool), group_numbers(side))


def alarms_at_sites(paths: Paths) -> list[dict[Any, Any]]:
    """The rows of reports/screen/by_site.csv, those with the most certain alarms first."""
    shares = dict.fromkeys(("alarm_rate", "alarm_rate_low", "alarm_rate_high"), float)
    table = read_csv(paths.report("screen") / "by_site.csv", {"pictures": int, "groups": int, "alarms": int, **shares})
    return table.to_dict("records")


def unknown_labels(paths: Paths) -> list[dict[Any, Any]]:
    """The rows of reports/screen/unknown_labels.csv, the least noticed label first; older runs have none."""
    file = paths.report("screen") / "unknown_labels.csv"
    numbers = {**dict.fromkeys(COLUMNS[1:3], int), **dict.fromkeys(COLUMNS[3:], float)}
    return read_csv(file, {"label": str, **numbers}).to_dict("records") if file.is_file() else []


def domain_figure(p_values: "pd.Series[float]", threshold: float) -> Figure:
    """The p-values of the test pictures, with the threshold of the alarm."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    below = round(np.log10(threshold / SMALLEST_P) * 8)
    edges = np.concatenate([np.geomspace(SMALLEST_P, threshold, below + 1), np.geomspace(threshold, 1, 11)[1:]])
    counts, _ = np.histogram(p_values.clip(SMALLEST_P, 1), edges)
    axes.stairs(counts[:below], edges[: below + 1], fill=True, color=ORANGE, label="alarm")
    axes.stairs(counts[below:], edges[below:], fill=True, color=BLUE, label="in domain")
    axes.axvline(threshold, color=GREY, linestyle=":", label=f"threshold: {threshold:g}")
    axes.set(xscale="log", xlim=(SMALLEST_P, 1), xlabel="p-value (left: unusual, right: usual)", ylabel="test pictures")
    axes.legend(frameon=False, loc="upper left")
    return figure


def queue(paths: Paths, screened: pd.DataFrame) -> dict[str, Any]:
    """The first rows of the review queue with their pictures, and the others as text."""
    table = read_csv(paths.review_queue, {"score": float})
    files = dict(zip(screened["id"], zip(screened["clean_path"], screened["path"], strict=True), strict=True))
    rows = [(open_cleaned(paths, *files[row["id"]]), row) for row in table.head(QUEUE).to_dict("records")]
    others = table.iloc[QUEUE:][:MAX_NAMED].to_dict("records")
    return {"number": len(table), "rows": rows, "others": others, "side": THUMBNAIL}
