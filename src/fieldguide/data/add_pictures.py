"""Taking pictures that were understood into data/sources/NAME: their files, and the table that lists them."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import copy_file, replace_folder
from fieldguide.base.packs import ENOUGH, is_packed, write_packs
from fieldguide.base.progress import progress
from fieldguide.data.add_addresses import fetch_waiting, waiting_folder
from fieldguide.data.addresses import Address
from fieldguide.data.annotations.annotation import is_address
from fieldguide.data.annotations.picture_table import PICTURE_TABLE, write_picture_table
from fieldguide.data.source_places import Place
from fieldguide.data.source_reading import Reading
from fieldguide.data.videos.kinds import is_video, video_of

FETCHED = "fetched"  # the folder of pictures that came from addresses
Take = Callable[[Path, Path], object]


def take_pictures(place: Place, reading: Reading, target: Path, link: bool, allow_private: bool) -> tuple[str, str]:
    """Copy, link or fetch the pictures; returns a summary, and a line about their origin."""
    take: Take = os.link if link or place.is_own else shutil.copy2
    try:
        came, labelled = _take_all(reading, target, take, not link, allow_private)
    except OSError as error:
        if not link:
            raise UserError(f"{error.filename} cannot be copied: {error.strerror}") from None
        raise UserError(f"{place.path} cannot be linked ({error.strerror}): leave out --link to copy it") from None
    left = len({video_of(one.address) for one in reading.files}) - came
    skipped = f" ({left} left out)" if left else ""
    labels = ", ".join(sorted(map(printable, labelled)))
    listed = f"listed in its {PICTURE_TABLE}" if reading.listed is not None else f"in the folders {labels}"
    kind = "folder" if place.path.is_dir() else "file"
    return (
        f"{came} files{skipped} under {len(labelled)} labels ({labels})",
        f"{came} files {listed}, added from a {kind} named {place.name}.",
    )


def addresses_of(reading: Reading) -> list[Address]:
    """The addresses of a table's pictures, each once."""
    named = dict.fromkeys(one.address for one in reading.pictures if is_address(one.address))
    return [Address(url, FETCHED, line) for line, url in enumerate(named, 1)]


def _take_all(reading: Reading, target: Path, take: Take, packs: bool, allow_private: bool) -> tuple[int, set[str]]:
    """Bring all files; returns how many came, and their labels.

    Pictures that cannot be fetched are told, and are left out in the table.
    """
    files = {video_of(one.address): one.file for one in reading.pictures if not is_address(one.address)}
    addresses = addresses_of(reading)
    if not addresses:
        with replace_folder(target) as partial:
            _fill(partial, files, take, packs)
            if reading.listed is not None:
                write_picture_table(partial / PICTURE_TABLE, reading.listed)
        return len(files), {one.label for one in reading.pictures}
    came, problems = fetch_waiting(addresses, "the list", target, allow_private)
    for address, problem in problems.items():
        print(f"fieldguide: {address.url_shown}: {problem}", file=sys.stderr)
    fetched = {address.url: came.get(address.key, address.url_shown) for address in addresses}
    problem_of = {address.url: problem for address, problem in problems.items()}
    rows = [
        replace(row, file=fetched.get(row.file, row.file), left_out=row.left_out or problem_of.get(row.file, ""))
        for row in reading.listed or []
    ]
    labels = {one.label for one in reading.pictures if one.address not in problem_of}
    if len(labels) < 2:
        raise UserError(f"pictures of {len(labels)} labels came, at least two are needed: see the lines above")
    partial = waiting_folder(target)
    _fill(partial, files, take, packs)
    write_picture_table(partial / PICTURE_TABLE, rows)
    partial.replace(target)
    return len(files) + len(came), labels


def _fill(folder: Path, files: dict[str, Path], take: Take, packs: bool) -> None:
    """Take files into a folder; with `packs` more than DVC can watch as files of their own go there, but videos."""
    shown = progress(files.items(), "add", len(files), unit="files")
    packed = packs and len(files) > ENOUGH
    for name, file in shown if not packed else [item for item in files.items() if is_video(item[1])]:
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        (copy_file if is_packed(file) else take)(file, copy)
    if packed:
        folder.mkdir(parents=True, exist_ok=True)
        write_packs(folder, (item for item in shown if not is_video(item[1])))
