"""What there is to review, in words; what people decided; what a `dvc repro` would change by it."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.shares import percent
from fieldguide.checks.set_notes import usual_issues
from fieldguide.data.csv_files import read_csv
from fieldguide.data.reviews import Decision, Review, read_reviews
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, QUALITY_ISSUES, read_columns, read_table
from fieldguide.reviewing.decide import Known, known_pictures

Row = Mapping[str, Any]
Item = dict[str, Any]
CONFLICT, TWIN, DOUBT, STRANGE = "several labels", "twin with another label", "label doubt", "out of domain"
LOOK_ALIKE, POOR = "near duplicate", "poor picture"


@dataclass(frozen=True)
class ReviewData:
    """The pictures of the data set, ready to be shown and decided about.

    `items` are those of the queue, in its order; `others` the rest of the kept ones. `images` are the rows of the image
    table by id, kept ones first.
    """

    known: Known
    images: Mapping[str, Row]
    labels: Sequence[str]
    items: Sequence[Item]
    others: Sequence[Item]


def files_of(paths: Paths) -> tuple[Path, ...]:
    """What `load_review_data` reads."""
    return paths.image_table, paths.screen_table, paths.review_queue


def load_review_data(paths: Paths) -> ReviewData:
    """Read the tables of the stages clean and screen. Raises UserError where clean has not run."""
    table = read_table(paths.image_table, IMAGES)
    table = table[table["id"].notna()]
    images: dict[str, Row] = {}
    for row in table.sort_values("status", key=lambda column: column != Status.KEPT, kind="stable").to_dict("records"):
        images.setdefault(row["id"], _named(row))
    screened = read_columns(paths.screen_table).to_pandas() if paths.screen_table.is_file() else pd.DataFrame()
    found: dict[str, Row] = {row["id"]: _named(row) for row in screened.to_dict("records")}
    usual = usual_issues(screened) if len(screened) else frozenset()
    issues = [issue for issue in QUALITY_ISSUES if issue not in usual]
    twins = _twins(images, found)
    queue = read_csv(paths.review_queue) if paths.review_queue.is_file() else pd.DataFrame(columns=["id", "suggestion"])
    suggestions = dict(zip(queue["id"], queue["suggestion"], strict=True))
    conflicts = _conflicts(table)
    order = [*conflicts, *(identity for identity in suggestions if identity in images and identity not in conflicts)]

    def item(identity: str) -> Item:
        reasons = list(_reasons(images, found, twins, identity, issues))
        if identity in conflicts:
            reasons.insert(0, (CONFLICT, f"came under several labels: {', '.join(conflicts[identity])}", ""))
        return _item(images[identity], reasons, suggestions.get(identity, ""))

    queued = set(order)
    rest = [identity for identity, row in images.items() if row["status"] == Status.KEPT and identity not in queued]
    labels = sorted(set(table["raw_label"]) - {""})
    return ReviewData(known_pictures(paths), images, labels, [*map(item, order)], [*map(item, rest)])


def decisions(paths: Paths, data: ReviewData) -> dict[str, dict[str, str]]:
    """The decision that counts about each picture of the data set that has one, by id."""
    return {
        identity: decision_content(review)
        for identity, review in read_reviews(paths.reviews).items()
        if identity in data.images
    }


def decision_content(review: Review) -> dict[str, str]:
    """A decision for a page."""
    return {
        "decision": str(review.decision),
        "label": review.label,
        "words": review.words,
        "note": review.note,
        "by": review.reviewer,
        "date": review.date,
    }


def waiting_changes(paths: Paths, data: ReviewData) -> list[str]:
    """What a `dvc repro` would change by the decisions that the stage clean has not applied yet, a sentence each."""
    try:
        reviews = read_reviews(paths.reviews)
    except UserError as error:
        return [str(error)]
    moves, counts = Counter[tuple[str, str]](), Counter[str]()
    for identity, row in data.images.items():
        review = reviews.get(identity)
        said = review.decision if review else ""
        label = review.label if review and review.label else row["raw_label"]
        if said == Decision.RELABEL and (row["review"], row["label"]) != (said, label):
            moves[row["label"], label] += 1
        elif said != row["review"]:
            counts[said] += 1
    told = [f"{_pictures(number)} from {old} to {new}" for (old, new), number in sorted(moves.items())]
    sentences = {Decision.DROP: "left out", Decision.KEEP: "marked as right", "": "as before its decision"}
    return told + [f"{_pictures(counts[name])} {text}" for name, text in sentences.items() if counts[name]]


def _named(row: Mapping[Hashable, Any]) -> Row:
    return {str(name): value for name, value in row.items()}


def _pictures(number: int) -> str:
    return f"{number} picture{'s' if number != 1 else ''}"


def _conflicts(table: pd.DataFrame) -> dict[str, list[str]]:
    """The labels of pictures that came under several, by id: each is left out until a person decides."""
    rows = table[table["status"] == Status.CONFLICT]
    return {str(identity): sorted(set(group["raw_label"])) for identity, group in rows.groupby("id", sort=True)}


def _twins(images: Mapping[str, Row], found: Mapping[str, Row]) -> dict[str, str]:
    """The near duplicate that matters most of each picture that has one: with another label first, then the likest.

    The queue lists one of two, which need not be the one whose row names the other.
    """
    pairs = [(identity, row["near_duplicate_of"], row) for identity, row in found.items() if row["near_duplicate_of"]]
    best: dict[str, tuple[bool, float, str]] = {}
    for one, other, row in pairs:
        if one in images and other in images:
            is_across, alike = images[one]["label"] != images[other]["label"], row["near_duplicate_similarity"]
            for here, there in ((one, other), (other, one)):
                best[here] = max(best.get(here, (False, -2.0, "")), (is_across, alike, there))
    return {identity: twin for identity, (_, _, twin) in best.items()}


def _reasons(
    images: Mapping[str, Row], found: Mapping[str, Row], twins: Mapping[str, str], identity: str, issues: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Why a picture is worth a look, the most urgent first: kind, words, and the id of the other picture, or ""."""
    row = found.get(identity)
    if row is None:
        return
    twin = twins.get(identity, "")
    if twin and images[twin]["label"] != row["label"]:
        yield TWIN, f"twin of {images[twin]['path']}, which is labelled {images[twin]['label']}", twin
    if row["suggested_label"] != row["label"] and not row["out_of_domain"]:
        share = percent(row["label_quality"], 0)
        yield DOUBT, f"may be {row['suggested_label']}: the models give {row['label']} {share}", ""
    elif row["label_doubt"]:
        yield DOUBT, "its label is in doubt", ""
    if row["out_of_domain"]:
        yield STRANGE, row["reason"], ""
    if twin and images[twin]["label"] == row["label"]:
        yield LOOK_ALIKE, f"looks like {images[twin]['path']}", twin
    if poor := [issue.replace("_", " ") for issue in issues if row[f"is_{issue}_issue"]]:
        yield POOR, ", ".join(poor), ""


def _item(row: Row, reasons: Sequence[tuple[str, str, str]], suggestion: str) -> Item:
    time = row["time"]
    return {
        "id": row["id"],
        "name": row["path"],
        "label": row["label"],
        "raw_label": "" if row["status"] == Status.CONFLICT else row["raw_label"],
        "kinds": [kind for kind, _, _ in reasons],
        "reasons": [words for _, words, _ in reasons],
        "twin": next((twin for _, _, twin in reasons if twin), ""),
        "suggestion": suggestion,
        "site": row["site"] if isinstance(row["site"], str) else "",
        "month": "" if pd.isna(time) else f"{time:%Y-%m}",
        "width": int(row["width"]),
        "height": int(row["height"]),
    }
