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
from fieldguide.data.videos.frames import Frame, VideoError, read_frames
from fieldguide.data.videos.kinds import frame_name, is_video, seconds_of, video_of

VIDEO_EVERY = 5.0
NEAR = 0.5  # seconds between two frames that show nearly the same
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

    Of a video come its frames, one every `video_every` seconds, each as a picture below `made` and with a row for each
    label of the video, or for each box that is known of it: an entry whose address is that of a frame, at most NEAR
    seconds from it. Of a video that is refused come the frames with boxes alone.

    Raises UserError if two labels differ only in case, in spaces at the end or in their Unicode form; system errors if
    a frame cannot be written.
    """
    check_labels({one.label for one in wanted if not one.refused}, f"data/sources/{source.name}")
    rows: list[RawRow] = []
    boxed: dict[str, list[Wanted]] = defaultdict(list)
    whole = []
    for one in wanted:
        if one.refused or seconds_of(one.address) is None:
            whole.append(one)
        else:
            boxed[video_of(one.address)].append(one)
    labelled: dict[str, list[Wanted]] = defaultdict(list)
    for one in whole:
        if not one.refused and is_video(one.file):
            labelled[one.address].append(one)
    listed = {one.address for one in whole}
    for address in sorted(boxed.keys() - labelled.keys()):
        video = _video(boxed[address][0])
        whole.append(video)
        labelled[address] = [] if address in listed else [video]
    for one in progress(whole, "download", unit="files"):
        if one.refused:
            rows.append(refused_row(one.address, one.label, one.refused))
        elif is_video(one.file):
            if one.address in labelled:  # once, however many labels it has
                rows += _frames(one, labelled.pop(one.address), made, video_every, boxed[one.address])
        else:
            rows.append(_row(one))
    return rows


def _row(one: Wanted) -> RawRow:
    try:
        return picture_row(one.address, one.address, one.label, one.file, one.known)
    except OSError as error:
        return refused_row(one.address, one.label, f"cannot be read: {error.strerror}")


def _frames(
    video: Wanted, labelled: Sequence[Wanted], made: Path, every: float, boxed: Sequence[Wanted]
) -> Iterator[RawRow]:
    """A row for each label of each frame of a video, or for each box in it; and one that says what is missing.

    The frames go into a folder with the video's name.
    """
    folder = made / video.address
    try:
        for frame in read_frames(video.file, every):
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{frame.seconds:07.1f}.jpg"
            file.write_bytes(frame.jpeg)
            known = _known(video, frame)
            name = frame_name(video.address, frame.seconds)
            row = picture_row(name, file.relative_to(made).as_posix(), video.label, file, known)
            own = _nearest(boxed, frame.seconds)
            for one in own:
                further = {**known.further, **one.known.further}
                yield replace(row, label=one.label, known=replace(known, box=one.known.box, further=further))
            for one in labelled if not own else ():
                yield replace(row, label=one.label, known=_known(one, frame))
    except VideoError as error:
        yield refused_row(video.address, video.label, str(error))


def _known(video: Wanted, frame: Frame) -> FieldData:
    """What is known of a frame of a video."""
    start = video.known.time or frame.start
    time = None if start is None else start + timedelta(seconds=frame.seconds)
    return replace(video.known, time=time, sequence=video.known.sequence or video.address)


def _video(frame: Wanted) -> Wanted:
    """The video of a frame."""
    return replace(frame, address=video_of(frame.address), known=replace(frame.known, box=None))


def _nearest(boxed: Sequence[Wanted], seconds: float) -> list[Wanted]:
    """The boxes of the frame that is nearest to a time, if it is near."""
    away = [abs((seconds_of(one.address) or 0.0) - seconds) for one in boxed]
    least = min(away, default=NEAR + 1)
    return [one for one, distance in zip(boxed, away, strict=True) if distance == least <= NEAR]


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
