"""clean: makes pictures upright, RGB, small and free of metadata, and says of each whether it is kept and why."""

import hashlib
import io
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from fieldguide.base.config import CleanConfig, Config
from fieldguide.base.files import replace_folder
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.data.duplicates import mark_exact_duplicates
from fieldguide.data.images import PictureError, bounded, measure, open_picture, perceptual_hash, picture_id
from fieldguide.data.reviews import Decision, apply_reviews, read_reviews
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, RAW, read_table, write_table
from fieldguide.parallel import map_processes


@dataclass(frozen=True)
class RawPicture:
    """What a worker needs to know of a raw picture."""

    path: str
    label: str


def run(cfg: Config, paths: Paths) -> Metrics:
    """Fill data/clean and data/clean.parquet, the image table: one row for every raw picture.

    Raises UserError for a fault in data/reviews.csv; the outputs then stay as they were.
    """
    raw = read_table(paths.raw_table, RAW)
    reviews = read_reviews(paths.reviews)
    wanted = {review.id for review in reviews.values() if review.decision != Decision.DROP}
    arrived = raw[raw["ok"]]
    pictures = [RawPicture(path, label) for path, label in zip(arrived["path"], arrived["label"], strict=True)]
    with replace_folder(paths.clean) as target:
        rows = map_processes(partial(_clean_one, cfg.clean, paths.raw, target), pictures, "clean")
        for position, row in enumerate(rows):
            if row["status"] == Status.TOO_SMALL and row["id"] in wanted:
                rows[position] = _clean_one(replace(cfg.clean, min_side=1), paths.raw, target, pictures[position])
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
    write_table(table, paths.image_table, IMAGES)
    counts = table["status"].value_counts()
    return {"pictures": len(table), **{str(status): int(counts.get(status, 0)) for status in Status}}


def _clean_one(clean: CleanConfig, raw: Path, target: Path, picture: RawPicture) -> dict[str, Any]:
    """Clean one picture; whatever is wrong with it becomes its status and reason."""
    try:
        image = open_picture(raw / picture.path, clean.max_megapixels)
    except PictureError as error:
        return {"status": error.status, "reason": str(error)}
    row: dict[str, Any] = {
        "id": picture_id(image),
        "status": Status.KEPT,
        "reason": "",
        "width": image.width,
        "height": image.height,
        "short_side": min(image.size),
        "aspect_ratio": image.width / image.height,
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


if __name__ == "__main__":
    main(run)
