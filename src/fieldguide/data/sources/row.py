"""The rows of the raw table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.base.files import sha256_of_file
from fieldguide.data.field_data import NOTHING_KNOWN, FieldData


@dataclass(frozen=True)
class RawRow:
    """One source and what became of it; with its field data, the columns of `fieldguide.data.table.RAW`."""

    source: str
    path: str
    label: str
    ok: bool
    reason: str
    bytes: int
    sha256: str
    known: FieldData = NOTHING_KNOWN

    @property
    def cells(self) -> dict[str, Any]:
        """The row by columns, those of the data set's own too."""
        row = {**vars(self), **vars(self.known), **self.known.further}
        return {name: value for name, value in row.items() if name not in ("known", "further")}


def picture_row(source: str, label: str, file: Path, target: Path, known: FieldData = NOTHING_KNOWN) -> RawRow:
    """The row of a file that arrived below `target`."""
    path = file.relative_to(target).as_posix()
    return RawRow(source, path, label, True, "", file.stat().st_size, sha256_of_file(file), known)


def refused_row(source: str, label: str, reason: str) -> RawRow:
    """The row of a source that was skipped."""
    return RawRow(source, "", label, False, reason, 0, "")
