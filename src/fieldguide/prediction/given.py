"""What there is to answer for: pictures, boxes in them and frames of videos, and what is known of each."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fieldguide.base.errors import UserError
from fieldguide.data.annotations.annotation import DETECTION, Annotation
from fieldguide.data.capture_time import EXIF, capture_time, check_time
from fieldguide.data.field_data import NOTHING_KNOWN, FieldData
from fieldguide.data.layout import SEQUENCE, SITE, Layout, parse_layout
from fieldguide.data.videos.frames import VideoError, read_frames
from fieldguide.data.videos.kinds import frame_name, is_video
from fieldguide.prediction.picture_files import STDIN, named_files

FIELDS = ("site", "time", "sequence")
BOX = ("box_left", "box_top", "box_width", "box_height")
ANIMAL = "animal"  # the only one of a detector's categories that a classifier of animals is asked about
VIDEO_EVERY, LEAST = 5.0, 0.5  # seconds
LOOKED_FOR = 200  # files of a list, to find out to which folder they are relative


@dataclass(frozen=True)
class Given:
    """A picture file, the bytes of one, or with `known.box` a box in it; `name` is what it is called.

    `reason` says why there is nothing to ask a classifier; `is_empty`, that nothing is wrong with that: no box.
    """

    name: str
    file: Path | bytes | BinaryIO
    known: FieldData = NOTHING_KNOWN
    reason: str = ""
    is_empty: bool = False


@dataclass(frozen=True)
class Listed:
    """What a file of annotations says, by the absolute path of each picture."""

    file: Path
    rows: Mapping[str, Sequence[Annotation]]

    def of(self, path: Path) -> Sequence[Annotation]:
        """The rows of a picture; none where it is not listed."""
        return self.rows.get(os.path.normpath(path.absolute()), ())


@dataclass(frozen=True)
class Reader:
    """How pictures are read, and where what is known of them comes from; see `reader`."""

    boxes: Listed | None = None
    table: Listed | None = None
    layout: Layout | None = None
    time: Sequence[str] = ()
    site: str = ""
    site_is_folder: bool = False
    video_every: float = VIDEO_EVERY
    columns: Sequence[str] = field(default_factory=tuple)

    def read(self, arguments: Sequence[str], listed: BinaryIO) -> Iterator[Given]:
        """What the arguments name (see `picture_files`), in their order."""
        fits = None  # whether the layout said anything, of any file
        for path, below in named_files(arguments, listed):
            known = self._known(path, below)
            fits = fits or bool(self.layout and self.layout.read(below))
            if self.boxes is not None:
                yield from _boxes(path, known, self.boxes)
            elif is_video(path):
                yield from self._frames(path, known)
            else:
                yield Given(str(path), path, known)
        if self.layout and fits is False:
            folders = "its parts are the folders of a path: {site} fits S1/1.jpg, {site}/{} fits S1/may/1.jpg"
            print(f"fieldguide: --layout {self.layout.text} fits no file: {folders}", file=sys.stderr)

    def _known(self, path: Path, below: str) -> FieldData:
        """What is known of a picture: by the table, else by its path, else by its file."""
        if not self.columns:
            return FieldData(site=self.site or None)
        said = self.layout.read(below) if self.layout else None
        found = [row.known for listed in (self.table, self.boxes) if listed for row in listed.of(path)[:1]]
        folder = (Path(below).parent.as_posix() if "/" in below else path.absolute().parent.name) or None
        sites = [*(one.site for one in found), (said or {}).get(SITE), self.site, folder if self.site_is_folder else ""]
        times = (one.time for one in found)
        return FieldData(
            site=next(filter(None, sites), None),
            time=next(filter(None, times), None) or capture_time(path, below, self.time),
            sequence=next(filter(None, [*(one.sequence for one in found), (said or {}).get(SEQUENCE)]), None),
            further=next((one.further for one in found), {}),
        )

    def _frames(self, path: Path, known: FieldData) -> Iterator[Given]:
        try:
            for frame in read_frames(path, self.video_every):
                start = known.time or frame.start
                time = None if start is None else start + timedelta(seconds=frame.seconds)
                of_frame = replace(known, time=time, sequence=known.sequence or str(path))
                yield Given(frame_name(str(path), frame.seconds), frame.jpeg, of_frame)
        except VideoError as error:
            yield Given(str(path), path, known, str(error))


PLAIN = Reader()  # whole pictures, of which nothing is told


def reader(
    arguments: Sequence[str],
    *,
    boxes: Path | None = None,
    table: Path | None = None,
    layout: str | None = None,
    time: Sequence[str] = (),
    site: str = "",
    site_is_folder: bool = False,
    video_every: float = VIDEO_EVERY,
) -> Reader:
    """How pictures are read by the options of a command.

    Parameters
    ----------
    boxes
        A file of annotations or of a detector: each box is a picture of its own.
    table
        A file that says site, time and sequence of pictures.
    layout
        What the parts of a path below a given folder are (see `parse_layout`); it needs no label.
    time
        Where the time of capture is found (see `capture_time`); by default EXIF, where anything asks for times.
    site_is_folder
        The folder of a picture is its site, where nothing else says it.
    video_every
        Seconds from one frame of a video to the next.

    Raises
    ------
    UserError
        If a file cannot be read, holds no boxes, is ambiguous, or lists no picture that is there; or if a layout or
        time is none.
    """
    listed = {file: _listed(file, arguments) for file in (boxes, table) if file}
    if boxes and not any(row.known.box for rows in listed[boxes].rows.values() for row in rows):
        raise UserError(f"--boxes: {boxes} holds no boxes: give it as --table, or another file")
    parsed = _layout(layout) if layout else None
    for source in time:
        try:
            check_time(source)
        except ValueError as error:
            raise UserError(f"--time: {error}") from None
    if not LEAST <= video_every < float("inf"):
        raise UserError(f"--video-every: {video_every:g}: give at least {LEAST} seconds")
    asked = bool(boxes or table or layout or time or site_is_folder)
    return Reader(
        boxes=listed[boxes] if boxes else None,
        table=listed[table] if table else None,
        layout=parsed,
        time=time or (EXIF,),
        site=site,
        site_is_folder=site_is_folder,
        video_every=video_every,
        columns=(*(FIELDS if asked else ()), *(BOX if boxes else ())),
    )


def _layout(text: str) -> Layout:
    try:
        layout = parse_layout(text, needs_label=False)
    except ValueError as error:
        raise UserError(f"--layout: {error}") from None
    if not layout.fields & {SITE, SEQUENCE}:
        raise UserError(f"--layout: {text} says neither {{site}} nor {{sequence}}")
    return layout


def _listed(file: Path, arguments: Sequence[str]) -> Listed:
    """Read annotations whose files are relative to a given folder, one above it, the current one, or their own."""
    from fieldguide.data.annotations.reading import read_annotations  # only here: most predictions need none

    given = [Path(os.path.normpath(Path(name).absolute())) for name in arguments if name != STDIN]
    bases = list(
        dict.fromkeys(base for path in (*given, Path.cwd(), file.absolute()) for base in (path, *path.parents))
    )
    found = read_annotations(file, find=lambda text: _find(bases, text)).rows
    names = [row.file for row in found]
    sample = names[:: len(names) // LOOKED_FOR + 1]
    there = {base: sum(_is_there(base, name) for name in sample) for base in bases}
    base = max(bases, key=lambda one: there[one])
    if not there[base]:
        first = names[0] if names else "nothing"
        raise UserError(f"{file} lists {first}, which is not there: give the folder that its files are in")
    rows = defaultdict(list)
    for row in found:
        rows[os.path.normpath(base / row.file)].append(row)
    return Listed(file, rows)


def _find(bases: Sequence[Path], name: str) -> Path | None:
    return next((base / name for base in bases if _is_there(base, name)), None)


def _is_there(base: Path, name: str) -> bool:
    """Whether a file is there by a name that does not lead out of its folder."""
    if not name or ".." in PurePosixPath(name).parts:
        return False
    try:
        return (base / name).is_file()
    except (OSError, ValueError):  # a name too long, or with a null character
        return False


def _boxes(path: Path, known: FieldData, listed: Listed) -> Iterator[Given]:
    """Each box of a picture; one answer that says why there is none."""
    rows = listed.of(path)
    if not rows:
        yield Given(str(path), path, known, f"{listed.file.name} does not list it", is_empty=True)
    for row in rows:
        kind = row.known.further.get(DETECTION)
        of_box = replace(known, box=row.known.box, further={**known.further, **row.known.further})
        if row.left_out:
            yield Given(str(path), path, of_box, row.left_out)
        elif row.known.box is None:
            yield Given(str(path), path, of_box, "no box", is_empty=True)
        else:
            other = "" if kind in (None, ANIMAL) else f"a box of another kind: {kind}"
            yield Given(str(path), path, of_box, other, is_empty=bool(other))
