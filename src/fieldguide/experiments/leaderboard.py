"""The result of a sweep: its jobs, the best by valid accuracy first, as a table, a file and a figure."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fieldguide.base.errors import printable
from fieldguide.base.shares import decimal, p_value, with_interval
from fieldguide.base.terminal import table
from fieldguide.data.csv_files import write_csv
from fieldguide.data.table import read_columns
from fieldguide.pages.colours import BLUE
from fieldguide.pages.png import save_figure
from fieldguide.statistics.paired import paired_test

COLUMNS = [
    *("name", "valid_accuracy", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss"),
    *("seconds", "megabytes", "fingerprint", "folder"),
]


def write_leaderboard(sweep: Path, outcomes: Sequence[dict[str, Any]]) -> list[Path]:
    """Print the jobs, failed ones last with their error, and write leaderboard.csv and leaderboard.png.

    They are ranked by the valid split, which is for choosing; the test split estimates the accuracy of the chosen one.
    """
    outcomes = [{**outcome, "name": printable(outcome["name"])} for outcome in outcomes]
    finished = [outcome for outcome in outcomes if outcome["status"] == "finished"]
    ranked = sorted(finished, key=lambda outcome: (-outcome["valid_accuracy"], outcome["valid_loss"]))
    failed = [outcome for outcome in outcomes if outcome["status"] == "failed"]
    print(f"\n{indent(_table(ranked, failed), '  ')}")
    if len(ranked) > 1:
        print(f"\n  {_best_or_chance(sweep, ranked)}")
    ranking, picture = sweep / "leaderboard.csv", sweep / "leaderboard.png"
    write_csv(ranking, pd.DataFrame(ranked, columns=COLUMNS))
    save_figure(_figure(ranked), picture)
    print(f"  see {ranking.relative_to(Path.cwd())} and {picture.name} beside it; `make ui` shows the runs", flush=True)
    return [ranking, picture]


def _table(ranked: Sequence[dict[str, Any]], failed: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            outcome["name"],
            decimal(outcome["valid_accuracy"]),
            with_interval(*(outcome[f"accuracy{end}"] for end in ("", "_low", "_high"))),
            f"{outcome['seconds']:.0f} s",
            f"{outcome['megabytes']:.0f} MB",
            "finished before" if outcome["skipped"] else "",
        ]
        for outcome in ranked
    ]
    rows += [[outcome["name"], *[""] * 4, f"FAILED: {_first_line(outcome['error'])}"] for outcome in failed]
    return table(rows, ["", "valid", "test (95 % interval)", "time", "size", ""], right=(3, 4))


def _first_line(text: str) -> str:
    return next(filter(str.strip, text.splitlines()), "no reason given")


def _best_or_chance(sweep: Path, ranked: Sequence[dict[str, Any]]) -> str:
    first, second = (read_columns(sweep.parent / outcome["predictions"]).to_pandas() for outcome in ranked[:2])
    test = paired_test(first, second)
    names = f"{ranked[0]['name']} and {ranked[1]['name']}"
    groups = f" in {test.groups} groups" if test.groups < test.pictures else ""
    figures = (
        f"of {test.pictures} test pictures{groups} they differ on {test.only_first + test.only_second}, "
        f"{test.only_first} to {test.only_second}, {p_value(test.p_value)}"
    )
    if test.p_value >= 0.05:
        return f"{names} do not differ beyond chance ({figures})"
    better = ranked[0] if test.only_first > test.only_second else ranked[1]
    return f"{better['name']} is better than the other of the first two beyond chance ({figures})"


def _figure(ranked: Sequence[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(7.5, 1.5 + 0.35 * len(ranked)), layout="constrained")
    axes = figure.subplots()
    for place, outcome in enumerate(reversed(ranked)):
        axes.plot([outcome["accuracy_low"], outcome["accuracy_high"]], [place, place], color=BLUE)
        axes.plot(outcome["accuracy"], place, "o", color=BLUE, label="test, 95 % interval" if not place else None)
        axes.plot(outcome["valid_accuracy"], place, "|", color="black", markersize=12, label=None if place else "valid")
    axes.set_yticks(range(len(ranked)), [outcome["name"] for outcome in reversed(ranked)], parse_math=False)
    axes.set(xlabel="accuracy", ylim=(-0.6, max(len(ranked), 1) - 0.4))
    if ranked:
        figure.legend(frameon=False, loc="outside upper center", ncols=2)
    return figure
