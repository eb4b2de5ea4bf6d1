"""Finding one picture by its id, file, path or source, or by another file that holds it."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.data.images import PictureError, identify
from fieldguide.data.status import Status

NAMES = ("file", "path", "clean_path", "source")  # the columns by whose whole value a picture is named


@dataclass(frozen=True)
class PictureIndex:
    """Where pictures are in the image table, by what they may be called; made once for many look-ups."""

    rows: dict[str, dict[str, list[int]]]  # column: value: positions, those of kept pictures first
    ids: list[str]  # sorted
    id_of: Sequence[str | None]  # of each row; None for what could not be decoded


def index_pictures(images: pd.DataFrame) -> PictureIndex:
    """Index an image table."""
    kept_first = sorted(range(len(images)), key=(images["status"] != Status.KEPT).tolist().__getitem__)
    rows: dict[str, dict[str, list[int]]] = {}
    for column in ("id", "cut_from", *NAMES):
        values, by_value = images[column].tolist(), defaultdict(list)
        for row in kept_first:
            if isinstance(values[row], str) and values[row]:
                by_value[values[row]].append(row)
        rows[column] = dict(by_value)
    id_of = [identity if isinstance(identity, str) else None for identity in images["id"]]
    return PictureIndex(rows, sorted(rows["id"]), id_of)


def find_picture(paths: Paths, images: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one picture in the image table; see `find_rows`."""
    return images.iloc[find_rows(paths, index_pictures(images), name)]


def find_rows(paths: Paths, index: PictureIndex, name: str) -> list[int]:
    """The positions of a picture's rows: first of the one that `name` means, then of its exact copies.

    Parameters
    ----------
    name
        An id or at least six digits of its beginning, a path (in the checkout, or below the data set or data/clean), a
        source, or any picture file.

    Raises
    ------
    UserError
        If there is none, if the beginning of an id fits several, or if several boxes were cut from a file.
    """
    named = index.rows["id"].get(name)  # first, since a table may hold many
    if named is None:
        named = _by_path(paths, index, name)
    if named is None:
        named = _by_id(index, name) or _by_file(index, name)
    if not named:
        raise UserError(f"no picture {name!r}: give an id, the path of its file or below data/clean, or a picture file")
    several = sorted({identity for row in named if (identity := index.id_of[row])})
    if len(several) > 1:
        raise UserError(f"{name} has {len(several)} boxes: give the id of one ({', '.join(several)})")
    first, identity = named[0], index.id_of[named[0]]
    copies = [] if identity is None else index.rows["id"][identity]
    return [first, *sorted(row for row in copies if row != first)]


def _by_path(paths: Paths, index: PictureIndex, name: str) -> list[int] | None:
    """The pictures at a path or from a source; None if the name is neither."""
    absolute = Path.cwd() / Path(name).expanduser()
    for folder, column in ((paths.raw, "path"), (paths.sources, "path"), (paths.clean, "clean_path")):
        if absolute.is_relative_to(folder) and absolute != folder:
            below = absolute.relative_to(folder).as_posix()
            if folder == paths.sources:
                if file := index.rows["file"].get(paths.name_of_raw(absolute)):
                    return file
                below = below.partition("/")[2]  # behind the data set's name
            return index.rows[column].get(below, [])
    return next((found for column in NAMES if (found := index.rows[column].get(name))), None)


def _by_id(index: PictureIndex, name: str) -> list[int]:
    """The pictures whose id begins with it."""
    if not re.fullmatch("[0-9a-f]{6,16}", name):
        return []
    after = (index.ids[place] for place in range(bisect_left(index.ids, name), len(index.ids)))
    found = list(takewhile(lambda identity: identity.startswith(name), after))
    if len(found) > 1:
        raise UserError(f"{name} is the beginning of several ids ({', '.join(found)}): give more digits")
    return index.rows["id"][found[0]] if found else []


def _by_file(index: PictureIndex, name: str) -> list[int]:
    """The pictures that are the one in a file, whatever its metadata; none if there is no such file."""
    file = Path(name).expanduser()
    if not file.is_file():
        return []
    try:
        identity = identify(file)
    except PictureError as error:
        raise UserError(f"{name} is not among the pictures, and cannot be opened: {error}") from None
    found = index.rows["id"].get(identity) or index.rows["cut_from"].get(identity)
    if found is None:
        raise UserError(f"no picture of this data set is that of {name} (its id would be {identity})")
    return found
