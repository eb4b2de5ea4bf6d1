"""Pictures as the app shows them: found by their ids, inside their folders alone, decoded and encoded anew."""

import io
from pathlib import Path

from PIL import Image

from fieldguide.base.dvc_cache import is_cached_link
from fieldguide.base.errors import UserError
from fieldguide.base.packs import is_packed
from fieldguide.base.paths import Paths
from fieldguide.data.cropping import Box, cut
from fieldguide.data.images import PictureError, bounded_picture, read_picture

SIDES = (320, 1280)  # pixels of the longer side: in a grid, and alone
MAX_MEGAPIXELS = 150.0


def inside(folder: Path, name: str) -> Path:
    """A file below a folder by its name there. Raises UserError where the name or a link leads out of it."""
    file, root = folder / name, folder.resolve()
    try:
        real = file.parent.resolve() / file.name if is_cached_link(file) else file.resolve()
        if name and real.is_relative_to(root) and (file.is_file() or is_packed(file)):
            return file
    except (OSError, ValueError):  # a name too long, or with a null character
        pass
    raise UserError(f"no picture {name!r} in {folder.name}")


def is_text(path: Path) -> bool:
    """Whether a page can name a file: its path is UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def own_file(paths: Paths, name: str) -> Path:
    """A person's own picture by the column `file`, inside its data set or data/raw. Raises UserError as `inside`."""
    file = paths.raw_file(name)
    if file.is_relative_to(paths.raw):
        return inside(paths.raw, file.relative_to(paths.raw).as_posix())
    if ".." in file.parts or not file.is_relative_to(paths.sources):
        raise UserError(f"no picture {name!r}")
    data_set, *below = file.relative_to(paths.sources).parts
    return inside(paths.sources / data_set, "/".join(below))


def shown(file: Path | bytes, side: int, box: Box | None = None, margin: float = 0.0) -> bytes:
    """A picture, or a box in it, as JPEG without metadata; its longer side has at most `side` pixels.

    Raises UserError if it cannot be decoded.
    """
    try:
        stream = io.BytesIO(file) if isinstance(file, bytes) else file
        picture = read_picture(stream, MAX_MEGAPIXELS, max_side=side if box is None else None)
        picture = picture if box is None else cut(picture, box, margin)
    except PictureError as error:
        raise UserError(f"it cannot be shown: {error}") from None
    return encoded(bounded_picture(picture, side))


def encoded(image: Image.Image) -> bytes:
    """An image as JPEG without metadata."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
