"""What cleaning a file, or a box of it, gave, kept by the file's hash outside DVC's outputs: none is decoded twice.

It is safe to delete. What is missing, damaged, or of other settings, code or libraries is made again.
"""

import hashlib
import json
import os
import platform
import shutil
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fieldguide.base.config import CleanConfig
from fieldguide.data.cropping import Box

LIBRARIES = ("pillow", "simplejpeg", "pillow-heif", "numpy", "scipy", "imagehash")
SETTINGS = 3  # so many are kept, the last used; each takes about as much space as data/clean

Cleaned = tuple[dict[str, Any], bytes]  # the columns that follow from the file alone, and its clean copy (b"": none)


def cache_folder(root: Path, clean: CleanConfig) -> Path:
    """The folder below `root` for these settings, made if it is missing; of other settings the oldest go."""
    settings = {**asdict(clean), "min_side": 0}  # is applied to what is kept
    folder = root / hashlib.sha256(f"{json.dumps(settings, sort_keys=True)}\n{_code()}".encode()).hexdigest()[:32]
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    others = sorted((path for path in root.iterdir() if path != folder), key=lambda path: path.stat().st_mtime_ns)
    for old in others[: max(0, len(others) - SETTINGS + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def read_cleaned(folder: Path, sha256: str, depth: int | None, box: Box | None) -> Cleaned | None:
    """What is kept of a box of the file with this hash, or of all of it, read at this depth.

    None if there is nothing, or if it is damaged.
    """
    try:
        digest, content = _file(folder, sha256, depth, box).read_bytes().split(b"\n", 1)
    except (FileNotFoundError, ValueError):
        return None
    if hashlib.sha256(content).hexdigest().encode() != digest:
        return None
    row, copy = content.split(b"\n", 1)
    return json.loads(row), copy


def keep_cleaned(folder: Path, sha256: str, depth: int | None, box: Box | None, cleaned: Cleaned) -> None:
    """Keep what cleaning the box of the file gave, or all of it."""
    row, copy = cleaned
    content = json.dumps(row).encode() + b"\n" + copy
    file = _file(folder, sha256, depth, box)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")  # two processes may clean the same bytes
    partial.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    partial.replace(file)


def _file(folder: Path, sha256: str, depth: int | None, box: Box | None) -> Path:
    of_box = "" if box is None else f"-box-{hashlib.sha256(repr(box).encode()).hexdigest()[:32]}"
    return folder / sha256[:2] / f"{sha256}{'' if depth is None else f'-{depth}'}{of_box}"


@cache
def _code() -> str:
    """What else a clean copy follows from: the code of this room, libraries, and the kind of machine."""
    room = Path(__file__).parent
    code = hashlib.sha256()
    for path in sorted(room.rglob("*.py")):
        code.update(f"{path.relative_to(room).as_posix()}\n".encode() + path.read_bytes())
    versions = [f"{name} {_version(name)}" for name in LIBRARIES]
    return "\n".join([code.hexdigest(), *versions, platform.python_version(), platform.machine()])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # an extra
        return "not installed"
