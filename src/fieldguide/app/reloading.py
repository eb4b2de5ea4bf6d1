"""What is made of files, made again when one of them has changed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from fieldguide.base.errors import UserError

Content = TypeVar("Content")
FileState = tuple[int, int, int]


class NotYet(UserError):
    """Something cannot be told as long as a file is missing that a stage of the pipeline writes."""


class Reloaded(Generic[Content]):
    """What `load` makes of files; several threads may ask for it."""

    def __init__(self, load: Callable[[], Content], files: Sequence[Path]) -> None:
        self._load, self._files, self._lock = load, files, Lock()
        self._made: tuple[list[FileState | None], Content] | None = None

    def now(self) -> Content:
        """The content of the files as they are now, or were: stages remove what they write anew.

        Raises what `load` raises, and NotYet for a UserError while a file is missing.
        """
        with self._lock:
            states = [file_state(file) for file in self._files]
            if self._made is None or is_changed(self._made[0], states):
                try:
                    self._made = (states, self._load())
                except UserError as error:
                    if None in states:
                        raise NotYet(str(error)) from None
                    raise
            return self._made[1]


def is_changed(before: Sequence[FileState | None], now: Sequence[FileState | None]) -> bool:
    """Whether files are others than they were; not while one of them is away."""
    is_away = any(new is None and old is not None for old, new in zip(before, now, strict=True))
    return not is_away and list(before) != list(now)


def file_state(file: Path) -> FileState | None:
    """What changes when a file does; None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
