"""Cleaning one file: upright, RGB, small and free of metadata, as a picture or as the boxes that are cut out of it.

What cleans in processes of its own imports this module alone: pandas would take each of them half a second.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.base.config import CleanConfig
from fieldguide.base.files import sha256_of_file
from fieldguide.data.cleaning_cache import Cleaned, keep_cleaned, read_cleaned
from fieldguide.data.cropping import BOXES, Box, cut
from fieldguide.data.images import (
    Picture,
    PictureError,
    as_jpeg,
    bounded_picture,
    measure,
    perceptual_hash,
    read_picture,
)
from fieldguide.data.status import Status

OF_THE_RAW_PICTURE = ("id", "cut_from", "width", "height", "short_side", "aspect_ratio", "depth", "wide", "note")
CHANGED = "it changed while the pipeline ran: run `dvc repro` again"


@dataclass(frozen=True)
class RawFile:
    """What a worker needs to know of a raw file: which pictures it becomes, each a label and the box that is cut out.

    Without a box a picture is the whole file. `rows` are their places in the raw table.
    """

    file: Path
    sha256: str
    rows: tuple[int, ...]
    pictures: tuple[tuple[str, Box | None], ...]


@dataclass(frozen=True)
class Work:
    """How all pictures are cleaned: settings, where clean copies go, and where results are kept."""

    clean: CleanConfig
    target: Path
    cache: Path


def clean_file(work: Work, depth: int | None, file: RawFile) -> list[dict[str, Any]]:
    """Clean each picture of a file, or take what is kept of it; what is wrong with it becomes its status and reason."""
    decoded: Picture | PictureError | None = None  # once, and only if it is needed
    rows = []
    for label, box in file.pictures:
        cleaned = read_cleaned(work.cache, file.sha256, depth, box)
        if cleaned is None:
            decoded = decoded or _decode(work.clean, file, depth)
            cleaned, is_lasting = _cleaned(work.clean, decoded, box)
            if is_lasting:
                keep_cleaned(work.cache, file.sha256, depth, box, cleaned)
        rows.append(_written(work, label, *cleaned))
    return rows


def _written(work: Work, label: str, row: dict[str, Any], copy: bytes) -> dict[str, Any]:
    """The row of a picture whose copy is written below its label, if it is kept."""
    if not copy:
        return row
    if row["short_side"] < work.clean.min_side:
        reason = f"{row['width']} x {row['height']} pixels, the shorter side must have {work.clean.min_side}"
        left = {name: row[name] for name in OF_THE_RAW_PICTURE}
        return {**left, "status": Status.TOO_SMALL, "reason": reason}
    clean_path = f"{label}/{row['id']}.jpg"
    file = work.target / clean_path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(copy)
    return {**row, "clean_path": clean_path, "clean_sha256": hashlib.sha256(copy).hexdigest()}


def _decode(clean: CleanConfig, raw: RawFile, depth: int | None) -> Picture | PictureError:
    try:
        if sha256_of_file(raw.file) != raw.sha256:
            raise PictureError(Status.UNREADABLE, CHANGED, lasting=False)
        # Boxes are cut out of all pixels: a small one fills its copy by its own.
        return read_picture(raw.file, clean.max_megapixels, depth, None if clean.crop == BOXES else clean.max_side)
    except OSError as error:
        return PictureError(Status.UNREADABLE, f"cannot be read: {error.strerror}", lasting=False)
    except PictureError as error:
        return error


def _cleaned(clean: CleanConfig, decoded: Picture | PictureError, box: Box | None) -> tuple[Cleaned, bool]:
    """What cleaning a picture gives, all of it or a box, and whether it gives the same next time."""
    try:
        if isinstance(decoded, PictureError):
            raise decoded
        read = decoded if box is None else cut(decoded, box, clean.crop_margin)
    except PictureError as error:
        return ({"status": error.status, "reason": str(error)}, b""), error.lasting
    small = bounded_picture(read, clean.max_side)
    width, height = read.size
    row = {
        "id": read.id,
        "cut_from": None if box is None else decoded.id,
        "status": Status.KEPT,
        "reason": "",
        "width": width,
        "height": height,
        "short_side": min(width, height),
        "aspect_ratio": width / height,
        "depth": read.depth,
        "wide": bool(read.wide),
        "note": read.note,
        **measure(small),
        "perceptual_hash": perceptual_hash(small),
    }
    return (row, as_jpeg(small, clean.jpeg_quality)), True
