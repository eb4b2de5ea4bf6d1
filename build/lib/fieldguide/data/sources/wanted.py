"""The files of a data set that are pictures, read where they are: what every source of files has in common."""

import shlex
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fieldguide.base.errors import UserError
from fieldguide.base.progress import progress
from fieldguide.data.field_data import NOTHING_KNOWN, FieldData
from fieldguide.data.sources.row import RawRow, picture_row, refused_row
from fieldguide.data.videos.frames import VideoError, frame_name, read_frames
from fieldguide.data.videos.kinds import is_video

VIDEO_EVERY = 5.0
Seconds = Annotated[float, Field(ge=0.5, le=86_400)]  # between two frames of a video


@dataclass(frozen=True)
class Wanted:
    """A file, or a part of one, by its address below the data set; `refused` says why it is left out.

    `given_label` is the label before it is renamed.
    """

    address: str
    file: Path
    given_label: str
    label: str
    refused: str
    known: FieldData = NOTHING_KNOWN


def raw_rows(wanted: Sequence[Wanted], source: Path, made: Path, video_every: float = VIDEO_EVERY) -> list[RawRow]:
    """A row for each entry, in their order; the files stay where they are.

    Of a video come its frames, one every `video_every` seconds, each as a picture below `made` and with a row.

    Raises UserError if two labels differ only in case, in spaces at the end or in their Unicode form; system errors if
    a frame cannot be written.
    """
    check_labels({one.label for one in wanted if not one.refused}, f"data/sources/{source.name}")
    rows: list[RawRow] = []
    for one in progress(wanted, "download", unit="files"):
        if one.refused:
            rows.append(refused_row(one.address, one.label, one.refused))
        elif is_video(one.file):
            rows += _frames(one, made, video_every)
        else:
            rows.append(_row(one))
    return rows


def _row(one: Wanted) -> RawRow:
    try:
        return picture_row(one.address, one.address, one.label, one.file, one.known)
    except OSError as error:
        return refused_row(one.address, one.label, f"cannot be read: {error.strerror}")


def _frames(video: Wanted, made: Path, every: float) -> Iterator[RawRow]:
    """A row for each frame of a video, which go into a folder with its name; and one that says what is missing."""
    folder = made / video.address
    try:
        for frame in read_frames(video.file, every):
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{frame.seconds:07.1f}.jpg"
            file.write_bytes(frame.jpeg)
            start = video.known.time or frame.start
            time = None if start is None else start + timedelta(seconds=frame.seconds)
            known = replace(video.known, time=time, sequence=video.known.sequence or video.address)
            name = frame_name(video.address, frame.seconds)
            yield picture_row(name, file.relative_to(made).as_posix(), video.label, file, known)
    except VideoError as error:
        yield refused_row(video.address, video.label, str(error))


def spelling_kept(label: str) -> str:
    """A label as it would be written best: composed, without spaces at its ends."""
    return unicodedata.normalize("NFC", " ".join(label.split()))


def spelling(label: str) -> str:
    """A label without what a person may not see or mean: case, spaces, forms of the same character."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def check_labels(labels: set[str], where: str) -> None:
    """Raise UserError if labels are one word that is written in several ways."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in sorted(labels):
        spellings[spelling(label)].append(label)
    alike = [several for several in spellings.values() if len(several) > 1]
    if not alike:
        return
    options = [
        f"--rename {_typed(f'{other}={several[0]}')}"
        for several in (sorted(one, key=lambda label: label != spelling_kept(label)) for one in alike)
        for other in several[1:]
    ]
    raise UserError(
        f"{where}: the labels {' and '.join(map(repr, alike[0]))} differ only in how they are written"
        f"{f', as do those of {len(alike) - 1} more' if len(alike) > 1 else ''}: `fieldguide add` with "
        f"{' '.join(options)} makes them one, as do `labels` in the data set's option file"
    )


def _typed(text: str) -> str:
    """A text as a shell takes it; where it may look like another one, with its characters by their numbers."""
    if text.isascii():
        return shlex.quote(text)
    return "$'" + "".join(one if one.isascii() else f"\\U{ord(one):08x}" for one in text).replace("'", "\\'") + "'"
