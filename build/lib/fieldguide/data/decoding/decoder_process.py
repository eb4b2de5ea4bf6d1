"""The process in which `isolated` has a file decoded: memory and processor time are bounded, and it may die.

It is asked on stdin: a line of JSON and perhaps the file's bytes. It answers on stdout: a line of JSON and perhaps the
rows of the picture. JSON, since what decoded hostile bytes is not to be believed more than these.
"""

import io
import json
import os
import sys
import time
from typing import IO, Any, BinaryIO

import psutil

from fieldguide.data.decoding.decoder import decode, reason_of
from fieldguide.data.decoding.picture import STRIP, PictureError
from fieldguide.data.status import Status

try:
    import resource
except ImportError:  # Windows: only the asking process's clock bounds it
    resource = None  # type: ignore[assignment]

IDLE = psutil.Process().memory_info().vms  # bytes


def main() -> None:
    """Answer until the asking process closes the pipe, or goes."""
    asked, answered = sys.stdin.buffer, sys.stdout.buffer
    while line := asked.readline():
        question = json.loads(line)
        content = asked.read(question["bytes"])
        bound_resources(question["memory"], question["seconds"])
        _answer(question, content, answered)
        answered.flush()


def _answer(question: dict[str, Any], content: bytes, answered: IO[bytes]) -> None:
    try:
        with _stream(question["path"], content) as stream:
            picture = decode(stream, question["max_megapixels"], question["depth"], question["max_side"])
    except PictureError as error:
        answered.write(json.dumps({"status": error.status, "reason": str(error)}).encode() + b"\n")
        return
    except OSError as error:
        answered.write(json.dumps({"status": Status.UNREADABLE, "reason": reason_of(error)}).encode() + b"\n")
        return
    image = picture.image
    details = {name: value for name, value in vars(picture).items() if name != "image"}
    answered.write(json.dumps({**details, "shown": image.size}).encode() + b"\n")
    for top in range(0, image.height, STRIP):
        answered.write(image.crop((0, top, image.width, min(top + STRIP, image.height))).tobytes())


def _stream(path: str | None, content: bytes) -> BinaryIO:
    return io.BytesIO(content) if path is None else open(os.fsdecode(path), "rb")  # noqa: PTH123


def bound_resources(memory: int, seconds: int) -> None:
    """From now on: so many bytes beyond what the process takes idle, so many seconds of the processor; then it dies."""
    if resource is None:
        return
    for kind, limit in ((resource.RLIMIT_AS, IDLE + memory), (resource.RLIMIT_CPU, int(time.process_time()) + seconds)):
        resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


if __name__ == "__main__":
    main()
