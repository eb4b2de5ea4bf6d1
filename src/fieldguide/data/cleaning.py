"""Cleaning pictures: upright, RGB, small and free of metadata, and for each whether it is kept and why."""

import hashlib
import io
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from fieldguide.base.config import CleanConfig
from fieldguide.base.parallel import map_processes
from fieldguide.data.cleaning_cache import Cleaned, cache_folder, keep_cleaned, read_cleaned
from fieldguide.data.duplicates import mark_exact_duplicates
from fieldguide.data.images import PictureError, bounded, measure, perceptual_hash, read_picture
from fieldguide.data.reviews import Decision, Review, apply_reviews
from fieldguide.data.status import Status
from fieldguide.data.table import FIELD_DATA, IMAGES, RAW, further_columns

OF_THE_RAW_PICTURE = ("id", "width", "height", "short_side", "aspect_ratio", "depth", "wide", "note")


@dataclass(frozen=True)
class RawPicture:
    """What a worker needs to know of a raw picture."""

    path: str
    label: str
    sha256: str


@dataclass(frozen=True)
class Work:
    """How all pictures are cleaned: settings, where they are, where clean copies go, and where results are kept."""

    clean: CleanConfig
    raw: Path
    target: Path
    cache: Path


def clean_pictures(
    raw: pd.DataFrame, folder: Path, target: Path, reviews: dict[str, Review], clean: CleanConfig, cache: Path
) -> pd.DataFrame:
    """Write the clean copies of pictures to `target`/<label>/, and say of each whether it is kept and why.

    A file that was cleaned before with the same settings is not decoded again.

    Parameters
    ----------
    raw
        The raw table (see `fieldguide.data.table.RAW`); its paths are below `folder`.
    reviews
        People's decisions by picture id: they are replayed, and a small picture that somebody wants is kept.
    cache
        The folder of `fieldguide.data.cleaning_cache`.

    Returns
    -------
    The image table (see `fieldguide.data.table.IMAGES`), a row for every row of `raw`.

    Raises
    ------
    UserError
        For a decision that the pictures contradict.
    """
    wanted = {review.id for review in reviews.values() if review.decision != Decision.DROP}
    arrived = raw[raw["ok"]]
    columns = (arrived["path"], arrived["label"], arrived["sha256"])
    pictures = [RawPicture(*values) for values in zip(*columns, strict=True)]
    work = Work(clean, folder, target, cache_folder(cache, clean))
    rows = map_processes(partial(_clean_one, work, None), pictures, "clean", lost=_lost)
    # Pictures of more than 8 bits are scaled alike: by the depth of the one whose values need most of them.
    depth = max((row["depth"] for row in rows if "depth" in row), default=8)
    wider = [position for position, row in enumerate(rows) if row.get("wide") and row["depth"] < depth]
    again = partial(_clean_one, work, depth)
    for position, row in zip(
        wider, map_processes(again, [pictures[position] for position in wider], "scale", lost=_lost), strict=True
    ):
        rows[position] = row
    for position, row in enumerate(rows):
        if row["status"] == Status.TOO_SMALL and row["id"] in wanted:
            any_size = replace(work, clean=replace(clean, min_side=1))
            rows[position] = _clean_one(any_size, depth if row["wide"] else None, pictures[position])
    known = ["source", "path", "label", *(field.name for field in FIELD_DATA), *further_columns(raw, RAW)]
    names = [name for name in IMAGES.names if name not in (*known, "raw_label", "review")]
    cleaned = pd.DataFrame(rows, index=arrived.index, columns=names, dtype=object)
    table = raw[known].assign(raw_label=raw["label"]).join(cleaned)
    table["status"] = table["status"].fillna(Status.NOT_DOWNLOADED)
    table["reason"] = table["reason"].fillna(raw["reason"])
    table = mark_exact_duplicates(apply_reviews(table, reviews))
    _move_relabelled(table, target)
    kept = table["status"] == Status.KEPT
    for path in set(table["clean_path"].dropna()) - set(table.loc[kept, "clean_path"]):
        (target / path).unlink()
    table.loc[~kept, ["clean_path", "clean_sha256"]] = ""
    return table


def _lost(picture: RawPicture) -> dict[str, Any]:
    reason = "the system ended the process that cleaned it: it takes too much memory"
    return {"status": Status.TOO_LARGE, "reason": reason}


def _clean_one(work: Work, depth: int | None, picture: RawPicture) -> dict[str, Any]:
    """Clean one picture, or take what is kept of it; whatever is wrong with it becomes its status and reason."""
    known = read_cleaned(work.cache, picture.sha256, depth)
    if known is None:
        known, is_lasting = _decode(work.clean, work.raw / picture.path, depth)
        if is_lasting:
            keep_cleaned(work.cache, picture.sha256, depth, known)
    row, copy = known
    if not copy:
        return row
    if row["short_side"] < work.clean.min_side:
        reason = f"{row['width']} x {row['height']} pixels, the shorter side must have {work.clean.min_side}"
        left = {name: row[name] for name in OF_THE_RAW_PICTURE}
        return {**left, "status": Status.TOO_SMALL, "reason": reason}
    clean_path = f"{picture.label}/{row['id']}.jpg"
    file = work.target / clean_path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(copy)
    return {**row, "clean_path": clean_path, "clean_sha256": hashlib.sha256(copy).hexdigest()}


def _decode(clean: CleanConfig, file: Path, depth: int | None) -> tuple[Cleaned, bool]:
    """What cleaning a file gives, and whether it gives the same next time."""
    try:
        read = read_picture(file, clean.max_megapixels, depth)
    except PictureError as error:
        return ({"status": error.status, "reason": str(error)}, b""), error.lasting
    image = read.image
    small = bounded(image, clean.max_side)
    copy = io.BytesIO()
    small.save(copy, "JPEG", quality=clean.jpeg_quality)
    row = {
        "id": read.id,
        "status": Status.KEPT,
        "reason": "",
        "width": image.width,
        "height": image.height,
        "short_side": min(image.size),
        "aspect_ratio": image.width / image.height,
        "depth": read.depth,
        "wide": bool(read.wide),
        "note": read.note,
        **measure(small),
        "perceptual_hash": perceptual_hash(small),
    }
    return (row, copy.getvalue()), True


def _move_relabelled(table: pd.DataFrame, target: Path) -> None:
    """Bring the clean copies of relabelled pictures below their new label, and say so in `table`."""
    relabelled = table[(table["label"] != table["raw_label"]) & table["clean_path"].notna()]
    moved = []
    for label, old in zip(relabelled["label"], relabelled["clean_path"], strict=True):
        new = f"{label}/{Path(old).name}"
        (target / label).mkdir(exist_ok=True)
        if (target / old).exists():  # not if its duplicate has taken it along
            (target / old).replace(target / new)
        moved.append(new)
    table.loc[relabelled.index, "clean_path"] = moved
