"""How many pictures came in, which were left out, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.data.look_alike_cost import cost_in_words
from fieldguide.data.reasons import kind_of_reason
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, SPLIT, read_table

MAX_EXAMPLES = 3  # files named for each reason
STATUS_WORDS = {
    Status.NOT_DOWNLOADED: "not taken in",
    Status.NOT_A_PICTURE: "not a picture, or not of a supported format",
    Status.UNREADABLE: "cannot be read",
    Status.DAMAGED: "damaged: parts of the picture are lost",
    Status.TOO_LARGE: "too large to open safely",
    Status.TOO_SLOW: "takes too long to decode",
    Status.TOO_SMALL: "too small",
    Status.NO_BOX: "without a box to cut out (clean.crop: boxes)",
    Status.DUPLICATE: "exact duplicate",
    Status.CONFLICT: "the same picture under two labels",
    Status.DROPPED: "dropped in review (data/reviews.csv)",
}
SPLITS = {
    Split.TRAIN: "train",
    Split.VALID: "valid",
    Split.TEST: "test",
    Split.LEFT_OUT: "left out: near duplicate in another split",
}


@dataclass(frozen=True)
class LeftOut:
    """Why files were left out, how many, and a few of them."""

    why: str
    number: int
    named: Sequence[str]


def intake(paths: Paths, divided: bool) -> dict[str, Any]:
    """What the section shows; `divided`: whether the split belongs to this run."""
    images = read_table(paths.image_table, IMAGES)
    kept = int((images["status"] == Status.KEPT).sum())
    parts = "boxes of pictures" if images["cut_from"].notna().any() else "files"
    found = {
        "files": len(images),
        "parts": parts,
        "kept": kept,
        "share": kept / max(len(images), 1),
        "left_out": _left_out(images),
    }
    if not divided:
        return {**found, "splits": []}
    metrics = paths.metrics(Stage.SPLIT)
    cost = cost_in_words(read_json(metrics)) if metrics.is_file() else ""
    return {**found, "cost": cost, **_splits(read_table(paths.split_table, SPLIT))}


def _left_out(images: pd.DataFrame) -> list[LeftOut]:
    rows = []
    left = images[images["status"] != Status.KEPT]
    not_taken = left["status"] == Status.NOT_DOWNLOADED
    kinds = left["reason"].where(not_taken, "").map(kind_of_reason)
    for (status, kind), files in left.groupby(["status", kinds]):
        named = files["path"].where(files["path"] != "", files["source"]).sort_values().head(MAX_EXAMPLES)
        why = STATUS_WORDS.get(Status(str(status)), str(status))
        rows.append(LeftOut(f"{why}: {kind}" if kind else why, len(files), list(named)))
    return rows


def _splits(table: pd.DataFrame) -> dict[str, Any]:
    splits = [split for split in SPLITS if (table["split"] == split).any()]
    counts = pd.crosstab(table["label"], table["split"]).reindex(columns=splits, fill_value=0)
    return {
        "splits": [SPLITS[split] for split in splits],
        "counts": list(zip(counts.index, counts.to_numpy().tolist(), strict=True)),
        "totals": counts.sum().tolist(),
    }
