"""Finding one picture by its id, path, source or pixels."""

import re
from pathlib import Path

import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.data.images import PictureError, read_picture

MAX_MEGAPIXELS = 1000.0  # a person names the file, so it may be larger than what clean takes


def find_picture(paths: Paths, images: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one picture in the image table: first the one that `name` means, then its exact copies.

    Parameters
    ----------
    name
        An id or at least six digits of its beginning, a path (in the checkout, or below data/raw or data/clean), a
        source, or any picture file.

    Raises
    ------
    UserError
        If there is none, or if the beginning of an id fits several.
    """
    named = _named(paths, images, name)
    if named.empty:
        raise UserError(_none_found(name))
    first = named.iloc[[0]]
    identity = first["id"].iloc[0]
    if pd.isna(identity):  # it could not be decoded
        return first
    copies = images[images["id"] == identity].drop(index=first.index)
    return pd.concat([first, copies])


def _named(paths: Paths, images: pd.DataFrame, name: str) -> pd.DataFrame:
    found = _by_path(paths, images, name)
    if found is None:
        found = _by_id(images, name)
    return _by_pixels(images, name) if found is None else found


def _by_path(paths: Paths, images: pd.DataFrame, name: str) -> pd.DataFrame | None:
    """The pictures at a path or from a source; None if the name is neither."""
    absolute = Path.cwd() / Path(name).expanduser()
    for folder, column in ((paths.raw, "path"), (paths.clean, "clean_path")):
        if absolute.is_relative_to(folder) and absolute != folder:
            return images[images[column] == absolute.relative_to(folder).as_posix()]
    for column in ("path", "clean_path", "source"):
        if (found := images[images[column] == name]).size:
            return _kept_first(found)
    return None


def _by_id(images: pd.DataFrame, name: str) -> pd.DataFrame | None:
    """The pictures whose id begins with it; None if there is none."""
    if not re.fullmatch("[0-9a-f]{6,16}", name):
        return None
    found = images[images["id"].fillna("").str.startswith(name)]
    if found["id"].nunique() > 1:
        raise UserError(
            f"{name} is the beginning of several ids ({', '.join(sorted(set(found['id'])))}): give more digits"
        )
    return _kept_first(found) if found.size else None


def _by_pixels(images: pd.DataFrame, name: str) -> pd.DataFrame:
    """The pictures with the pixels of a picture file; no row if there is no such file."""
    file = Path(name).expanduser()
    if not file.is_file():
        return images.iloc[:0]
    try:
        identity = read_picture(file, MAX_MEGAPIXELS).id
    except PictureError as error:
        raise UserError(f"{name} is not among the pictures, and cannot be opened: {error}") from None
    found = images[images["id"] == identity]
    if found.empty:
        raise UserError(f"no picture of this data set has the pixels of {name} (its id would be {identity})")
    return _kept_first(found)


def _kept_first(found: pd.DataFrame) -> pd.DataFrame:
    return found.sort_values("status", key=lambda status: status != "kept", kind="stable")


def _none_found(name: str) -> str:
    return f"no picture {name!r}: give an id, a path below data/raw or data/clean, or a picture file"
