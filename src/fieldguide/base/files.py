"""Writing files and folders so that a reader sees the old one or the new one, never half of either."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.leftovers import in_use
from fieldguide.base.packs import open_file
from fieldguide.base.system_errors import system_error


class DamagedFile(UserError, ValueError):
    """A file whose content is not what was written, after a power cut or an edit."""


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends without an error it takes the place of `path`.

    Whoever may read other new files here may read this one: some libraries write files for their owner alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        partial.touch()
        mode = partial.stat().st_mode
        partial.unlink(missing_ok=True)
        yield partial
        made = partial.stat()
        if made.st_mode != mode and made.st_nlink == 1:  # a hard link's mode is that of the file that it was
            with suppress(PermissionError):
                partial.chmod(mode)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        _raise_with_name(error, partial, path)
        raise
    partial.replace(path)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; when the block ends without an error it takes the place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, old = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.old")
    if old.exists() and not path.exists():  # killed between the two renames below
        old.replace(path)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        with in_use(partial):
            yield partial
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        _raise_with_name(error, partial, path)
        raise
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.replace(old)
    partial.replace(path)
    shutil.rmtree(old, ignore_errors=True)


def _raise_with_name(error: BaseException, partial: Path, path: Path) -> None:
    """Raise a system error with the file name that the user knows: a write error holds no name.

    Returns for any other exception.
    """
    found = system_error(error)
    if found is None:
        return
    name = None if found.filename is None or isinstance(found.filename, int) else Path(os.fsdecode(found.filename))
    if name is None or name == partial:
        found.filename = str(path)
    elif name.is_relative_to(partial):
        found.filename = str(path / name.relative_to(partial))
    if found is not error:  # a library's own exception
        raise found from error


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with the line ends that it has, atomically."""
    with replace_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def read_text(path: Path) -> str:
    """Read UTF-8 with the line ends that are there, so that writing it back changes no byte."""
    return path.read_bytes().decode("utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write `content` as readable JSON, atomically; NaN and infinity are refused (ValueError)."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises DamagedFile, a UserError, if it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError too
        raise DamagedFile(
            f"{path} is damaged, it is not valid JSON ({error}): delete it and run the command again"
        ) from None


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes of a file, also of one in a pack."""
    with open_file(source) as file, target.open("wb") as copy:
        shutil.copyfileobj(file, copy)


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file's bytes, as 64 hex digits; also of a file in a pack."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
