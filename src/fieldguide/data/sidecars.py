"""What lies beside pictures and is none to learn from: masks, thumbnails, annotations."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from fieldguide.base.errors import UserError
from fieldguide.base.packs import open_file
from fieldguide.base.progress import progress
from fieldguide.data.images import PictureError, open_picture

ANNOTATIONS = {
    *(".json", ".jsonl", ".xml", ".txt", ".csv", ".tsv", ".md", ".yaml", ".yml", ".ini", ".db", ".log", ".lst"),
    *(".mat", ".npy", ".npz", ".xmp", ".aae", ".thm", ".xlsx", ".parquet", ".pdf"),
}
TEXT = "text or data, not a picture"
MASKS = r"masks?|seg|segmentations?|ground[ _-]?truth|gt|annotations?|label_?ids|matte|alpha"
THUMBNAILS = r"thumbs?|thumbnails?|previews?|small|tn"
PICTURES = r"images?|imgs?|pictures?|photos?|rgb"
BESIDE_FOLDER = re.compile(rf"(?i){MASKS}|{THUMBNAILS}|\.{THUMBNAILS}")
PICTURE_FOLDER = re.compile(rf"(?i){PICTURES}")
BESIDE_NAME = re.compile(rf"(?i)(?<=[^ ._-])[ ._-]+({MASKS}|{THUMBNAILS})$")
VALUES = 8  # so many values of the 256 of a channel, or of 32 levels,
MASK_SHARE = 0.97  # cover so much of a mask, in levels, since JPEG blurs its edges,
PICTURE_SHARE = 0.8  # and at most so much of a picture, in values
BEGINNING = 64  # bytes
PORTABLE = (b"P3", b"P6")  # PPM pictures begin with text
LOOKED_AT = 256  # pixels of the longest side
MAX_MEGAPIXELS = 150.0
SMALLER = 0.8  # of the picture's longest side: a thumbnail has at most so many pixels
ALIKE = 0.95  # correlation of the two


def is_named_as_a_picture(path: str) -> bool:
    """Whether neither its ending nor its name or folders say that a file lies beside pictures."""
    return not is_text(path) and not _says_beside(path)


def find_sidecars(files: Mapping[str, Path]) -> dict[str, str]:
    """Which files lie beside pictures, and in words what they are.

    Annotations are known by their endings; without one, by their beginning. A mask or a thumbnail has the name of
    another picture, apart from its ending and words as `_mask`, in the same folder or in one beside it as `masks`; or
    it is in a folder or has a name that says so. Only such files are opened: a mask holds few values, a thumbnail is a
    smaller copy.

    Parameters
    ----------
    files
        By their paths below a common folder, with "/" between folders.
    """
    found: dict[str, str] = {}
    families: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in files:
        if is_text(path) or (not PurePosixPath(path).suffix and _begins_as_text(files[path])):
            found[path] = TEXT
        else:
            families[_family(path)].append(path)
    doubtful = [members for members in families.values() if len(members) > 1 or _says_beside(members[0])]
    for members in progress(doubtful, "look for masks", unit="names"):
        found.update(_beside(members, files))
    return found


def is_text(path: str) -> bool:
    """Whether the ending of a file's name says that it is text or data, as annotations are."""
    return PurePosixPath(path).suffix.lower() in ANNOTATIONS


def _begins_as_text(file: Path) -> bool:
    """Whether a file without an ending is text: pictures begin with bytes that are none."""
    try:
        with open_file(file) as content:
            start = content.read(BEGINNING)
        return not start.startswith(PORTABLE) and b"\0" not in start and bool(start.decode("ascii"))
    except (OSError, UserError, UnicodeDecodeError):
        return False


def _family(path: str) -> tuple[str, ...]:
    """The folders and the name of a file, without what tells a mask or a thumbnail from its picture."""
    *folders, _ = PurePosixPath(path).parts
    kept = [part for part in folders if not BESIDE_FOLDER.fullmatch(part) and not PICTURE_FOLDER.fullmatch(part)]
    return (*kept, BESIDE_NAME.sub("", PurePosixPath(path).stem))


def _says_beside(path: str) -> bool:
    place = PurePosixPath(path)
    return bool(BESIDE_NAME.search(place.stem)) or any(BESIDE_FOLDER.fullmatch(part) for part in place.parts[:-1])


def _beside(members: list[str], files: Mapping[str, Path]) -> dict[str, str]:
    images: dict[str, Image.Image] = {}
    sides: dict[str, int] = {}
    for path in members:
        try:
            image = open_picture(files[path], MAX_MEGAPIXELS)
        except PictureError:
            continue  # clean will tell what is wrong with it
        images[path], sides[path] = _small(image), max(image.size)
    pictures = [
        path for path, image in images.items() if not _says_beside(path) and _share_of_values(image) <= PICTURE_SHARE
    ]
    original = max(pictures, key=lambda path: sides[path], default="")
    beside: dict[str, str] = {}
    for path, image in images.items():
        if path == original or not (original or _says_beside(path)):
            continue
        if _share_of_values(image, levels=32) >= MASK_SHARE:
            beside[path] = f"a mask of {original}" if original else "a mask"
        elif original and _says_beside(path) and _is_smaller_copy(path, original, images, sides):
            beside[path] = f"a thumbnail of {original}"
    return beside


def _small(image: Image.Image) -> Image.Image:
    """A smaller copy that holds no other values."""
    scale = max(1.0, max(image.size) / LOOKED_AT)
    return image.resize((round(image.width / scale) or 1, round(image.height / scale) or 1), Image.Resampling.NEAREST)


def _share_of_values(image: Image.Image, levels: int = 256) -> float:
    """How much of a picture its few most frequent colours cover."""
    values = np.asarray(image).astype(np.int32) // (256 // levels)
    _, counts = np.unique((values[..., 0] << 16) | (values[..., 1] << 8) | values[..., 2], return_counts=True)
    return float(np.sort(counts)[-VALUES:].sum() / counts.sum())


def _is_smaller_copy(path: str, original: str, images: dict[str, Image.Image], sides: dict[str, int]) -> bool:
    if sides[path] > SMALLER * sides[original]:
        return False
    one, other = (np.asarray(images[name].resize((16, 16)).convert("L"), float).ravel() for name in (path, original))
    return bool(min(one.std(), other.std()) > 0 and np.corrcoef(one, other)[0, 1] >= ALIKE)
