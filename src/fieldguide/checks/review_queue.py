"""One queue of pictures for a person to look at, the most valuable first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from fieldguide.checks.quality import ISSUES

COLUMNS = ["id", "picture", "why", "score", "suggestion"]


@dataclass(frozen=True)
class Entry:
    """One reason to look at a picture: its row in the table, and a score from 0 to 1, larger if more certain."""

    row: int
    why: str
    score: float
    suggestion: str


def review_queue(table: pd.DataFrame, reviewed: Collection[str]) -> pd.DataFrame:
    """Put all that was found about the pictures into one order of urgency.

    First come look-alikes with different labels, of which one is wrong, and the doubts about labels that confident
    learning calls errors. Then pictures with both an alarm and a weaker doubt; then alarms and weaker doubts take
    turns. Last come look-alikes of one label, then poor pictures. Of two look-alikes only that with the more doubtful
    label is listed.

    Parameters
    ----------
    table
        The table of the stage screen: one row a picture.
    reviewed
        Ids of pictures about which people have decided; they are not queued again.

    Returns
    -------
    One row a picture: id; picture (its path from the checkout); why (what is most urgent first); score (of that, 0 to
    1, larger is more certain); suggestion (a decision as in data/reviews.csv, with the new label of a relabel).
    """
    table = table.reset_index(drop=True)
    across, within = _look_alikes(table, reviewed)
    doubts, weak_doubts = _doubts(table)
    alarms = _alarms(table)
    alarmed = {entry.row for entry in alarms}
    orders = [
        [*across, *doubts],
        [entry for entry in weak_doubts if entry.row in alarmed],
        [entry for pair in _taking_turns(alarms, weak_doubts) for entry in pair],
        within,
        _poor(table),
    ]
    entries: dict[int, list[Entry]] = {}
    for entry in (entry for order in orders for entry in order):
        found = entries.setdefault(entry.row, [])
        if entry not in found:
            found.append(entry)
    rows = [
        (
            table.at[row, "id"],
            f"data/clean/{table.at[row, 'clean_path']}",
            "; ".join(entry.why for entry in found),
            round(found[0].score, 4),
            found[0].suggestion,
        )
        for row, found in entries.items()
        if table.at[row, "id"] not in reviewed
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _look_alikes(table: pd.DataFrame, reviewed: Collection[str]) -> tuple[list[Entry], list[Entry]]:
    """Near duplicates with another label and with the same, the most similar first; each pair once."""
    rows = {str(identity): row for row, identity in enumerate(table["id"])}
    across, within, seen = [], [], set()
    found = table[table["near_duplicate_of"] != ""]
    for row in found.sort_values(["near_duplicate_similarity", "id"], ascending=[False, True]).index:
        pair = {int(row), rows[str(table.at[row, "near_duplicate_of"])]}
        if frozenset(pair) in seen:
            continue
        seen.add(frozenset(pair))
        listed = min(
            (each for each in pair if table.at[each, "id"] not in reviewed),
            key=lambda each: (table.at[each, "label_quality"], table.at[each, "id"]),
            default=None,
        )
        if listed is None:
            continue
        other = (pair - {listed}).pop()
        label, path = table.at[other, "label"], f"data/clean/{table.at[other, 'clean_path']}"
        similarity = float(table.at[row, "near_duplicate_similarity"])
        if label == table.at[listed, "label"]:
            within.append(Entry(listed, f"looks like {path}", similarity, "drop"))
        else:
            across.append(Entry(listed, f"looks like {path} with another label", similarity, f"relabel {label}"))
    return across, within


def _doubts(table: pd.DataFrame) -> tuple[list[Entry], list[Entry]]:
    """Labels that confident learning calls errors, and others than the most probable ones; the worst first."""
    strong, weak = [], []
    differs = table["label_doubt"] | (table["suggested_label"] != table["label"])
    for row in table[differs].sort_values(["label_quality", "id"]).index:
        suggested = table.at[row, "suggested_label"]
        entry = Entry(
            int(row), f"may be {suggested}", 1 - float(table.at[row, "label_quality"]), f"relabel {suggested}"
        )
        (strong if table.at[row, "label_doubt"] else weak).append(entry)
    return strong, weak


def _alarms(table: pd.DataFrame) -> list[Entry]:
    """Pictures outside the domain, the strangest first; of equal ones that with the more doubtful label."""
    found = table[table["out_of_domain"]].sort_values(["p_value", "label_quality", "id"])
    return [
        Entry(int(row), f"out of domain: {reason}", 1 - p_value, "drop")
        for row, reason, p_value in zip(found.index, found["reason"], found["p_value"], strict=True)
    ]


def _poor(table: pd.DataFrame) -> list[Entry]:
    """Pictures that cleanvision calls dark, blurry and so on, the worst first; each once."""
    entries = []
    for row in table.index[table[[f"is_{issue}_issue" for issue in ISSUES]].any(axis=1)]:
        issues = [issue for issue in ISSUES if table.at[row, f"is_{issue}_issue"]]
        worst = min(float(table.at[row, f"{issue}_score"]) for issue in issues)
        entries.append(Entry(int(row), ", ".join(issue.replace("_", " ") for issue in issues), 1 - worst, "drop"))
    return sorted(entries, key=lambda entry: (-entry.score, entry.row))


def _taking_turns(first: Sequence[Entry], second: Sequence[Entry]) -> list[list[Entry]]:
    """One of each at a time; what is left of the longer one follows."""
    return [[*first[turn : turn + 1], *second[turn : turn + 1]] for turn in range(max(len(first), len(second)))]
