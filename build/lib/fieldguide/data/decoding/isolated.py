"""Decoding in a process of its own, which is kept for the next picture and replaced when it dies."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import Any

from PIL import Image

from fieldguide.data.decoding.identity import DIGITS
from fieldguide.data.decoding.picture import STRIP, Picture, PictureError
from fieldguide.data.status import Status

MEMORY = 1_300 * 2**20  # bytes for a picture: 150 megapixels with their alpha
SECONDS = 10  # of the processor for a picture
# Seconds by the clock: where the processor's are bounded only for what waits without working, since on a busy machine
# a whole picture must not become too slow.
PATIENCE = (12 if sys.platform != "win32" else 2) * SECONDS
ID = re.compile(f"[0-9a-f]{{{DIGITS}}}")
PIPE = 2**20  # bytes: with less, the two processes would wake one another often
GUARD = (sys.executable, "-P", "-m", "fieldguide.data.decoding.decoder_process")

_idle: list[subprocess.Popen[bytes]] = []  # threads take one each
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # two processes cannot talk to one guard


def decode_guarded(
    file: Path | bytes, max_megapixels: float, depth: int | None = None, max_side: int | None = None
) -> Picture:
    """Decode a file, or its bytes, as `decode` does, within bounds on memory and time.

    Raises PictureError, also TOO_LARGE and TOO_SLOW where a bound is met, and UNREADABLE where the decoder crashes.
    """
    guard = _idle.pop() if _idle else _start()
    timer = Timer(PATIENCE, guard.kill)
    timer.start()
    try:
        picture = _ask(guard, file, max_megapixels, depth, max_side)
    except (OSError, ValueError, KeyError):  # it died: nothing, or half an answer
        guard.kill()
        late = not timer.is_alive()
        raise _death(guard.wait(), late) from None
    except PictureError:
        _idle.append(guard)
        raise
    except BaseException:
        guard.kill()
        raise
    finally:
        timer.cancel()
    _idle.append(guard)
    return picture


def _start() -> subprocess.Popen[bytes]:
    # Of the decoders' own words on stderr (libtiff's have no end) what matters comes back as the reason.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        GUARD,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
        pipesize=PIPE,
    )


def _ask(
    guard: subprocess.Popen[bytes], file: Path | bytes, max_megapixels: float, depth: int | None, max_side: int | None
) -> Picture:
    asked, answered = guard.stdin, guard.stdout
    assert asked is not None and answered is not None
    content = file if isinstance(file, bytes) else b""
    path = None if isinstance(file, bytes) else str(file.absolute())
    question = {
        "path": path,
        "bytes": len(content),
        "max_megapixels": max_megapixels,
        "depth": depth,
        "max_side": max_side,
        "memory": MEMORY,
        "seconds": SECONDS,
    }
    asked.write(json.dumps(question).encode() + b"\n" + content)
    asked.flush()
    details: dict[str, Any] = json.loads(answered.readline())
    if "status" in details:
        raise PictureError(Status(details["status"]), str(details["reason"]))
    (width, height), (whole_width, whole_height) = details["shown"], details["size"]
    if not 0 < width * height <= max_megapixels * 1e6 or not ID.fullmatch(details["id"]):
        raise ValueError(f"{width} x {height}")
    image = Image.new("RGB", (width, height))
    for top in range(0, height, STRIP):
        rows = min(STRIP, height - top)
        image.paste(Image.frombytes("RGB", (width, rows), answered.read(3 * width * rows)), (0, top))
    size = (int(whole_width), int(whole_height))
    return Picture(image, details["id"], size, int(details["depth"]), str(details["note"]), str(details["wide"]))


def _death(code: int, late: bool) -> PictureError:
    if late or code == -getattr(signal, "SIGXCPU", 0):
        return PictureError(Status.TOO_SLOW, "decoding it took too long")
    if code == -getattr(signal, "SIGKILL", 9):
        return PictureError(Status.TOO_LARGE, "decoding it was ended by the system: it takes too much memory")
    return PictureError(Status.UNREADABLE, f"its decoder crashed (exit code {code})", lasting=False)
