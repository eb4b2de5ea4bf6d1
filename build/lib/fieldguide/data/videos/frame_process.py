"""The process in which `frames` has a video decoded: memory and processor time are bounded, and it may die.

The video is its stdin, the distance of the frames in seconds its argument. It writes to stdout, each after a line of
JSON: what the file says of its time; the frames, as JPEG; and how it ended. Nothing is found by name: a video that
refers to other files or addresses gets nothing of them.
"""

import io
import json
import sys
from typing import TYPE_CHECKING, Any

from PIL import Image

from fieldguide.data.decoding.decoder import reason_of
from fieldguide.data.decoding.decoder_process import bound_resources
from fieldguide.data.videos.kinds import HEAD, READ, format_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MEMORY = 1_500 * 2**20  # bytes: a few frames of 8K
SECONDS = 300  # of the processor for a video
MAX_MEGAPIXELS = 64  # of a frame
MAX_FRAMES = 1000
MAX_PIXELS = 10e9  # of all frames: a thousand of 4K
ROUNDING = 0.002  # seconds
TIMES = ("com.apple.quicktime.creationdate", "creation_time", "com.samsung.android.utc_offset", "date")
MISSING = "a video: install fieldguide[video] to take its frames (pip install 'fieldguide[video]')"
UPRIGHT = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


class VideoFault(Exception):
    """Why no further frames come."""


def main() -> None:
    """Decode the video on stdin."""
    bound_resources(MEMORY, SECONDS)
    try:
        _decode(float(sys.argv[1]))
        _tell({"end": ""})
    except VideoFault as fault:
        _tell({"end": str(fault)})
    except MemoryError:
        _tell({"end": "decoding it takes too much memory"})
    except Exception as error:  # a decoder may raise anything on hostile bytes
        _tell({"end": f"it is damaged: {getattr(error, 'strerror', None) or reason_of(error)}"})


def _decode(every: float) -> None:
    head = sys.stdin.buffer.read(HEAD)
    kind = format_of(head)
    if not head:
        raise VideoFault("the file is empty")
    if kind is None:
        raise VideoFault(f"not a video that fieldguide reads ({', '.join(READ)})")
    sys.stdin.buffer.seek(0)
    try:
        import av
    except ImportError:
        raise VideoFault(MISSING) from None
    with av.open(sys.stdin.buffer, format=kind, metadata_errors="replace") as container:
        stream = container.streams.best("video")
        if stream is None:
            raise VideoFault("a video without pictures")
        if stream.width * stream.height > MAX_MEGAPIXELS * 1e6:
            raise VideoFault(f"{stream.width} x {stream.height} pixels, allowed are {MAX_MEGAPIXELS} megapixels")
        stream.thread_count = 1  # with several, what is left of a damaged frame depends on chance
        _tell({"times": {name: container.metadata[name] for name in TIMES if name in container.metadata}})
        _take(container, stream, every)


def _take(container: "InputContainer", stream: "VideoStream", every: float) -> None:
    """Tell the first frame and then the first one in each further `every` seconds.

    It jumps to the next one as long as that saves decoding those in between.
    """
    first, last, wanted, count, jumps = None, None, 0.0, 0, True
    frames = container.decode(stream)
    while (frame := next(frames, None)) is not None:
        if (time := frame.time) is None:
            raise VideoFault("its frames have no time")
        first = time if first is None else first
        if last is not None and time <= last:
            jumps = False  # the last jump led back: keyframes are further apart than what is wanted
        seconds = time - first
        if seconds < wanted - ROUNDING or frame.is_corrupt:
            continue
        if count == MAX_FRAMES or (count + 1) * frame.width * frame.height > MAX_PIXELS:
            raise VideoFault(f"only its first {count} frames were taken: take fewer with `video_every`")
        _tell_frame(seconds, frame)
        count, last = count + 1, time
        wanted = every * (int((seconds + ROUNDING) / every) + 1)
        if jumps and stream.time_base is not None:
            container.seek(int((first + wanted) / stream.time_base), stream=stream)
            frames = container.decode(stream)
    if not count:
        raise VideoFault("a video without a whole frame")


def _tell_frame(seconds: float, frame: "VideoFrame") -> None:
    image = frame.to_image()  # type: ignore[no-untyped-call]
    turn = UPRIGHT.get(round(frame.rotation) % 360)
    jpeg = io.BytesIO()
    (image if turn is None else image.transpose(turn)).save(jpeg, "JPEG", quality=95, subsampling=0)
    _tell({"seconds": round(seconds, 2), "bytes": len(jpeg.getvalue())}, jpeg.getvalue())


def _tell(what: dict[str, Any], content: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(what).encode() + b"\n" + content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
