"""Taking pictures that were understood into data/sources/NAME: their files, and the table that lists them."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import replace_folder
from fieldguide.base.progress import progress
from fieldguide.data.add_addresses import fetch_waiting, waiting_folder
from fieldguide.data.addresses import Address
from fieldguide.data.annotations.annotation import Annotation, is_address
from fieldguide.data.annotations.picture_table import PICTURE_TABLE, write_picture_table
from fieldguide.data.source_places import Place
from fieldguide.data.source_reading import Reading

FETCHED = "fetched"  # the folder of pictures that came from addresses
Take = Callable[[Path, Path], object]


def take_pictures(place: Place, reading: Reading, target: Path, link: bool, allow_private: bool) -> tuple[str, str]:
    """Copy, link or fetch the pictures; returns a summary, and a line about their origin."""
    take: Take = os.link if link or place.is_own else shutil.copy2
    try:
        came = _take_all(reading, target, take, allow_private)
    except OSError as error:
        if not link:
            raise UserError(f"{error.filename} cannot be copied: {error.strerror}") from None
        raise UserError(f"{place.path} cannot be linked ({error.strerror}): leave out --link to copy it") from None
    left = len({one.address for one in reading.files}) - came
    skipped = f" ({left} left out)" if left else ""
    labels = sorted({printable(one.label) for one in reading.pictures})
    listed = "listed in its pictures.csv" if reading.listed is not None else f"in the folders {', '.join(labels)}"
    kind = "folder" if place.path.is_dir() else "file"
    return (
        f"{came} files{skipped} under {len(labels)} labels ({', '.join(labels)})",
        f"{came} files {listed}, added from a {kind} named {place.name}.",
    )


def addresses_of(reading: Reading) -> list[Address]:
    """The addresses of a table's pictures, each once."""
    named = dict.fromkeys(one.address for one in reading.pictures if is_address(one.address))
    return [Address(url, FETCHED, line) for line, url in enumerate(named, 1)]


def _take_all(reading: Reading, target: Path, take: Take, allow_private: bool) -> int:
    """Bring all files; returns how many came. Pictures that cannot be fetched are told, and left out in the table."""
    files = {one.address: one.file for one in reading.pictures if not is_address(one.address)}
    addresses = addresses_of(reading)
    if not addresses:
        with replace_folder(target) as partial:
            _fill(partial, files, take)
            if reading.listed is not None:
                write_picture_table(partial / PICTURE_TABLE, reading.listed)
        return len(files)
    came, problems = fetch_waiting(addresses, "the list", target, allow_private)
    for address, problem in problems.items():
        print(f"fieldguide: {address.shown}: {problem}", file=sys.stderr)
    said = {address.url: (came.get(address.key, ""), problems.get(address, "")) for address in addresses}
    rows = [_fetched(row, *said.get(row.file, (row.file, ""))) for row in reading.listed or []]
    labels = {row.label for row in rows if not row.left_out}
    if len(labels) < 2:
        raise UserError(f"pictures of {len(labels)} labels came, at least two are needed: see the lines above")
    partial = waiting_folder(target)
    _fill(partial, files, take)
    write_picture_table(partial / PICTURE_TABLE, rows)
    partial.replace(target)
    return len(files) + len(came)


def _fetched(row: Annotation, file: str, problem: str) -> Annotation:
    """The row of an address with the file that came from it; an address may hold a secret, and is not kept."""
    if not is_address(row.file):
        return row
    return replace(row, file=file, left_out=row.left_out or problem)


def _fill(folder: Path, files: dict[str, Path], take: Take) -> None:
    for name, file in progress(files.items(), "add", len(files), unit="files"):
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        take(file, copy)
