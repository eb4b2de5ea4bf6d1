"""One queue of pictures for a person to look at, the most valuable first."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pandas as pd

from fieldguide.base.shares import rounded
from fieldguide.checks.set_notes import usual_issues
from fieldguide.data.table import QUALITY_ISSUES

COLUMNS = ["id", "picture", "why", "score", "suggestion"]
KEEP, DROP = "keep", "drop"  # the suggestions beside "relabel LABEL"


Picture = Mapping[str, Any]  # a row of the table


@dataclass(frozen=True)
class Entry:
    """One reason to look at a picture; a score from 0 to 1, larger if more certain; the decision that it suggests."""

    id: str
    why: str
    score: float
    decision: str


def review_queue(table: pd.DataFrame, reviewed: Collection[str]) -> pd.DataFrame:
    """Order all findings about the pictures by urgency.

    First come near duplicates with different labels, of which one is wrong, and the labels in doubt, the most
    surprising first. Then three kinds take turns, since nothing says which is worth most: pictures with
    both a weaker doubt and an alarm, with a weaker doubt alone, with an alarm alone. Last come near duplicates of one
    label, then poor pictures. Of two near duplicates only that with the more doubtful label is listed.

    Parameters
    ----------
    table
        The table of the stage screen: one row a picture.
    reviewed
        Ids of pictures about which people have decided; they are not queued again.

    Returns
    -------
    One row a picture: id; picture (its own file, from the checkout); why (what is most urgent first); score (of that, 0
    to 1, larger is more certain); suggestion (a decision as in data/reviews.csv, with the new label of a relabel).
    Nothing out of domain gets a label suggested, and no picture is to be dropped only because it looks like one of its
    label.
    """
    pictures = [dict(zip(table.columns, row, strict=True)) for row in table.sort_values("id").itertuples(index=False)]
    across, within = _near_duplicates(pictures, reviewed)
    doubts, weak_doubts = _doubts(pictures)
    alarms = _alarms(pictures)
    alarmed, doubted = {entry.id for entry in alarms}, {entry.id for entry in [*doubts, *weak_doubts]}
    order = [
        *across,
        *doubts,
        *_taking_turns(
            [entry for entry in weak_doubts if entry.id in alarmed],
            [entry for entry in weak_doubts if entry.id not in alarmed],
            [entry for entry in alarms if entry.id not in doubted],
        ),
        *alarms,  # the second reason of those above
        *within,
        *_poor(pictures, [issue for issue in QUALITY_ISSUES if issue not in usual_issues(table)]),
    ]
    entries: dict[str, list[Entry]] = {}
    for entry in order:
        found = entries.setdefault(entry.id, [])
        if entry not in found:
            found.append(entry)
    files = {picture["id"]: picture["file"] for picture in pictures}
    rows = [
        (
            identity,
            files[identity],
            "; ".join(entry.why for entry in found),
            rounded(found[0].score, 4),
            next((entry.decision for entry in found if entry.decision != KEEP), KEEP),
        )
        for identity, found in entries.items()
        if identity not in reviewed
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _near_duplicates(pictures: Sequence[Picture], reviewed: Collection[str]) -> tuple[list[Entry], list[Entry]]:
    """Near duplicates with another label and with the same, the most similar first; each pair once."""
    by_id = {picture["id"]: picture for picture in pictures}
    across: list[Entry] = []
    within: list[Entry] = []
    seen = set()
    found = [picture for picture in pictures if picture["near_duplicate_of"]]
    for picture in sorted(found, key=lambda picture: -picture["near_duplicate_similarity"]):
        pair = frozenset((picture["id"], picture["near_duplicate_of"]))
        candidates = sorted((by_id[each]["label_quality"], each) for each in pair if each not in reviewed)
        if pair in seen or not candidates:
            continue
        seen.add(pair)
        listed = by_id[candidates[0][1]]
        other = by_id[next(iter(pair - {listed["id"]}))]
        similarity = picture["near_duplicate_similarity"]
        if other["label"] == listed["label"]:
            within.append(Entry(listed["id"], f"looks like {other['file']}", similarity, KEEP))
        else:
            why = f"looks like {other['file']} with another label"
            across.append(Entry(listed["id"], why, similarity, _relabel(listed, other["label"])))
    return across, within


def _doubts(pictures: Sequence[Picture]) -> tuple[list[Entry], list[Entry]]:
    """Labels less probable than another one, the most surprising first: those in doubt, and the rest."""
    doubted = [
        picture for picture in pictures if picture["label_doubt"] or picture["suggested_label"] != picture["label"]
    ]
    entries: dict[bool, list[Entry]] = {True: [], False: []}
    for picture in sorted(doubted, key=lambda picture: -picture["label_surprise"]):
        suggested = picture["suggested_label"]
        entry = Entry(
            picture["id"], _doubt(picture, suggested), 1 - picture["label_quality"], _relabel(picture, suggested)
        )
        entries[bool(picture["label_doubt"])].append(entry)
    return entries[True], entries[False]


def _doubt(picture: Picture, label: str) -> str:
    return "its label is in doubt" if picture["out_of_domain"] else f"may be {label}"


def _relabel(picture: Picture, label: str) -> str:
    """The new label, but for what is out of domain: there the classifier's labels mean nothing."""
    return DROP if picture["out_of_domain"] else f"relabel {label}"


def _alarms(pictures: Sequence[Picture]) -> list[Entry]:
    """Out-of-domain pictures, the lowest p-value first; of equal ones that with the more doubtful label."""
    found = [picture for picture in pictures if picture["out_of_domain"]]
    return [
        Entry(picture["id"], f"out of domain: {picture['reason']}", 1 - picture["p_value"], DROP)
        for picture in sorted(found, key=lambda picture: (picture["p_value"], picture["label_quality"]))
    ]


def _poor(pictures: Sequence[Picture], issues: Sequence[str]) -> list[Entry]:
    """Pictures that cleanvision calls dark, blurry and so on, the worst first; each once."""
    entries = []
    for picture in pictures:
        if found := [issue for issue in issues if picture[f"is_{issue}_issue"]]:
            worst = min(picture[f"{issue}_score"] for issue in found)
            why = ", ".join(issue.replace("_", " ") for issue in found)
            entries.append(Entry(picture["id"], why, 1 - worst, DROP))
    return sorted(entries, key=lambda entry: -entry.score)


def _taking_turns(*kinds: Sequence[Entry]) -> Iterator[Entry]:
    """One of each kind at a time, while it lasts."""
    return (entry for turn in zip_longest(*kinds) for entry in turn if entry)
