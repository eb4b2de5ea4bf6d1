"""Packs: zip files that hold what would be very many small files, and are read as the folders that they stand for.

Whoever handles a folder pays for each of its files: DVC a stat and a row of its database every time it looks, a remote
a request. A path may lead into a pack, as `data/clean/0f.zip/black/0f3a9c8811223344.jpg`; `open_file` reads it.
"""

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from io import BufferedReader, BytesIO
from itertools import count
from pathlib import Path, PurePosixPath
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo
from zlib import crc32

from fieldguide.base.dvc_cache import is_link_away
from fieldguide.base.errors import UserError

ENOUGH = 10_000  # files of a folder: with more DVC would take a second or longer to see that none has changed
PACK = ".zip"
OF_A_DATA_SET = re.compile(r"pictures-\d{4,}\.zip")
MAX_FILES, MAX_BYTES = 1000, 2**28  # of a pack of a data set
HEADER, NAMES = 30, slice(26, 30)  # bytes before a file's name and extra field, and where their lengths stand
Entry = tuple[int, int, int]  # of a file in a pack: where its header is, its bytes, their CRC


def open_file(path: Path) -> BufferedReader | BytesIO:
    """Open a file, also one in a pack, for reading.

    Raises OSError as `open` does, UserError if the pack is damaged.
    """
    if (found := _in_pack(path)) is None:
        return path.open("rb")
    return BytesIO(_content(*found))


def size_of(path: Path) -> int:
    """The bytes of a file, also of one in a pack. Raises as `open_file`."""
    if (found := _in_pack(path)) is None:
        return path.stat().st_size
    return _entry(*found)[1]


def is_a_file(path: Path) -> bool:
    """Whether there is a file, perhaps in a pack. Raises UserError if the pack is damaged."""
    found = _in_pack(path)
    return found[1] in _index(found[0]) if found else path.is_file()


def is_packed(path: Path) -> bool:
    """Whether a path leads into a pack; whether that holds such a file is another question."""
    return _in_pack(path) is not None


def packed_files(folder: Path) -> dict[str, Path]:
    """The files in the packs of a data set's folder, by their paths with "/" between folders, none of which leads out.

    Links out of the folder are no packs. Raises UserError if a pack is damaged, or is none.
    """
    named = sorted(path for path in folder.glob(f"*{PACK}") if is_pack(path))
    packs = [path for path in named if path.is_file() and not is_link_away(path)]
    return {name: pack / name for pack in packs for name in _index(pack)}


def files_of_data_set(folder: Path) -> dict[str, Path]:
    """All files below a data set's folder by their paths, sorted; none if it is missing.

    A file that lies there itself counts instead of a packed one of the same path. Raises as `packed_files`.
    """
    found = (path for path in folder.rglob("*") if path.is_file() and not (path.parent == folder and is_pack(path)))
    files = packed_files(folder) | {path.relative_to(folder).as_posix(): path for path in found}
    return {name: files[name] for name in sorted(files)}


def is_pack(path: Path) -> bool:
    """Whether this file of a data set is a pack, by its name."""
    return OF_A_DATA_SET.fullmatch(path.name) is not None


def write_packs(folder: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Write the files of a data set, each under its path, to as many packs as they need."""
    remaining = iter(files)
    following = next(remaining, None)
    for number in count():
        if following is None:
            return
        chosen, size = list[tuple[str, Path]](), 0
        while following and len(chosen) < MAX_FILES and (not chosen or size < MAX_BYTES):
            chosen.append(following)
            size += size_of(following[1])
            following = next(remaining, None)
        write_pack(folder / f"pictures-{number:04}{PACK}", chosen)


def write_pack(pack: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Write files, each under a path with "/" between folders, to a new pack; the same files give the same bytes."""
    with ZipFile(pack, "x", ZIP_STORED) as archive:
        for name, path in files:
            with open_file(path) as file:
                archive.writestr(ZipInfo(name), file.read())  # dated 1980, as the format begins


def _in_pack(path: Path) -> tuple[Path, str] | None:
    """The pack that a path leads into, and the path in there."""
    text, end = os.fspath(path), -1
    while (end := text.find(f"{PACK}{os.sep}", end + 1)) >= 0:
        pack, inside = text[: end + len(PACK)], text[end + len(PACK) + 1 :]
        if (file := Path(pack)).is_file():
            return file, Path(inside).as_posix()
    return None


def _content(pack: Path, name: str) -> bytes:
    start, size, crc = _entry(pack, name)
    with pack.open("rb") as file:
        file.seek(start)
        lengths = file.read(HEADER)[NAMES]
        file.seek(int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little"), os.SEEK_CUR)
        content = file.read(size)
    if len(content) != size or crc32(content) != crc:
        raise _damaged(pack, f"{name} in it is not what was written")
    return content


def _entry(pack: Path, name: str) -> Entry:
    try:
        return _index(pack)[name]
    except KeyError:
        raise FileNotFoundError(2, os.strerror(2), str(pack / name)) from None


def _index(pack: Path) -> Mapping[str, Entry]:
    state = pack.stat()
    return _read_index(pack, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4096)
def _read_index(pack: Path, _changed: int, size: int) -> Mapping[str, Entry]:
    """What a pack holds; whoever made it, no more is read than it has bytes, and no path leads out of it."""
    try:
        with ZipFile(pack) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise _damaged(pack, str(error)) from None
    if any(info.compress_type != ZIP_STORED or info.flag_bits & 1 for info in files):
        raise UserError(f"{pack} has the name of a pack, but is compressed or encrypted: unpack it, then delete it")
    if sum(info.file_size for info in files) > size or len({info.filename for info in files}) < len(files):
        raise _damaged(pack, "what it says of its files cannot be")
    if bad := next((info.filename for info in files if not _stays_inside(info.filename)), None):
        raise _damaged(pack, f"the path {bad!r} leads out of it")
    return {info.filename: (info.header_offset, info.file_size, info.CRC) for info in files}


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return str(path) == name and not path.is_absolute() and ".." not in path.parts


def _damaged(pack: Path, why: str) -> UserError:
    return UserError(f"{pack} is damaged ({why}): `dvc checkout` brings it back")
