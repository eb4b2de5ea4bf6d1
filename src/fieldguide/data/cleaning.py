"""Cleaning pictures: upright, RGB, small and free of metadata, and for each whether it is kept and why."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from fieldguide.base.config import CleanConfig
from fieldguide.base.engines import map_pictures
from fieldguide.base.packs import ENOUGH
from fieldguide.data.clean_copies import move_relabelled, pack_copies
from fieldguide.data.cleaning_cache import cache_folder
from fieldguide.data.cleaning_file import RawFile, Work, clean_file
from fieldguide.data.cropping import BOXES
from fieldguide.data.duplicates import leave_out_shared_ids, mark_exact_duplicates
from fieldguide.data.reviews import Decision, Review, apply_reviews, check_reviews
from fieldguide.data.status import Status
from fieldguide.data.table import FIELD_DATA, IMAGES, RAW, further_columns

WITHOUT_BOX = "it has no box, and `clean.crop: boxes` takes nothing else"


def clean_pictures(
    raw: pd.DataFrame,
    find: Callable[[str], Path],
    target: Path,
    reviews: dict[str, Review],
    clean: CleanConfig,
    cache: Path,
) -> pd.DataFrame:
    """Write the clean copies of pictures to `target`/<label>/, and say of each whether it is kept and why.

    A file that was cleaned before with the same settings is not decoded again. With `clean.crop: boxes` each box
    becomes a picture of its own; without, a file is one picture, however many boxes it has.

    Parameters
    ----------
    raw
        The raw table (see `fieldguide.data.table.RAW`).
    find
        Gives the file that its column `file` names.
    reviews
        People's decisions by picture id: they are replayed, and a small picture that somebody wants is kept.
    cache
        The folder of `fieldguide.data.cleaning_cache`.

    Returns
    -------
    The image table (see `fieldguide.data.table.IMAGES`), a row for every row of `raw`; without cropping the rows of a
    file that have one label are one.

    Raises
    ------
    UserError
        For a decision that the pictures contradict.
    """
    wanted = {review.id for review in reviews.values() if review.decision != Decision.DROP}
    cropped = clean.crop == BOXES
    raw = (raw if cropped else _without_further_boxes(raw)).reset_index(drop=True)
    files = _files(raw[raw["ok"] & raw["box"].notna()] if cropped else raw[raw["ok"]], find, cropped)
    work = Work(clean, target, cache_folder(cache, clean))
    found = map_pictures(partial(clean_file, work, None), files, "clean", lost=_lost)
    # Pictures of more than 8 bits are scaled alike: by the depth of the one whose values need most of them.
    depth = max((row["depth"] for rows in found for row in rows if "depth" in row), default=8)
    wider = [place for place, rows in enumerate(found) if any(row.get("wide") and row["depth"] < depth for row in rows)]
    again = partial(clean_file, work, depth)
    for place, rows in zip(
        wider, map_pictures(again, [files[place] for place in wider], "scale", lost=_lost), strict=True
    ):
        found[place] = rows
    any_size = replace(work, clean=replace(clean, min_side=1))
    for file, rows in zip(files, found, strict=True):
        for place, (row, picture) in enumerate(zip(rows, file.pictures, strict=True)):
            if row["status"] == Status.TOO_SMALL and row["id"] in wanted:
                again_alone = replace(file, pictures=(picture,))
                [rows[place]] = clean_file(any_size, depth if row["wide"] else None, again_alone)
    known = ["source", "path", "file", "label", *(field.name for field in FIELD_DATA), *further_columns(raw, RAW)]
    names = [name for name in IMAGES.names if name not in (*known, "raw_label", "review")]
    index = [row for file in files for row in file.rows]
    cleaned = pd.DataFrame([row for rows in found for row in rows], index, columns=names, dtype=object)
    table = raw[known].assign(raw_label=raw["label"]).join(cleaned)
    for ok, status, reason in ((False, Status.NOT_DOWNLOADED, raw["reason"]), (True, Status.NO_BOX, WITHOUT_BOX)):
        left = table["status"].isna() & (raw["ok"] == ok)
        table.loc[left, "status"] = status
        table.loc[left, "reason"] = reason
    table = mark_exact_duplicates(apply_reviews(leave_out_shared_ids(table), reviews))
    check_reviews((review for review in reviews.values() if review.decision == Decision.KEEP), table)
    move_relabelled(table, target)
    kept = table["status"] == Status.KEPT
    for path in set(table["clean_path"].dropna()) - set(table.loc[kept, "clean_path"]):
        (target / path).unlink()
    table.loc[~kept, ["clean_path", "clean_sha256"]] = ""
    if kept.sum() > ENOUGH:
        pack_copies(table, kept, target)
    return table


def _without_further_boxes(raw: pd.DataFrame) -> pd.DataFrame:
    """One row for each label of a file that arrived; of its boxes the first is named."""
    return raw[~(raw["ok"] & raw.duplicated(["path", "label"]))]


def _files(arrived: pd.DataFrame, find: Callable[[str], Path], cropped: bool) -> list[RawFile]:
    """The files of some rows, in the order of their first."""
    boxes = [(*map(float, box),) if cropped else None for box in arrived["box"]]
    pictures = defaultdict(list)
    columns = (arrived["file"], arrived["sha256"], arrived.index, arrived["label"], boxes)
    for name, sha256, row, label, box in zip(*columns, strict=True):
        pictures[name, sha256].append((row, (label, box)))
    return [
        RawFile(find(name), sha256, *map(tuple, zip(*rows, strict=True))) for (name, sha256), rows in pictures.items()
    ]


def _lost(file: RawFile) -> list[dict[str, Any]]:
    reason = "the system ended the process that cleaned it: it takes too much memory"
    return [{"status": Status.TOO_LARGE, "reason": reason} for _ in file.pictures]
