"""Unpacking zip and tar archives of strangers: within bounds, nothing outside the folder, no links or devices."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from fieldguide.base.errors import UserError, printable
from fieldguide.base.progress import progress

MEMBERS = 2_000_000
RATIO = 100  # of the unpacked size to the packed one: pictures are packed already
SMALL = 200_000_000  # bytes that an archive may unpack to whatever the ratio
PIECE = 1 << 20
BAD_MEMBER = (zipfile.BadZipFile, zlib.error)
LONGEST = 200  # bytes of a part of a path
DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError),
    *(RuntimeError, NotImplementedError),  # of zipfile, for what it cannot decompress
)


@dataclass(frozen=True)
class _Member:
    name: str
    refused: str
    size: int
    handle: Any


def is_archive(file: Path) -> bool:
    """Whether a file is a zip or tar archive; an Excel table, which is a zip too, is none."""
    if _is_zip(file):
        try:
            with zipfile.ZipFile(file) as archive:
                return "xl/workbook.xml" not in archive.namelist()
        except DAMAGED:
            return True
    return tarfile.is_tarfile(file)


def unpack(file: Path, target: Path) -> list[str]:
    """Unpack an archive into a new folder; returns lines about members that stay packed.

    Links, devices, and members whose path leads out of the folder or cannot be a file's are left out.

    Raises
    ------
    UserError
        If it is damaged, encrypted, holds too many members, or unpacks to more than 100 times its size.
    """
    target.mkdir(parents=True)
    allowed = max(SMALL, RATIO * file.stat().st_size)
    free = shutil.disk_usage(target).free
    left: dict[str, list[str]] = defaultdict(list)
    taken: set[str] = set()
    folders: set[str] = set()
    unpacked = 0
    try:
        with _opened(file) as archive:
            members = list(_members(archive, file))
            size = sum(member.size for member in members)
            if size > allowed:
                raise UserError(f"{file.name} unpacks to more than {RATIO} times its size: it is refused")
            if size > free:
                raise UserError(f"{file.name} needs more space than there is: make room on the disk, then add it again")
            for member in progress(members, "unpack", unit="files"):
                path, refused = safe_path(member.name)
                above = {str(parent) for parent in PurePosixPath(path).parents}
                if path in taken or path in folders or above & taken:
                    refused = refused or "another member has its name"
                if refused := member.refused or refused:
                    left[refused].append(member.name)
                    continue
                taken.add(path)
                folders |= above
                copy = target / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                try:
                    unpacked = _copy(archive, member, copy, unpacked, allowed)
                except BAD_MEMBER as error:  # of a zip file, whose members do not depend on one another
                    copy.unlink(missing_ok=True)
                    left[f"damaged: {error}"].append(member.name)
    except DAMAGED as error:
        reason = str(getattr(error, "strerror", None) or error) or type(error).__name__
        raise UserError(f"{file.name} cannot be unpacked: {reason}") from None
    return [
        f"left out: {len(names)} member{'s' if len(names) > 1 else ''} of {file.name}: {reason} ({printable(names[0])})"
        for reason, names in left.items()
    ]


def _copy(archive: Any, member: _Member, copy: Path, unpacked: int, allowed: int) -> int:
    """Unpack a member; returns the bytes that were unpacked so far. Raises UserError where they get too many."""
    with _content(archive, member) as content, copy.open("xb") as copied:
        while piece := content.read(PIECE):
            unpacked += len(piece)
            if unpacked > allowed:
                raise UserError(f"an archive unpacks to more than {RATIO} times its size: it is refused")
            copied.write(piece)
    return unpacked


def _opened(file: Path) -> Any:
    return zipfile.ZipFile(file) if _is_zip(file) else tarfile.open(file)


def _is_zip(file: Path) -> bool:
    """Whether it is a zip archive, and no tar archive that ends with one, as with an Excel table."""
    return zipfile.is_zipfile(file) and not tarfile.is_tarfile(file)


def _members(archive: Any, file: Path) -> Iterator[_Member]:
    """The members that are no folders."""
    zipped = isinstance(archive, zipfile.ZipFile)
    for number, one in enumerate(archive.infolist() if zipped else archive):
        if number >= MEMBERS:
            raise UserError(f"{file.name} holds more than {MEMBERS} members: unpack it yourself")
        if zipped:
            if one.is_dir():
                continue
            kind = one.external_attr >> 28  # the file type of Unix, if it was packed there
            refused = "a link" if kind == 0xA else "encrypted" if one.flag_bits & 1 else ""
            yield _Member(one.filename, refused, one.file_size, one)
        elif not one.isdir():
            refused = "" if one.isreg() else "a link" if one.islnk() or one.issym() else "a device or pipe"
            yield _Member(one.name, refused, one.size if one.isreg() else 0, one)


def _content(archive: Any, member: _Member) -> IO[bytes]:
    content: IO[bytes] = (
        archive.open(member.handle) if isinstance(archive, zipfile.ZipFile) else archive.extractfile(member.handle)
    )
    return content


def safe_path(name: str) -> tuple[str, str]:
    """Where a member goes below the folder, or why it goes nowhere."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    outside = name.startswith(("/", "\\")) or ".." in parts or (parts and parts[0].endswith(":"))
    if outside or not parts:
        return "", "its path leads out of the folder"
    if "\0" in name or any(len(part.encode("utf-8", "replace")) > LONGEST for part in parts):
        return "", "its name cannot be that of a file"
    return "/".join(parts), ""
