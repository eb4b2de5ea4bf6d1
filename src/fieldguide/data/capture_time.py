"""When a picture was taken: by its EXIF data, or by its path."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from fieldguide.base.packs import open_file
from fieldguide.base.silence import without_warnings
from fieldguide.data.decoding.kinds import HEAD, kind_of
from fieldguide.data.moments import with_offset

EXIF = "exif"
EXIF_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF")
EXIF_FOLDER, CHANGED, OF_CHANGED = 0x8769, 0x0132, 0x9010
TAKEN, OF_TAKEN, DIGITIZED, OF_DIGITIZED = 0x9003, 0x9011, 0x9004, 0x9012  # times, and their offsets from UTC
STAMP = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "y": 2, "j": 3}


def check_time(source: str) -> None:
    """Raise ValueError if this is neither `exif` nor a pattern that holds a whole date."""
    if source == EXIF:
        return
    letters = re.findall("%(.)", source)
    if unknown := [letter for letter in letters if letter not in DIGITS]:
        raise ValueError(f"%{unknown[0]} is not known in a time: %{', %'.join(DIGITS)}")
    if not ({"Y", "y"} & {*letters} and ({"m", "d"} <= {*letters} or "j" in letters)):
        raise ValueError("`exif`, or a pattern with year, month and day, as %Y-%m-%d_%H-%M-%S")


def capture_time(file: Path, path: str, sources: Sequence[str]) -> datetime | None:
    """When a picture was taken, by the first of `sources` that tells, in seconds by the camera's own clock.

    It has the clock's offset from UTC where the EXIF data say it (see `fieldguide.data.moments`).

    Parameters
    ----------
    path
        What a pattern is looked for in, the last place first.
    sources
        `exif` (DateTimeOriginal, DateTimeDigitized or DateTime, each with its own offset), or patterns as
        `datetime.strptime` takes them. The time of a position is not used: it may be hours older than the picture.
    """
    for source in sources:
        if time := _exif_time(file) if source == EXIF else time_in(path, source):
            return time
    return None


def time_in(path: str, pattern: str) -> datetime | None:
    """The last time in a path by a pattern, or None."""
    parts = re.split("%(.)", pattern)
    digits = [rf"\d{{{DIGITS[part]}}}" if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    for text in reversed(re.findall(rf"(?<!\d){''.join(digits)}(?!\d)", path)):
        try:
            return datetime.strptime(text, pattern)
        except ValueError:  # as 2024-02-31
            continue
    return None


def _exif_time(file: Path) -> datetime | None:
    from PIL import Image  # only here: every command loads every data source

    try:
        with open_file(file) as stream:
            kind = kind_of(stream.read(HEAD))
            if kind not in EXIF_FORMATS:
                return None
            if kind == "HEIF":
                import pillow_heif  # of the extra `heic`

                pillow_heif.register_heif_opener(thumbnails=False)
            stream.seek(0)
            with without_warnings(), Image.open(stream, formats=[kind]) as image:
                exif = image.getexif()
                folder = exif.get_ifd(EXIF_FOLDER)
        said = [
            (folder.get(TAKEN), folder.get(OF_TAKEN)),
            (folder.get(DIGITIZED), folder.get(OF_DIGITIZED)),
            (exif.get(CHANGED), folder.get(OF_CHANGED)),
        ]
    except Exception:  # whatever a hostile file makes a decoder raise: clean will tell of it
        return None
    return next(filter(None, (_moment(str(time), str(offset)) for time, offset in said)), None)


def _moment(time: str, offset: str) -> datetime | None:
    digits = STAMP.match(time)
    try:
        return with_offset(datetime(*map(int, digits.groups())), offset) if digits else None  # type: ignore[arg-type]
    except ValueError:  # as 0000:00:00 00:00:00, which cameras write before their clock is set
        return None
