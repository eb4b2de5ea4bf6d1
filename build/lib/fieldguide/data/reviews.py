"""People's decisions about single pictures: data/reviews.csv, which clean applies."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import pandas as pd

from fieldguide.base.csv_cells import csv_line, from_cell
from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.data.status import Status

FILE = "data/reviews.csv"


class Decision(StrEnum):
    """What a person decided: the picture stays as it is, is left out, gets another label; or all that is taken back."""

    KEEP = "keep"
    DROP = "drop"
    RELABEL = "relabel"
    UNDO = "undo"


@dataclass(frozen=True)
class Review:
    """One line of the file. `label` is the new one of a relabelled picture, else ""; `date` is YYYY-MM-DD."""

    id: str
    decision: str
    label: str
    reviewer: str
    date: str
    note: str
    line: int = 0  # its number in the file; 0 if it is not there yet

    @property
    def where(self) -> str:
        """Where the file says it, for messages."""
        return f"{FILE} line {self.line}" if self.line else FILE

    @property
    def words(self) -> str:
        """The decision, with the new label where there is one."""
        return f"{self.decision} {self.label}".strip()


COLUMNS = ["id", "decision", "label", "reviewer", "date", "note"]
PICTURE_ID = re.compile("[0-9a-f]{16}")
DECISIONS = frozenset(map(str, Decision))


def read_reviews(path: Path) -> dict[str, Review]:
    """The decisions that count, by picture id; none where there is no file.

    Of several lines about a picture the newest counts: the latest date, and of one day the lowest in the file, so that
    branches merge in either order. One that ends with `undo` has no decision.

    Raises UserError, which names the line, where columns, a decision or a date are not what they must be. Whether ids
    and labels exist is for `check_reviews` to say.
    """
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel begins with a byte order mark
    except UnicodeDecodeError:
        raise UserError(f"{FILE} is not in UTF-8: save it as CSV UTF-8") from None
    lines = csv.reader(io.StringIO(text), strict=True)
    reviews: list[Review] = []
    try:
        if (header := next(lines, [])) != COLUMNS:
            raise UserError(f"{FILE} line 1: the columns must be {','.join(COLUMNS)} (found: {','.join(header)})")
        for values in lines:
            if values:
                reviews.append(_review(values, lines.line_num))
    except csv.Error as error:
        raise UserError(f"{FILE} line {lines.line_num}: not valid CSV ({error}): correct it") from None
    newest = {review.id: review for review in sorted(reviews, key=lambda review: review.date)}
    return {identity: review for identity, review in newest.items() if review.decision != Decision.UNDO}


def check_reviews(reviews: Iterable[Review], images: pd.DataFrame) -> None:
    """Raise UserError for the first review that the pictures contradict, see `review_check`."""
    check = review_check(images)
    for review in reviews:
        check(review)


def review_check(images: pd.DataFrame) -> Callable[[Review], None]:
    """What raises UserError for a review that the pictures contradict; it is made once for many reviews.

    That is: an id or a label that none of them has, or a `keep` where the same picture came with several labels.

    Parameters
    ----------
    images
        Columns id, path, raw_label, status and reason.
    """
    known = images[images["id"].notna()]
    ids, labels = set(known["id"]), set(images["raw_label"]) - {""}
    given = known.groupby("id")["raw_label"].nunique()
    several = set(given.index[given > 1])
    conflicts = known[known["status"] == Status.CONFLICT].groupby("id")["reason"].first()

    def check(review: Review) -> None:
        if review.id not in ids:
            raise UserError(
                f"{review.where}: no picture of this data set has the id {review.id}: correct it, delete the line, or, "
                "if it was written before ids followed from files, run `fieldguide migrate ids`"
            )
        if review.label and review.label not in labels:
            choices = ", ".join(sorted(labels))
            raise UserError(f"{review.where}: no picture has the label {review.label!r}: choose one of {choices}")
        if review.decision == Decision.KEEP and review.id in several:
            found = ", ".join(sorted(known.loc[known["id"] == review.id, "path"]))
            raise UserError(f"{review.where}: {review.id} has several labels ({found}): relabel or drop it")
        if review.decision == Decision.KEEP and review.id in conflicts.index:
            raise UserError(f"{review.where}: {review.id}: {conflicts[review.id]}: relabel or drop it")

    return check


def apply_reviews(images: pd.DataFrame, reviews: dict[str, Review]) -> pd.DataFrame:
    """An image table after the decisions: dropped pictures have that status, relabelled ones their new label.

    Parameters
    ----------
    images
        Columns id, path, label, status, reason, raw_label; exact duplicates are not marked yet.

    Returns
    -------
    A copy with the column `review`: the decision, "" for none.

    Raises
    ------
    UserError
        Where `check_reviews` does.
    """
    check_reviews(reviews.values(), images)
    rows = zip(images["id"], images["status"], images["reason"], images["label"], strict=True)
    after = [_applied(reviews.get(identity), status, reason, label) for identity, status, reason, label in rows]
    columns = pd.DataFrame(after, images.index, ["status", "reason", "label", "review"], dtype=object)
    return images.assign(**{str(name): values for name, values in columns.items()})


def _applied(review: Review | None, status: str, reason: str, label: str) -> tuple[str, str, str, str]:
    """Status, reason and label of a picture after the decision about it, and the decision."""
    if review is None:
        return status, reason, label, ""
    if review.decision == Decision.DROP and status == Status.KEPT:
        return Status.DROPPED, f"dropped by {review.reviewer}: {review.note or 'no note'}", label, review.decision
    return status, reason, review.label or label, review.decision


def append_reviews(path: Path, reviews: Sequence[Review]) -> None:
    """Add lines to the file, all or none; earlier lines stay. Raises UserError if the file is faulty."""
    read_reviews(path)
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ",".join(COLUMNS) + "\n"
    lines = [csv_line([getattr(review, column) for column in COLUMNS]) for review in reviews]
    write_text(path, text + ("" if text.endswith("\n") else "\n") + "".join(lines))


def _review(values: list[str], line: int) -> Review:
    where = f"{FILE} line {line}"
    if len(values) != len(COLUMNS):
        raise UserError(f"{where}: {len(values)} values for the {len(COLUMNS)} columns {','.join(COLUMNS)}")
    identity, decision, label, reviewer, day, note = (from_cell(value.strip()) for value in values)
    review = Review(identity, decision, label, reviewer, day, note, line)
    if not PICTURE_ID.fullmatch(review.id):
        raise UserError(f"{where}: {review.id!r} is not a picture id, which has 16 of the digits 0-9 and a-f")
    if review.decision not in DECISIONS:
        raise UserError(f"{where}: the decision must be one of {', '.join(Decision)} (given: {review.decision!r})")
    if (review.decision == Decision.RELABEL) != bool(review.label):
        fault = f"{review.decision} takes no label" if review.label else "relabel needs a label"
        raise UserError(f"{where}: {fault}")
    if not review.reviewer:
        raise UserError(f"{where}: the reviewer is missing")
    if not _is_date(review.date):
        raise UserError(f"{where}: the date must be like 2026-01-31 (given: {review.date!r})")
    return review


@lru_cache(maxsize=1024)  # of many lines most have a date of few
def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
