"""A published folder: made whole or not at all, and never over anything that somebody else has written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, replace_folder, sha256_of_file, write_json

LIST = "published.json"  # what a folder is, and the sha256 of each file in it


@contextmanager
def published_folder(folder: Path, kind: str, about: dict[str, Any]) -> Iterator[Path]:
    """Yield an empty folder; when the block ends without an error it takes the place of `folder`, with a list of files.

    Parameters
    ----------
    kind
        What it becomes: a folder of another kind is not replaced.
    about
        What else the list says.

    Raises
    ------
    UserError
        If `folder` is there and is neither empty nor such a folder as it was published.
    """
    _check_free(folder, kind)
    with replace_folder(folder.absolute()) as made:
        yield made
        write_json(made / LIST, {"kind": kind, **about, "files": _files(made)})


def _check_free(folder: Path, kind: str) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder} is no folder: give another one")
    if not folder.exists() or not any(folder.iterdir()):
        return
    where = "publish into another folder, or delete this one"
    if not (folder / LIST).is_file():
        raise UserError(f"{folder} is not empty, and was not published by fieldguide: {where}")
    listed = read_json(folder / LIST)
    if not isinstance(listed, dict) or listed.get("kind") != kind or not isinstance(listed.get("files"), dict):
        raise UserError(f"{folder} was published as something else: {where}")
    known, found = listed["files"], _files(folder)
    if changed := [name for name in sorted({*found, *known}) if found.get(name) != known.get(name)]:
        raise UserError(f"{folder} was changed since it was published ({changed[0]}): {where}")


def _files(folder: Path) -> dict[str, str]:
    """The sha256 of each file below a folder, "" of a link, by its path; what Python keeps of modules is left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {
        name: "" if path.is_symlink() else sha256_of_file(path)
        for path in files
        if (name := path.relative_to(folder).as_posix()) != LIST and "__pycache__" not in path.parts
    }
