"""The picture files given as files, folders and a list on standard input."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from fieldguide.base.errors import UserError

STDIN = "-"


def picture_files(arguments: Iterable[str], listed: BinaryIO) -> Iterator[Path]:
    """The files that the arguments name, one at a time; see `named_files`."""
    return (path for path, _ in named_files(arguments, listed))


def named_files(arguments: Iterable[str], listed: BinaryIO) -> Iterator[tuple[Path, str]]:
    """The files that the arguments name, in their order, each with its path below the folder that was given.

    A folder stands for the files in it and below, sorted, without hidden ones; linked folders are not followed. `-`
    stands for `listed`, one path a line. A file that is missing is given too: who opens it says so.
    """
    for argument in arguments:
        if argument == STDIN:
            named = (Path(os.fsdecode(line)) for raw in listed if (line := raw.rstrip(b"\r\n")))
            yield from ((path, path.as_posix()) for path in named)
        elif (path := Path(argument)).is_dir():
            yield from ((file, file.relative_to(path).as_posix()) for file in _below(path))
        else:
            yield path, path.as_posix()


def require_something(arguments: Iterable[str]) -> None:
    """Raise UserError if the arguments give no file at all."""
    known = [Path(argument) for argument in arguments if argument != STDIN]
    if STDIN in arguments or any(path.is_file() or (path.is_dir() and any(_below(path))) for path in known):
        return
    first = known[0]
    raise UserError(
        f"no files in the folder {first}: check the path" if first.is_dir() else f"no such file or folder: {first}"
    )


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))
