"""The rows of the raw table."""

from dataclasses import dataclass
from pathlib import Path

from fieldguide.base.files import sha256_of_file
from fieldguide.base.packs import size_of
from fieldguide.data.field_data import NOTHING_KNOWN, FieldData


@dataclass(frozen=True)
class RawRow:
    """One source and what became of it; with its field data, the columns of `fieldguide.data.table.RAW`."""

    source: str
    path: str
    file: Path | None
    label: str
    ok: bool
    reason: str
    bytes: int
    sha256: str
    known: FieldData = NOTHING_KNOWN


def picture_row(source: str, path: str, label: str, file: Path, known: FieldData = NOTHING_KNOWN) -> RawRow:
    """The row of a picture; raises OSError if its file cannot be read."""
    return RawRow(source, path, file, label, True, "", size_of(file), sha256_of_file(file), known)


def refused_row(source: str, label: str, reason: str) -> RawRow:
    """The row of a source that was left out."""
    return RawRow(source, "", None, label, False, reason, 0, "")
