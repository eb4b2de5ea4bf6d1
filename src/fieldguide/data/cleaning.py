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
from fieldguide.data.duplicates import mark_exact_duplicates
from fieldguide.data.images import PictureError, bounded, measure, perceptual_hash, read_picture
from fieldguide.data.reviews import Decision, Review, apply_reviews
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES


@dataclass(frozen=True)
class RawPicture:
    """What a worker needs to know of a raw picture."""

    path: str
    label: str


def clean_pictures(
    raw: pd.DataFrame, folder: Path, target: Path, reviews: dict[str, Review], clean: CleanConfig
) -> pd.DataFrame:
    """Write the clean copies of pictures to `target`/<label>/, and say of each whether it is kept and why.

    Parameters
    ----------
    raw
        The raw table (see `fieldguide.data.table.RAW`); its paths are below `folder`.
    reviews
        People's decisions by picture id: they are replayed, and a small picture that somebody wants is kept.

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
    pictures = [RawPicture(path, label) for path, label in zip(arrived["path"], arrived["label"], strict=True)]
    rows = map_processes(partial(_clean_one, clean, folder, target, None), pictures, "clean", lost=_lost)
    # Pictures of more than 8 bits are scaled alike: by the depth of the one whose values need most of them.
    depth = max((row["depth"] for row in rows if "depth" in row), default=8)
    wider = [position for position, row in enumerate(rows) if row.get("wide") and row["depth"] < depth]
    again = partial(_clean_one, clean, folder, target, depth)
    for position, row in zip(
        wider, map_processes(again, [pictures[position] for position in wider], "scale", lost=_lost), strict=True
    ):
        rows[position] = row
    for position, row in enumerate(rows):
        if row["status"] == Status.TOO_SMALL and row["id"] in wanted:
            rows[position] = _clean_one(replace(clean, min_side=1), folder, target, depth, pictures[position])
    columns = [name for name in IMAGES.names if name not in ("source", "path", "label", "raw_label", "review")]
    cleaned = pd.DataFrame(rows, index=arrived.index, columns=columns, dtype=object)
    table = raw[["source", "path", "label"]].assign(raw_label=raw["label"]).join(cleaned)
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


def _clean_one(clean: CleanConfig, raw: Path, target: Path, depth: int | None, picture: RawPicture) -> dict[str, Any]:
    """Clean one picture; whatever is wrong with it becomes its status and reason."""
    try:
        read = read_picture(raw / picture.path, clean.max_megapixels, depth)
    except PictureError as error:
        return {"status": error.status, "reason": str(error)}
    image = read.image
    row: dict[str, Any] = {
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
    }
    if min(image.size) < clean.min_side:
        reason = f"{image.width} x {image.height} pixels, the shorter side must have {clean.min_side}"
        return {**row, "status": Status.TOO_SMALL, "reason": reason}
    small = bounded(image, clean.max_side)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=clean.jpeg_quality)
    row["clean_path"] = f"{picture.label}/{row['id']}.jpg"
    row["clean_sha256"] = hashlib.sha256(buffer.getvalue()).hexdigest()
    file = target / row["clean_path"]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(buffer.getvalue())
    return {**row, **measure(small), "perceptual_hash": perceptual_hash(small)}


def _move_relabelled(table: pd.DataFrame, target: Path) -> None:
    """Bring the clean copies of relabelled pictures below their new label, and say so in `table`."""
    relabelled = table[(table["label"] != table["raw_label"]) & table["clean_path"].notna()]
    for row, label, old in zip(relabelled.index, relabelled["label"], relabelled["clean_path"], strict=True):
        new = f"{label}/{Path(old).name}"
        (target / new).parent.mkdir(exist_ok=True)
        if (target / old).exists():  # not if its duplicate has taken it along
            (target / old).replace(target / new)
        table.loc[row, "clean_path"] = new
