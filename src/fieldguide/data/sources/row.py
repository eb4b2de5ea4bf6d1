"""The rows of the raw table."""

from dataclasses import dataclass
from pathlib import Path

from fieldguide.base.files import sha256_of_file


@dataclass(frozen=True)
class RawRow:
    """One source and what became of it; the columns of `fieldguide.data.table.RAW`."""

    source: str
    path: str
    label: str
    ok: bool
    reason: str
    bytes: int
    sha256: str


def picture_row(source: str, label: str, file: Path, target: Path) -> RawRow:
    """The row of a file that arrived below `target`."""
    path = file.relative_to(target).as_posix()
    return RawRow(source, path, label, True, "", file.stat().st_size, sha256_of_file(file))


def refused_row(source: str, label: str, reason: str) -> RawRow:
    """The row of a source that was skipped."""
    return RawRow(source, "", label, False, reason, 0, "")
