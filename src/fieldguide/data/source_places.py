"""Where the pictures of a source are on this machine: a folder or a file, fetched and unpacked first if need be."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fieldguide.base.dvc_cache import is_cached_link
from fieldguide.base.errors import UserError, printable
from fieldguide.base.packs import is_pack, packed_files
from fieldguide.data.annotations.reading import file_below, read_annotations
from fieldguide.data.archives import is_archive, unpack
from fieldguide.data.remote_sources import fetch_source, is_remote, without_secrets
from fieldguide.data.sources.folder import as_text
from fieldguide.data.system_files import SYSTEM_FOLDERS
from fieldguide.data.table_reading import Pictures


@dataclass(frozen=True)
class Place:
    """A folder or file of a person's, or one that was made of a source for as long as it is read (`is_own`).

    `notes` are lines about what did not come along. `name` is what comments call the source.
    """

    path: Path
    name: str
    is_own: bool = False
    notes: list[str] = field(default_factory=list)


@contextmanager
def opened(source: str, work: Path) -> Iterator[Place]:
    """Where a source is; archives are unpacked and addresses fetched below `work`, which is deleted at the end.

    Raises
    ------
    UserError
        If there is nothing, or it cannot be fetched or unpacked.
    """
    path, notes = Path(source), list[str]()
    name = printable(without_secrets(source) if is_remote(source) else path.resolve().name)
    shutil.rmtree(work, ignore_errors=True)
    try:
        if is_remote(source):
            path, notes = fetch_source(source, work / "fetched")
        if path.is_file() and is_archive(path):
            notes = notes + unpack(path, work / "unpacked")
            path = work / "unpacked"
        if not (path.is_file() or path.is_dir()):
            raise UserError(f"{source} is neither a folder nor an address list, nor any other file: check the path")
        is_own = path.is_relative_to(work)
        yield Place(_without_wrappers(path) if is_own and path.is_dir() else path, name, is_own, notes)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def pictures_in(folder: Path) -> Pictures:
    """The files of a folder that may be part of a data set: no links, nothing hidden, names in UTF-8.

    Raises UserError if a folder cannot be read.
    """
    walk = os.walk(folder, onerror=_unreadable)
    found = [Path(parent, name).relative_to(folder) for parent, _, names in walk for name in names]
    files = packed_files(folder) | {
        file.as_posix(): folder / file
        for file in found
        if _may_come(folder, file) and not (len(file.parts) == 1 and is_pack(file))
    }
    return Pictures(folder, {name: files[name] for name in sorted(files)})


def pictures_beside(file: Path, checkout: Path, columns: Mapping[str, str]) -> Pictures:
    """The files in the folder of a file that lists pictures; where that contains the checkout, those that it lists."""
    folder = file.parent
    if not checkout.resolve().is_relative_to(folder.resolve()):
        return pictures_in(folder)
    named = {str(PurePosixPath(row.file)) for row in read_annotations(file, folder, columns).rows if row.file}
    return Pictures(folder, {name: path for name in sorted(named) if (path := file_below(folder, name))})


def _without_wrappers(folder: Path) -> Path:
    """The first folder of an archive that holds more than one other folder."""
    while True:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
        inside = [path for path in inside if path.name.lower() not in SYSTEM_FOLDERS]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        folder = inside[0]


def _may_come(folder: Path, file: Path) -> bool:
    full = folder / file
    hidden = any(part.startswith(".") for part in file.parts)
    own = is_cached_link(full) or (full.is_file() and not full.is_symlink())  # of another checkout, perhaps
    return own and not hidden and as_text(str(file)) == str(file)


def _unreadable(error: OSError) -> None:
    raise UserError(f"{error.filename} cannot be read: {error.strerror}") from None
