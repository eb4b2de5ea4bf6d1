"""Bringing files from before ids followed from encoded pictures up to date: the reviews and the frozen sets.

Until then an id was a hash of all decoded pixels. Both are computed here, once, for every picture that is at hand.
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from fieldguide.base.config import Config
from fieldguide.base.csv_cells import csv_line, from_cell
from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.base.parallel import map_processes
from fieldguide.base.paths import Paths
from fieldguide.data.cropping import Box, cut
from fieldguide.data.images import Picture, PictureError, read_picture
from fieldguide.data.reviews import COLUMNS, FILE, read_reviews
from fieldguide.data.table import RAW, read_columns, read_table, write_table
from fieldguide.data.track import track_changes
from fieldguide.release.gate.picture_sets import TABLE

STRIP = 64  # rows that are hashed at a time
SHOWN = 5  # ids that are named

Pairs = list[tuple[str, str]]  # an old id and the new one
NewIds = Mapping[str, Sequence[str]]  # by old id: those of all files with these pixels, sorted


def migrate_ids(cfg: Config, paths: Paths, folders: Sequence[Path] = ()) -> str:
    """Write new ids into data/reviews.csv and the tables of the frozen sets, where the pictures are at hand.

    What has new ids already stays; so does what is of pictures that are neither in the data set nor in `folders`. A
    decision about pixels that several files have becomes one about each of them.

    Returns
    -------
    Lines that say what was done, and what could not be found.

    Raises
    ------
    UserError
        If there is no raw table, a folder is missing, or data/reviews.csv is faulty.
    """
    new_ids = _new_ids(cfg, paths, folders)
    lines = [_migrate_reviews(paths, new_ids)] if paths.reviews.exists() else []
    tracked = sorted(path.stem for path in paths.backtests.glob("*.dvc"))
    lines += [_migrate_set(paths, name, new_ids) for name in tracked]
    return "\n".join(lines or ["no data/reviews.csv and no frozen sets: nothing to do"])


def pixel_id(picture: Picture) -> str:
    """The id that a picture had: of size and pixels, or of its values where they have more than 8 bits."""
    if picture.wide:
        return picture.wide[:16]
    image = picture.image
    digest = hashlib.sha256(f"{image.width}x{image.height}:".encode())
    for top in range(0, image.height, STRIP):
        digest.update(image.crop((0, top, image.width, min(top + STRIP, image.height))).tobytes())
    return digest.hexdigest()[:16]


def _new_ids(cfg: Config, paths: Paths, folders: Sequence[Path]) -> NewIds:
    raw = read_table(paths.raw_table, RAW)
    boxes: dict[Path, set[Box]] = defaultdict(set)
    for name, box in raw.loc[raw["ok"], ["file", "box"]].itertuples(index=False):
        of_file = boxes[paths.raw_file(name)]
        if box is not None:
            left, top, width, height = map(float, box)
            of_file.add((left, top, width, height))
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder: check the path")
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                boxes.setdefault(file, set())
    files = [(file, tuple(sorted(of_file))) for file, of_file in boxes.items()]
    ids_of = partial(_ids_of, cfg.clean.max_megapixels, cfg.clean.crop_margin)
    new: dict[str, set[str]] = defaultdict(set)
    for pairs in map_processes(ids_of, files, "ids", lost=lambda _: []):
        for old, identity in pairs:
            new[old].add(identity)
    return {old: sorted(ids) for old, ids in new.items()}


def _ids_of(max_megapixels: float, margin: float, work: tuple[Path, Sequence[Box]]) -> Pairs:
    """Of a file and the boxes in it; none of what cannot be read, since it never had an id."""
    file, boxes = work
    try:
        picture = read_picture(file, max_megapixels)
    except PictureError:
        return []
    found = [(pixel_id(picture), picture.id)]
    for box in boxes:
        try:
            part = cut(picture, box, margin)
        except PictureError:
            continue
        found.append((pixel_id(part), part.id))
    return found


def _migrate_reviews(paths: Paths, new_ids: NewIds) -> str:
    read_reviews(paths.reviews)  # which raises for what is faulty
    current = {identity for ids in new_ids.values() for identity in ids}
    rows = list(csv.reader(io.StringIO(paths.reviews.read_text(encoding="utf-8-sig"))))[1:]
    lines, migrated, unknown = [csv_line(COLUMNS)], 0, []
    for old, *rest in ([from_cell(cell.strip()) for cell in row] for row in rows if row):
        ids = new_ids.get(old, [old])
        migrated += old in new_ids
        unknown += [old] if old not in new_ids and old not in current else []
        lines += [csv_line([identity, *rest]) for identity in ids]
    if migrated:
        write_text(paths.reviews, "".join(lines))
    return f"{FILE}: {_outcome(migrated, unknown, len(rows), 'decisions')}"


def _migrate_set(paths: Paths, name: str, new_ids: NewIds) -> str:
    shown, table = f"data/backtests/{name}", paths.backtests / name / TABLE
    if not table.is_file():
        return f"{shown}: not here, `dvc pull {shown}.dvc` and run this again"
    frame, schema = read_columns(table).to_pandas(), read_columns(table).schema
    current = {identity for ids in new_ids.values() for identity in ids}
    old = frame["id"]
    migrated = int(old.isin(list(new_ids)).sum())
    unknown = [identity for identity in old if identity not in new_ids and identity not in current]
    if migrated:
        frame["id"] = [new_ids.get(identity, [identity])[0] for identity in old]
        frame["group"] = frame.groupby("group")["id"].transform("min")
        write_table(frame, table, schema)
        try:
            track_changes(paths, paths.backtests / name)
        except UserError as error:
            raise UserError(f"{error} (`dvc checkout --force {shown}.dvc` brings the old table back)") from None
    advice = f"; next: commit {shown}.dvc, and `dvc push` where there is a remote" if migrated else ""
    return f"{shown}: {_outcome(migrated, unknown, len(frame), 'pictures')}{advice}"


def _outcome(migrated: int, unknown: Iterable[str], count: int, what: str) -> str:
    unknown = sorted(set(unknown))
    if not migrated and not unknown:
        return f"all {count} {what} have new ids already"
    named = f" ({', '.join(unknown[:SHOWN])}{', ...' if len(unknown) > SHOWN else ''})"
    kept = f"; {len(unknown)} ids are of no picture at hand and stay{named}" if unknown else ""
    return f"new ids for {migrated} of {count} {what}{kept}"
