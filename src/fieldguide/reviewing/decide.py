"""Recording a person's decision about a picture."""

from datetime import date

from fieldguide.base.errors import UserError, printable
from fieldguide.base.git import user_name
from fieldguide.base.paths import Paths
from fieldguide.data.reviews import FILE, Decision, Review, append_review, check_reviews
from fieldguide.data.table import IMAGES, read_table
from fieldguide.reviewing.find import find_picture


def record_decision(paths: Paths, picture: str, decision: str, label: str, note: str) -> str:
    """Add a checked line to data/reviews.csv, with git's user.name and today's date; returns a line about it.

    Raises UserError if the picture, or its new label, is not there, or if the file has a decision about it already.
    """
    images = read_table(paths.image_table, IMAGES)
    row = find_picture(paths, images, picture).iloc[0]
    if not isinstance(row["id"], str):
        raise UserError(f"{row['path'] or row['source']} is {row['status']} ({row['reason']}): no decision is possible")
    if (decision == Decision.RELABEL) != bool(label):
        raise UserError(f"{decision} takes no label" if label else "relabel needs the new label")
    review = Review(row["id"], decision, label, _reviewer(paths), date.today().isoformat(), " ".join(note.split()))
    check_reviews([review], images)
    append_review(paths.reviews, review)
    return printable(f"{FILE}: {review.words} {row['id']} (data/raw/{row['path']}); `dvc repro` applies it")


def _reviewer(paths: Paths) -> str:
    name = user_name(paths.checkout)
    if not name:
        raise UserError("git has no user name for the review: run git config user.name 'YOUR NAME'")
    return name
