"""Pictures that a table lists: data/sources/NAME/pictures.csv and the files beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from fieldguide.base.config import LabelName
from fieldguide.base.errors import UserError
from fieldguide.base.operations import DATA_SOURCES
from fieldguide.data.annotations.annotation import Annotation, is_address
from fieldguide.data.annotations.picture_table import PICTURE_TABLE, read_picture_table
from fieldguide.data.given_splits import Side, given_side, not_a_side
from fieldguide.data.sources.folder import LABEL_FOLDERS, LayoutText, TimeText, files_below, refusal
from fieldguide.data.sources.row import RawRow
from fieldguide.data.sources.source import DataSource
from fieldguide.data.sources.wanted import VIDEO_EVERY, Seconds, Wanted, raw_rows

ADDRESS = "an address: only `fieldguide add` fetches pictures"
LABEL: TypeAdapter[str] = TypeAdapter(LabelName)


@DATA_SOURCES.register
@dataclass(frozen=True)
class TableData(DataSource):
    """Pictures that data/sources/NAME/pictures.csv lists, one row for each picture or for each box in it.

    `labels` maps a label of the table to another one. `splits` says what the words of its column `split` mean, beside
    train, val and test. Of a video comes a frame every `video_every` seconds. `layout` and `time` are for deliveries of
    `fieldguide retrain` that no file lists: what their paths say, and where the time of capture is found.
    """

    kind: Literal["table"]
    labels: dict[str, LabelName] = field(default_factory=dict)
    splits: dict[str, Side] = field(default_factory=dict)
    video_every: Seconds = VIDEO_EVERY
    layout: LayoutText = LABEL_FOLDERS
    time: list[TimeText] = field(default_factory=list)

    def fetch(self, source: Path, made: Path) -> list[RawRow]:
        """A row for each of the table's, then one for each other file; frames of videos go below `made`.

        Raises
        ------
        UserError
            As `survey`; if `labels` names a label that is not there; if two differ only in how they are written.
        """
        wanted = self.survey(source)
        if unknown := sorted(set(self.labels) - {one.given_label for one in wanted}):
            raise UserError(f"conf/data/{source.name}.yaml: labels: {PICTURE_TABLE} has no label {unknown[0]!r}")
        return raw_rows(wanted, source, made, self.video_every)

    def survey(self, source: Path) -> list[Wanted]:
        """What every row of the table is, and every file that it does not list: those are left out, as are masks, links
        and hidden files.

        Raises
        ------
        UserError
            If `source` or its table is missing.
        """
        if not source.is_dir():
            raise UserError(
                f"data/sources/{source.name} is missing: `fieldguide add {source.name} SOURCE`, or `dvc pull`"
            )
        table = source / PICTURE_TABLE
        files = {address: path for address, path in files_below(source).items() if path != table}
        rows = [
            replace(row, left_out=row.left_out or ADDRESS) if is_address(row.file) else row
            for row in read_picture_table(table)
        ]
        listed = {row.file for row in rows}
        return self.wanted(rows, files) + [
            Wanted(name, path, "", "", refusal(path, name) or f"{PICTURE_TABLE} does not list it")
            for name, path in files.items()
            if name not in listed
        ]

    def wanted(self, rows: Sequence[Annotation], files: Mapping[str, Path]) -> list[Wanted]:
        """What becomes of each row of a table; an address counts as a file that is there.

        Parameters
        ----------
        files
            The files that are there, by what stands in the table.
        """
        seen: set[tuple[object, ...]] = set()
        wanted = []
        for row in rows:
            label, side = self.labels.get(row.label, row.label), given_side(row.known.given_split, self.splits)
            what = (row.file, label, row.known.box)
            reason = row.left_out or self._refusal(row, label, files) or ("listed twice" if what in seen else "")
            seen.add(what)
            path = files.get(row.file, Path(row.file))
            known = replace(row.known, given_split=side)
            wanted.append(Wanted(row.file, path, row.label, label, reason, known))
        return wanted

    def _refusal(self, row: Annotation, label: str, files: Mapping[str, Path]) -> str:
        if not is_address(row.file):
            if row.file not in files:
                return "there is no such file"
            if reason := refusal(files[row.file], row.file):
                return reason
        if not label:
            return "no label"
        if not _is_label(label):
            return f"{label!r} cannot be the name of a folder: give it another label with `labels` (--rename)"
        if row.known.given_split and not given_side(row.known.given_split, self.splits):
            return not_a_side(row.known.given_split)
        return ""


def _is_label(text: str) -> bool:
    try:
        LABEL.validate_python(text)
    except ValidationError:
        return False
    return True
