"""Taking frames out of a video, in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import IO

from fieldguide.data.moments import offset_of, with_offset

PATIENCE = 900  # seconds by the clock for a video: those of the processor are bounded in the process
MAX_BYTES = 2**28  # of a frame
OF_FRAMES = (sys.executable, "-P", "-m", "fieldguide.data.videos.frame_process")
STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d+)?")


class VideoError(Exception):
    """Why no frames come from a video, or no further ones."""


@dataclass(frozen=True)
class Frame:
    """A frame as a JPEG file, upright; how many seconds after the first one; and when that was, by the file."""

    jpeg: bytes
    seconds: float
    start: datetime | None

    @property
    def time(self) -> datetime | None:
        """When it was taken, by what the file says."""
        return None if self.start is None else self.start + timedelta(seconds=self.seconds)


def read_frames(file: Path, every: float) -> Iterator[Frame]:
    """The first frame of a video, and the first one in each further `every` seconds, as they are decoded.

    The same file gives the same bytes. Memory, processor time, size and number of frames are bounded; nothing but this
    file is read, whatever it refers to.

    Raises
    ------
    VideoError
        If there are none, or after those that came if the rest is damaged or too much.
    """
    try:
        video = file.open("rb")
    except OSError as error:
        raise VideoError(error.strerror or str(error)) from None
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": path}
    with (
        video,
        subprocess.Popen(
            [*OF_FRAMES, str(every)], stdin=video, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as process,
    ):
        timer = Timer(PATIENCE, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            yield from _read(process.stdout)
        except (ValueError, KeyError, TypeError):  # it died: nothing, or half an answer
            process.kill()
            raise VideoError(_death(process.wait(), late=not timer.is_alive())) from None
        finally:
            timer.cancel()
            process.kill()


def _read(told: IO[bytes]) -> Iterator[Frame]:
    start = None
    while "end" not in (what := json.loads(told.readline())):
        if "times" in what:
            start = start_of(what["times"])
            continue
        size = int(what["bytes"])
        jpeg = told.read(size) if 0 < size <= MAX_BYTES else b""
        if len(jpeg) < size:
            raise ValueError("half a frame")
        yield Frame(jpeg, float(what["seconds"]), start)
    if what["end"]:
        raise VideoError(str(what["end"]))


def start_of(said: Mapping[str, str]) -> datetime | None:
    """When a video begins, in seconds by the camera's own clock, from the metadata of its file.

    Most cameras write that clock, phones write UTC: it is moved, and has an offset, where the file tells that.
    """
    local = str(said.get("com.apple.quicktime.creationdate") or "")
    text = local or str(said.get("creation_time") or said.get("date") or "")
    found = STAMP.match(text)
    try:
        time = datetime(*map(int, found.groups())) if found else None  # type: ignore[arg-type]
    except ValueError:
        return None
    if time is None or found is None or time.year < 1971:  # a clock that was never set
        return None
    if local:
        return with_offset(time, local[found.end() :])
    offset = offset_of(str(said.get("com.samsung.android.utc_offset", "")))
    try:
        return time if offset is None else time.replace(tzinfo=UTC).astimezone(offset)
    except OverflowError:  # in the last hours of the year 9999
        return time


def _death(code: int, late: bool) -> str:
    if late or code == -getattr(signal, "SIGXCPU", 0):
        return "decoding it took too long"
    if code == -getattr(signal, "SIGKILL", 9):
        return "decoding it was ended by the system: it takes too much memory"
    return f"its decoder crashed (exit code {code})"
