"""Labelled folders: data/sources/NAME/<label>/.../picture.jpg, at any depth."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from fieldguide.base.config import LabelName
from fieldguide.base.errors import UserError
from fieldguide.base.operations import DATA_SOURCES
from fieldguide.base.progress import progress
from fieldguide.base.system_errors import DISK_FULL
from fieldguide.base.tracked_inputs import is_cached_link
from fieldguide.data.sources.row import RawRow, picture_row, refused_row
from fieldguide.data.sources.source import DataSource


@DATA_SOURCES.register
@dataclass(frozen=True)
class FolderData(DataSource):
    """Labelled folders below data/sources/NAME; `labels` maps a folder's name to another label.

    `allow_private` lets its address list lead to private networks (see `fetch` in data/fetching.py).
    """

    kind: Literal["folder"]
    labels: dict[str, LabelName] = field(default_factory=dict)
    allow_private: bool = False

    def fetch(self, source: Path, target: Path) -> list[RawRow]:
        """Copy every file below `source` to `target`/<label>/..., one row each, in the order of their paths.

        The first folder below `source` is the label, or what `labels` makes of it; a renamed folder keeps its own name
        below the label. Hidden files and folders, links (but those of DVC's cache), files outside a label folder and
        what cannot be copied stay behind: their rows say why.

        Raises
        ------
        UserError
            If `source` is missing or holds no labelled folder, if `labels` names a folder that is not there, or if
            two files would get the same path.
        """
        if not source.is_dir():
            raise UserError(
                f"data/sources/{source.name} is missing: `fieldguide add {source.name} FOLDER`, or `dvc pull`"
            )
        folders = {path.name for path in source.iterdir() if is_label_folder(path)}
        if unknown := sorted(set(self.labels) - folders):
            raise UserError(
                f"conf/data/{source.name}.yaml: labels: no folder {unknown[0]!r} in data/sources/{source.name}"
            )
        if not folders:
            raise UserError(
                f"data/sources/{source.name} holds no folders: put the pictures of each label in one of its own"
            )
        rows: list[RawRow] = []
        taken: dict[str, str] = {}
        for path in progress(list(_files(source)), "download", unit="files"):
            address = path.relative_to(source).as_posix()
            folder, _, rest = address.partition("/")
            if reason := _refusal(path, address):
                label = self.labels.get(folder, folder) if rest else ""
                rows.append(refused_row(as_text(address), as_text(label), reason))
                continue
            label = self.labels.get(folder, folder)
            place = PurePosixPath(label, rest) if label == folder else PurePosixPath(label, folder, rest)
            if other := taken.get(str(place)):
                raise UserError(
                    f"data/sources/{source.name}: {other} and {address} would both become {place}: rename one"
                )
            taken[str(place)] = address
            copy = target / place
            try:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            except OSError as error:
                if error.errno in DISK_FULL:
                    raise
                rows.append(refused_row(address, label, f"cannot be copied to {place}: {error.strerror}"))
                continue
            rows.append(picture_row(address, label, copy, target))
        return rows


def is_label_folder(path: Path) -> bool:
    """Whether this is a folder that may name a label: no link, not hidden."""
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(".")


def as_text(name: str) -> str:
    """A file's name as UTF-8 can hold it: Linux allows any bytes, tables do not."""
    return name.encode("utf-8", "backslashreplace").decode()


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder, sorted by path; links and hidden folders themselves instead of what is in them."""
    for path in sorted(folder.iterdir()):
        if is_label_folder(path):
            yield from _files(path)
        else:
            yield path


def _refusal(path: Path, address: str) -> str:
    if path.is_symlink() and not is_cached_link(path):
        return "a link: fieldguide does not follow links out of the folder"
    if path.name.startswith("."):
        return "a hidden folder" if path.is_dir() else "a hidden file"
    if as_text(address) != address:
        return "its name is not UTF-8: rename it"
    if not path.is_file():
        return "not a regular file"
    if "/" not in address:
        return "not in the folder of a label"
    return ""
