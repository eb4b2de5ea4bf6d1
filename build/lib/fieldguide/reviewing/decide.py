"""Recording people's decisions about pictures."""

import csv
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock

from fieldguide.base.csv_cells import from_cell
from fieldguide.base.errors import UserError, printable
from fieldguide.base.git import user_name
from fieldguide.base.paths import Paths
from fieldguide.data.reviews import DECISIONS, FILE, Decision, Review, append_reviews, read_reviews, review_check
from fieldguide.data.table import IMAGES, read_table
from fieldguide.reviewing.find import PictureIndex, find_rows, index_pictures

Picture = Mapping[Hashable, Any]  # a row of the image table


@dataclass(frozen=True)
class Wish:
    """A decision as a person states it. `where` is the line that states it, for messages; "" for the command line.

    `instead_of` is the decision, in words, that the person sees and wants replaced, "" for none; None asks for no such
    thing.
    """

    picture: str
    decision: str
    label: str
    note: str
    where: str = ""
    instead_of: str | None = None


@dataclass(frozen=True)
class Known:
    """The pictures of an image table, made ready once for many decisions."""

    index: PictureIndex
    check: Callable[[Review], None]
    rows: Sequence[Picture]


@dataclass(frozen=True)
class Outcome:
    """What became of a wish: the decisions that count now and that counted before, None for none.

    `refusal` says why nothing was recorded, "" where all is as wished.
    """

    now: Review | None
    before: Review | None
    refusal: str = ""


def known_pictures(paths: Paths) -> Known:
    """Read the image table. Raises UserError if it is missing."""
    images = read_table(paths.image_table, IMAGES)
    rows = images[["id", "path", "file", "source", "status", "reason", "raw_label"]].to_dict("records")
    return Known(index_pictures(images), review_check(images), rows)


def record_decision(paths: Paths, picture: str, decision: str, label: str, note: str) -> str:
    """Record one decision; see `record_decisions`."""
    return record_decisions(paths, [Wish(picture, decision, label, note)])


def record_decisions(paths: Paths, wishes: Sequence[Wish]) -> str:
    """Add a line to data/reviews.csv for every wish, with git's user.name and today's date; returns a line about each.

    Raises UserError, before anything is written, if a picture or its new label is not there, or if a decision changes
    nothing.
    """
    pictures, reviewer = known_pictures(paths), reviewer_of(paths)
    with _one_at_a_time(paths):
        counting = read_reviews(paths.reviews)
        reviews: dict[str, Review] = {}
        said = []
        for wish in wishes:
            try:
                copies = _copies(paths, pictures, wish)
                review = _checked(wish, copies, counting, reviewer)
                pictures.check(review)
                if review.id in reviews:
                    raise UserError(f"{review.id} has a decision on an earlier line: keep one of them")
            except UserError as error:
                raise UserError(f"{wish.where}: {error}" if wish.where else str(error)) from None
            reviews[review.id] = review
            earlier = counting.get(review.id)
            replaced = f", instead of {earlier.words} by {earlier.reviewer} on {earlier.date}" if earlier else ""
            said.append(f"{FILE}: {review.words} {review.id} ({copies[0]['file']}){replaced}; `dvc repro` applies it")
        if reviews:
            append_reviews(paths.reviews, list(reviews.values()))
    return "\n".join(map(printable, said)) or "no row has a decision: nothing was recorded"


def record_each(paths: Paths, pictures: Known, wishes: Sequence[Wish]) -> list[Outcome]:
    """As `record_decisions`, but what is wrong with one wish stops no other; returns an outcome for each.

    What stands already as wished is done: whoever has not heard the answer may ask again. Raises UserError if git has
    no user name, or if data/reviews.csv is faulty.
    """
    reviewer = reviewer_of(paths)
    with _one_at_a_time(paths):
        counting = read_reviews(paths.reviews)
        outcomes, added = [], []
        for wish in wishes:
            before = counting.get(wish.picture)
            try:
                if _stands(wish, before):
                    outcomes.append(Outcome(before, before))
                    continue
                if wish.instead_of not in (None, before.words if before else ""):
                    raise UserError(f"somebody decided meanwhile: {before.words if before else 'undo'}")
                review = _checked(wish, _copies(paths, pictures, wish), counting, reviewer)
                pictures.check(review)
            except UserError as error:
                outcomes.append(Outcome(before, before, str(error)))
                continue
            added.append(review)
            if review.decision == Decision.UNDO:
                counting.pop(review.id)
            else:
                counting[review.id] = review
            outcomes.append(Outcome(counting.get(review.id), before))
        if added:
            append_reviews(paths.reviews, added)
    return outcomes


def _one_at_a_time(paths: Paths) -> FileLock:
    """Two people on one machine lose no line."""
    paths.checkout_state.mkdir(parents=True, exist_ok=True)
    return FileLock(paths.checkout_state / "reviews.lock")


def _copies(paths: Paths, pictures: Known, wish: Wish) -> list[Picture]:
    """The rows of the picture that a wish is about, and of its exact copies."""
    return [pictures.rows[row] for row in find_rows(paths, pictures.index, wish.picture)]


def _stands(wish: Wish, earlier: Review | None) -> bool:
    """Whether that decision counts already; a wish without a note leaves the earlier one as it is."""
    if earlier is None:
        return wish.decision == Decision.UNDO
    note = " ".join(wish.note.split()) or earlier.note
    return (earlier.decision, earlier.label, earlier.note) == (wish.decision, wish.label, note)


def read_wishes(file: Path) -> Iterator[Wish]:
    """The rows with a decision of a table with the columns id and decision, and perhaps label and note.

    That is the review queue with a column that a person has filled in; there, "relabel LABEL" needs no column label.
    Raises UserError if it is no such table.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.DictReader(text, strict=True)
            if missing := [name for name in ("id", "decision") if name not in (lines.fieldnames or ())]:
                raise UserError(f"{file} line 1: no column {missing[0]!r}: it must have the columns id and decision")
            for row in lines:
                cells = {name: from_cell((row.get(name) or "").strip()) for name in ("id", "decision", "label", "note")}
                decision, _, label = cells["decision"].partition(" ")
                if decision:
                    where = f"{file} line {lines.line_num}"
                    yield Wish(cells["id"], decision, label.strip() or cells["label"], cells["note"], where)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not a CSV file in UTF-8 ({error}): save it as CSV UTF-8") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None


def _checked(wish: Wish, copies: Sequence[Picture], known: dict[str, Review], reviewer: str) -> Review:
    """The review that a wish about a picture, the first of its copies, amounts to."""
    row, identity = copies[0], copies[0]["id"]
    if not isinstance(identity, str):
        raise UserError(f"{row['path'] or row['source']} is {row['status']} ({row['reason']}): no decision is possible")
    if wish.decision not in DECISIONS:
        raise UserError(f"the decision must be one of {', '.join(Decision)} (given: {wish.decision!r})")
    if (wish.decision == Decision.RELABEL) != bool(wish.label):
        raise UserError(f"{wish.decision} takes no label" if wish.label else "relabel needs the new label")
    today = date.today().isoformat()
    review = Review(identity, wish.decision, wish.label, reviewer, today, " ".join(wish.note.split()))
    earlier = known.get(identity)
    if earlier is None and wish.decision == Decision.UNDO:
        raise UserError(f"{FILE} has no decision about {identity}: nothing to undo")
    if earlier and _stands(wish, earlier):
        raise UserError(f"{earlier.where} already says so of {identity}: {review.words}")
    if earlier and earlier.date > today:
        raise UserError(f"{earlier.where} is dated {earlier.date}, after today, and would still count: correct it")
    came_with = {copy["raw_label"] for copy in copies}
    if not (earlier and earlier.label) and came_with == {wish.label}:
        raise UserError(f"{identity} has the label {wish.label!r} already: keep it, or choose another label")
    return review


def reviewer_of(paths: Paths) -> str:
    """Git's user.name. Raises UserError where it has none."""
    name = user_name(paths.checkout)
    if not name:
        raise UserError("git has no user name for the review: run git config user.name 'YOUR NAME'")
    return name
