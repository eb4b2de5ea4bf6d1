"""What was measured of clean copies, kept by their hashes outside DVC's outputs: none is measured twice.

It is safe to delete. What is missing, damaged, or of other settings, code or libraries is measured again.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fieldguide.base.files import read_text, write_text

Values = dict[str, Any]  # of each copy, by its sha256, as JSON holds them


@contextmanager
def kept_measurements(file: Path, origin: str) -> Iterator[Values]:
    """Yield what is kept in a file, while no other process has it; what is added to it meanwhile is kept too.

    Parameters
    ----------
    origin
        What else the values follow from. Those of another origin are not yielded, and are replaced.
    """
    from filelock import FileLock  # not part of the light install, which keeps nothing

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.parent.resolve().with_suffix(".lock")):
        known = _read(file, origin)
        count = len(known)
        yield known
        if len(known) > count:
            text = json.dumps(known)
            write_text(file, f"{_digest(origin, text)}\n{text}")


def _read(file: Path, origin: str) -> Values:
    try:
        digest, text = read_text(file).split("\n", 1)
    except (FileNotFoundError, ValueError):
        return {}
    known: Values = json.loads(text) if _digest(origin, text) == digest else {}
    return known


def _digest(origin: str, text: str) -> str:
    return hashlib.sha256(f"{origin}\n{text}".encode()).hexdigest()
