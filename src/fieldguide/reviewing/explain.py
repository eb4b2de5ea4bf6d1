"""A picture's whole history, as text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fieldguide.base.errors import printable
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.base.shares import decimal, p_value
from fieldguide.base.stage_names import Stage
from fieldguide.checks.set_notes import usual_issues
from fieldguide.data.addresses import address_list, keys_of, read_addresses
from fieldguide.data.cropping import in_words
from fieldguide.data.csv_files import read_csv
from fieldguide.data.reviews import read_reviews
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, QUALITY_ISSUES, RAW, SPLIT, read_columns, read_table
from fieldguide.reviewing.find import find_picture

WIDTH = 12  # of the left column, in characters


@dataclass(frozen=True)
class History:
    """What became of a picture: lines of a key (or "", for more of the one before) and a text, below a title.

    `file` is the copy in data/clean of a picture that was kept, else a person's own; `label` that of a kept one, or "".
    """

    title: str
    lines: list[tuple[str, str]]
    file: Path
    label: str

    def __str__(self) -> str:
        return "\n".join([printable(self.title), *(f"  {key:<{WIDTH}}{printable(text)}" for key, text in self.lines)])


def explain(paths: Paths, name: str) -> str:
    """The history of a picture as text; see `history`."""
    return str(history(paths, name))


def history(paths: Paths, name: str) -> History:
    """Report where a picture came from, what became of it and why, and what the stages found about it.

    What has not been made yet is left out. Raises UserError if there is no such picture, or no image table yet.
    """
    images = read_table(paths.image_table, IMAGES)
    found = find_picture(paths, images, name)
    picture = found.iloc[0]
    lines = [
        *_origin(paths, picture),
        *_cleaning(picture),
        *((("copy" if number == 0 else ""), _copy(row)) for number, (_, row) in enumerate(found.iloc[1:].iterrows())),
        *_review(paths, picture),
        *_checks(paths, picture),
    ]
    kept = found[found["status"] == Status.KEPT]
    title = picture["file"] or picture["source"]
    if not len(kept):
        return History(title, lines, paths.raw_file(str(picture["file"])), "")
    identity, clean_path = str(kept["id"].iloc[0]), str(kept["clean_path"].iloc[0])
    lines += [*_place(paths, identity), *_screening(paths, identity), *_prediction(paths, identity, clean_path)]
    return History(title, lines, paths.clean / clean_path, str(kept["label"].iloc[0]))


def _origin(paths: Paths, picture: pd.Series) -> Iterator[tuple[str, str]]:
    raw = read_table(paths.raw_table, RAW)
    file = raw[raw["source"] == picture["source"]].iloc[0]
    yield "source", f"{picture['source']}, with the label {picture['raw_label'] or '(none)'}"
    yield from _address(paths, str(picture["source"]))
    if file["sha256"]:
        yield "file", f"{file['bytes']:,} bytes, sha256 {file['sha256']}"
    if isinstance(picture["id"], str):
        yield "id", picture["id"]
        deep = f", read as {picture['depth']:.0f} bits" if picture["depth"] > 8 else ""
        yield "pixels", f"{picture['width']:.0f} x {picture['height']:.0f}{deep}{_measured(picture)}"
    if isinstance(picture["cut_from"], str):
        yield "box", f"{in_words(tuple(picture['box']))}, cut from {picture['cut_from']}"
    if isinstance(picture["note"], str) and picture["note"]:
        yield "note", picture["note"]


def _address(paths: Paths, source: str) -> Iterator[tuple[str, str]]:
    """Where on the web it is from, if the data set has an address list that says so."""
    addresses = address_list(paths, str(read_params(paths).get("data")))
    if (key := keys_of([source])) and addresses.is_file():
        for address in read_addresses(addresses):
            if address.key in key:
                yield "address", f"{addresses.relative_to(paths.checkout)}, {address.shown}"


def _measured(picture: pd.Series) -> str:
    names = ("brightness", "saturation", "sharpness")
    return "".join(f", {name} {decimal(picture[name])}" for name in names if pd.notna(picture[name]))


def _cleaning(picture: pd.Series) -> Iterator[tuple[str, str]]:
    if picture["status"] == Status.KEPT:
        yield "clean", f"kept as data/clean/{picture['clean_path']}, label {picture['label']}"
    else:
        yield "clean", f"left out, {picture['status'].replace('_', ' ')}: {picture['reason']}"


def _copy(row: pd.Series) -> str:
    became = "kept" if row["status"] == Status.KEPT else f"left out, {row['status']}: {row['reason']}"
    return f"{row['file']}, {became}"


def _review(paths: Paths, picture: pd.Series) -> Iterator[tuple[str, str]]:
    review = read_reviews(paths.reviews).get(picture["id"])
    if review:
        note = f": {review.note}" if review.note else ""
        yield "review", f"{review.words}, by {review.reviewer} on {review.date}{note} ({review.where})"
    said = review.decision if review else ""
    if said != picture["review"] or (review and review.label and review.label != picture["label"]):
        yield "", "data/reviews.csv has changed since clean ran: run `dvc repro`"


def _checks(paths: Paths, picture: pd.Series) -> Iterator[tuple[str, str]]:
    file = paths.report(Stage.VALIDATE) / "flagged.csv"
    if not file.is_file():
        return
    flagged = read_csv(file)
    names = {picture["path"] or picture["source"], f"{picture['path']}#{picture['id']}"}
    mine = flagged[flagged["path"].isin(names)]
    for row in mine.itertuples():
        yield "check", f"{row.severity} {row.expectation}: {row.value}; limit: {row.limit}"


def _place(paths: Paths, identity: str) -> Iterator[tuple[str, str]]:
    if not paths.split_table.is_file():
        return
    table = read_table(paths.split_table, SPLIT)
    row = _row_of(table, identity)
    if row is None:
        return
    why = ", since it looks like pictures of another side" if row["split"] == Split.LEFT_OUT else ""
    yield "split", f"{row['split'].replace('_', ' ')}{why}"
    group = table[(table["group"] == row["group"]) & (table["id"] != identity)]
    for path, side in zip(group["clean_path"], group["split"], strict=True):
        yield "look-alike", f"data/clean/{path} ({side.replace('_', ' ')})"


def _screening(paths: Paths, identity: str) -> Iterator[tuple[str, str]]:
    table = _optional(paths.screen_table)
    if table is None or (row := _row_of(table, identity)) is None:
        return
    alarm = f"out of domain: {row['reason']}" if row["out_of_domain"] else "in the domain"
    yield "screen", f"{alarm} ({p_value(row['p_value'])})"
    doubt = f", may be {row['suggested_label']}" if row["suggested_label"] != row["label"] else ""
    yield "label", f"{row['label']} with the out-of-fold probability {decimal(row['label_quality'])}{doubt}"
    if row["near_duplicate_of"]:
        other = _row_of(table, row["near_duplicate_of"])
        path = row["near_duplicate_of"] if other is None else other["file"]
        yield "looks like", f"{path} (similarity {decimal(row['near_duplicate_similarity'])})"
    usual = usual_issues(table)
    poor = [
        f"{issue.replace('_', ' ')} {decimal(row[f'{issue}_score'], 2)}"
        for issue in QUALITY_ISSUES
        if row[f"is_{issue}_issue"] and issue not in usual
    ]
    yield "quality", f"poor: {', '.join(poor)}" if poor else "good"
    file = paths.review_queue
    if file.is_file():
        queue = read_csv(file)
        queue["place"] = range(1, len(queue) + 1)
        for _, row in queue[queue["id"] == identity].iterrows():
            yield "queue", f"place {row['place']} of {len(queue)}: {row['why']} ({row['suggestion']})"


def _prediction(paths: Paths, identity: str, clean_path: str) -> Iterator[tuple[str, str]]:
    table = _optional(paths.predictions)
    row = None if table is None else _row_of(table, identity)
    if row is None:
        return
    label = row["label"]
    verdict = "right" if row["prediction"] == label else f"label {label} {decimal(row[f'probability_{label}'])}"
    yield "prediction", f"{row['prediction']} {decimal(row['probability'])} ({verdict})"
    if row["clean_path"] != clean_path:
        yield "", "its label has changed since: run `dvc repro`"


def _optional(path: Path) -> pd.DataFrame | None:
    return read_columns(path).to_pandas() if path.is_file() else None


def _row_of(table: pd.DataFrame, identity: str) -> pd.Series | None:
    found = table[table["id"] == identity]
    return found.iloc[0] if len(found) else None
