"""Pictures as the app shows them: found by their ids, inside their folders alone, decoded and encoded anew."""

import io
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.tracked_inputs import is_cached_link
from fieldguide.data.cropping import Box, cut
from fieldguide.data.images import PictureError, bounded, read_picture

SIDES = (320, 1280)  # pixels of the longer side: in a grid, and alone
MAX_MEGAPIXELS = 150.0


def inside(folder: Path, name: str) -> Path:
    """A file below a folder by its name there. Raises UserError where the name or a link leads out of it."""
    file, root = folder / name, folder.resolve()
    try:
        real = file.parent.resolve() / file.name if is_cached_link(file) else file.resolve()
        if name and real.is_relative_to(root) and file.is_file():
            return file
    except (OSError, ValueError):  # a name too long, or with a null character
        pass
    raise UserError(f"no picture {name!r} in {folder.name}")


def shown(file: Path | bytes, side: int, box: Box | None = None, margin: float = 0.0) -> bytes:
    """A picture, or a box in it, as JPEG without metadata; its longer side has at most `side` pixels.

    Raises UserError if it cannot be decoded.
    """
    try:
        picture = read_picture(io.BytesIO(file) if isinstance(file, bytes) else file, MAX_MEGAPIXELS)
        picture = picture if box is None else cut(picture, box, margin)
    except PictureError as error:
        raise UserError(f"it cannot be shown: {error}") from None
    buffer = io.BytesIO()
    bounded(picture.image, side).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
