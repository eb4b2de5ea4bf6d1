"""What a data set says of its files: their labels and sites, in folders or in a table."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.packs import files_of_data_set, packed_files
from fieldguide.data.annotations.annotation import Box
from fieldguide.data.annotations.picture_table import BOX, LABEL, LEFT_OUT, PICTURE_TABLE, SITE, read_picture_table
from fieldguide.data.cropping import BOXES
from fieldguide.data.layout import LABEL as LABEL_PART
from fieldguide.data.layout import SITE as SITE_PART
from fieldguide.data.layout import said_by
from fieldguide.data.sources.folder import LABEL_FOLDERS, FolderData, is_label_folder
from fieldguide.data.sources.table import TableData


@dataclass(frozen=True)
class Told:
    """What is said of a file, or of one box in it: the label as it stands there, the one that is learned, the site."""

    given: str
    label: str
    site: str = ""
    box: Box | None = None


Tell = Callable[[str], Sequence[Told]]  # of a path below data/sources/NAME; nothing for what is no picture of the set


def told_by(cfg: Config, source: Path, arrived: pd.DataFrame | None = None) -> Tell:
    """What the data set in the folder `source` says of its files, and of those that `arrived` (`Arrived`) would become.

    Boxes count only where pictures are cut to them. A data set that draws its pictures says nothing.
    """
    if isinstance(cfg.data, FolderData):
        return _by_layout(cfg.data)
    if not isinstance(cfg.data, TableData):
        return lambda path: ()
    table = source / PICTURE_TABLE
    told: dict[str, list[Told]] = defaultdict(list)
    cropped = cfg.clean.crop == BOXES
    for row in read_picture_table(table) if table.is_file() else ():
        if row.label and not row.left_out:
            box = row.known.box if cropped else None
            told[row.file].append(Told(row.label, cfg.data.labels.get(row.label, row.label), row.known.site or "", box))
    for one in arrived.to_dict("records") if arrived is not None else ():
        if one["target"] and one["target"] not in told:
            told[one["target"]] = told_in(one["listed"], cfg.data.labels, cropped)
    known = {file: list(dict.fromkeys(rows)) for file, rows in told.items()}
    return lambda path: known.get(path, ())


def told_in(rows: Sequence[Mapping[str, str]], labels: Mapping[str, str], cropped: bool) -> list[Told]:
    """What the rows of one file say, as cells by column, but those that are left out."""
    told = []
    for cells in rows:
        if cells.get(LABEL) and not cells.get(LEFT_OUT):
            left, top, width, height = (float(cells.get(name, 0)) for name in BOX)
            box = (left, top, width, height) if cropped and BOX[0] in cells else None
            told.append(Told(cells[LABEL], labels.get(cells[LABEL], cells[LABEL]), cells.get(SITE, ""), box))
    return told


def names_of_labels(cfg: Config, source: Path) -> dict[str, str] | None:
    """How the data set names each label; None for one that takes no pictures in.

    A label goes by its own name there and by that which `labels` gives it. A name that stands there means itself; of
    several with the same label, the first in alphabetical order.
    """
    if not isinstance(cfg.data, FolderData | TableData) or not source.is_dir():
        return None
    if isinstance(cfg.data, FolderData) and cfg.data.layout == LABEL_FOLDERS:
        own = {path.name for path in source.iterdir() if is_label_folder(path)}  # empty ones too
        given = sorted(own | {path.partition("/")[0] for path in packed_files(source)})
    else:
        tell = told_by(cfg, source)
        given = sorted({one.given for path in files_of_data_set(source) for one in tell(path)})
    renamed = {cfg.data.labels[name]: name for name in reversed(given) if name in cfg.data.labels}
    return renamed | {name: name for name in given} if given else None


def _by_layout(data: FolderData) -> Tell:
    def tell(path: str) -> Sequence[Told]:
        said = said_by(path, data.layout)
        given = said.get(LABEL_PART, "")
        return (Told(given, data.labels.get(given, given), said.get(SITE_PART, "")),) if given else ()

    return tell
