"""Work that takes longer than a page waits: done in a thread, with progress."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock, Thread
from typing import Generic, TypeVar

from fieldguide.app.reloading import FileState, file_state, is_changed
from fieldguide.base.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Background(Generic[Result]):
    """The result of `work`, which is started when it is first asked for, and again when `files` have changed.

    `work` gets what counts its steps and has the result of the time before.
    """

    def __init__(self, work: Callable[["Background[Result]"], Result], files: Sequence[Path] = ()) -> None:
        self._work, self._files, self._lock, self._thread = work, files, Lock(), Thread()
        self._states: list[FileState | None] = []
        self.done, self.total = 0, 0
        self.result: Result | None = None
        self.previous: Result | None = None
        self.error = ""

    def start(self) -> None:
        """Start the work, unless it is under way or done."""
        with self._lock:
            states = [file_state(file) for file in self._files]
            if not self._thread.is_alive() and (self.result is None or is_changed(self._states, states)):
                self._begin(states)

    def again(self) -> None:
        """Start the work anew, unless it is under way."""
        with self._lock:
            if not self._thread.is_alive():
                self._begin([file_state(file) for file in self._files])

    def finished(self) -> Result | None:
        """The result, None while it is worked on. Raises UserError if the work failed; the next call tries again."""
        if self.error and not self._thread.is_alive():
            error, self.error = self.error, ""
            raise UserError(error)
        self.start()
        return self.result

    def wait(self) -> Result:
        """The result. Raises UserError if the work failed."""
        while (found := self.finished()) is None:
            self._thread.join()
        return found

    def counted(self, items: Iterable[Item], total: int) -> Iterator[Item]:
        """The items, each counted when it is done."""
        self.done, self.total = 0, total
        for item in items:
            yield item
            self.done += 1

    def _begin(self, states: list[FileState | None]) -> None:
        self.previous, self.result = self.result or self.previous, None
        self._states, self.done, self.total, self.error = states, 0, 0, ""
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work(self)
        except UserError as error:
            self.error = str(error)
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            raise
