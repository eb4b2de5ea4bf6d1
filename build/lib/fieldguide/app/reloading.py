"""What is made of files, made again when one of them has changed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

Content = TypeVar("Content")


class Reloaded(Generic[Content]):
    """What `load` makes of files; several threads may ask for it."""

    def __init__(self, load: Callable[[], Content], files: Sequence[Path]) -> None:
        self._load, self._files, self._lock = load, files, Lock()
        self._made: tuple[object, Content] | None = None

    def now(self) -> Content:
        """The content of the files as they are now. Raises what `load` raises."""
        with self._lock:
            state = [_state(file) for file in self._files]
            if self._made is None or self._made[0] != state:
                self._made = (state, self._load())
            return self._made[1]


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
