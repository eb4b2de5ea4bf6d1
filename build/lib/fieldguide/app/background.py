"""Work that takes longer than a page waits: done in a thread, with progress."""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock, Thread
from typing import Generic, TypeVar

from fieldguide.base.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Background(Generic[Result]):
    """The result of `work`, which is started when it is first asked for; `work` gets what counts its steps."""

    def __init__(self, work: Callable[["Background[Result]"], Result]) -> None:
        self._work, self._lock, self._thread = work, Lock(), Thread()
        self.done, self.total = 0, 0
        self.result: Result | None = None
        self.error = ""

    def start(self) -> None:
        """Start the work, unless it is under way or done."""
        with self._lock:
            if self.result is None and not self._thread.is_alive():
                self.done, self.total, self.error = 0, 0, ""
                self._thread = Thread(target=self._run, daemon=True)
                self._thread.start()

    def finished(self) -> Result | None:
        """The result, None while it is worked on. Raises UserError if the work failed; the next call tries again."""
        if self.error and not self._thread.is_alive():
            error, self.error = self.error, ""
            raise UserError(error)
        self.start()
        return self.result

    def wait(self) -> Result:
        """The result. Raises UserError if the work failed."""
        self.start()
        while self._thread.is_alive():
            self._thread.join()
        found = self.finished()
        assert found is not None
        return found

    def counted(self, items: Iterable[Item], total: int) -> Iterator[Item]:
        """The items, each counted when it is done."""
        self.done, self.total = 0, total
        for item in items:
            yield item
            self.done += 1

    def _run(self) -> None:
        try:
            self.result = self._work(self)
        except UserError as error:
            self.error = str(error)
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            raise
