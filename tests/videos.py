"""Videos whose frames tell their number."""

from fractions import Fraction
from pathlib import Path

import numpy as np


def video(
    path: Path, codec: str = "mpeg4", count: int = 40, rate: int = 2, gop: int = 12, said: dict[str, str] | None = None
) -> Path:
    """A video whose frame number n is grey, 40 + 3 n, with a white corner at the left top."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"} if path.suffix == ".mp4" else {}) as made:
        made.metadata.update(said or {})
        stream = made.add_stream(codec, rate=rate)
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 2_000_000
        stream.gop_size = gop
        for number in range(count):
            pixels = np.full((64, 96, 3), 40 + 3 * number, np.uint8)
            pixels[:16, :16] = 255
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return path
