"""Lists of the pictures of a side: text files named as it, `train.txt`, with a picture in each line."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from fieldguide.base.errors import UserError
from fieldguide.base.packs import open_file, size_of
from fieldguide.data.annotations.annotation import PICTURE, plain_path
from fieldguide.data.given_splits import SIDES

DEEPEST = 4  # parts of such a path
LARGEST = 100_000_000  # bytes
MOSTLY = 0.9  # of the lines name pictures
ALL = "trainval"  # of train and valid together: it adds nothing to lists of these


def listed_sides(files: Mapping[str, Path]) -> dict[str, str]:
    """The word for its side of each picture that a list names; nothing if there are not two such lists.

    A picture in lists of two sides is in neither. Raises UserError for a list that cannot be read.
    """
    lists = sorted(filter(_may_be, files), key=lambda name: (_word(name) == ALL, name))
    pictures = _by_ends(files) if len({*map(_word, lists)}) > 1 else {}
    sides: dict[str, str] = {}
    words: set[str] = set()
    twice: set[str] = set()
    for name in lists:
        lines = _lines(name, files[name])
        named = [found for line in lines if (found := _picture(pictures, line))]
        if not named or len(named) < MOSTLY * len(lines):
            continue
        words.add(_word(name))
        for picture in named:
            other = sides.setdefault(picture, _word(name))
            if other != _word(name) and _word(name) != ALL:
                twice.add(picture)
    return {file: side for file, side in sides.items() if file not in twice} if len(words) > 1 else {}


def share_of(sides: Mapping[str, str], files: Iterable[str]) -> float:
    """How many of the files have a side, from 0 to 1."""
    files = list(files)
    return sum(file in sides for file in files) / max(1, len(files))


def _lines(name: str, path: Path) -> list[str]:
    """The lines of a list that are not empty; none of one that is too large."""
    try:
        if size_of(path) > LARGEST:
            return []
        with open_file(path) as file:
            text = file.read().decode("utf-8-sig", "replace")
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror}") from None
    return [stripped for line in text.splitlines() if (stripped := line.strip())]


def _may_be(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in (".txt", ".lst") and len(path.parts) <= DEEPEST and _word(name) in SIDES


def _word(name: str) -> str:
    return PurePosixPath(name).stem.lower()


def _by_ends(files: Iterable[str]) -> dict[str, str]:
    """The pictures by the ends of their paths, with and without the ending of the name; "" where several have it."""
    found: dict[str, str] = {}
    for file in filter(PICTURE.fullmatch, files):
        parts = file.split("/")
        for start in range(len(parts)):
            for end in ("/".join(parts[start:]), "/".join(parts[start:]).rpartition(".")[0]):
                found[end] = "" if found.get(end, file) != file else file
    return found


def _picture(pictures: Mapping[str, str], line: str) -> str:
    """The picture that a line names: as a whole, or before a space and what is said of it."""
    for text in (line, line.split()[0]):
        parts = plain_path(text).split("/")
        for start in range(len(parts)):
            if found := pictures.get("/".join(parts[start:])):
                return found
    return ""
