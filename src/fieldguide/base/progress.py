"""How far a long task is, and how long it will still take: a bar on a terminal, a line every 30 seconds elsewhere.

What is done within two seconds shows nothing. Of tasks within one another the innermost is shown. All of it is on
stderr, so that what a command prints can be piped. The variable TQDM_DISABLE, which tqdm knows too, switches it off.
"""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

Item = TypeVar("Item")

DELAY, REDRAWN_EVERY = 2.0, 1.0  # seconds: of a bar
LINE_EVERY = 30.0  # seconds
LINE = re.compile(r"[^:]+: (\d+ of \d+ \w+, about .+ left|working for .+)")  # as `Progress.line` writes it
STAGE = re.compile(r"Running stage '(.+)':")  # of DVC
WORKING = "{desc}: working, {elapsed}"

_shown: "list[Progress]" = []  # those that are at work, the innermost last


class Progress:
    """The progress of one task, shown until the block ends or it is closed; it is moved by `update`.

    Parameters
    ----------
    task
        A few words.
    total
        How much there is to do; None if nobody knows: then it is said how long the work has taken.
    unit
        What is counted, in the plural.
    done
        How much is done already.
    """

    def __init__(self, task: str, total: int | None = None, unit: str = "pictures", done: int = 0) -> None:
        self.task, self.total, self.unit = task, total, unit
        self.done = done
        self.start = time.monotonic()
        self._first: tuple[float, int] | None = None  # when, and how much was done then: what comes before is starting
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._bar = self._make_bar() if sys.stderr.isatty() else None
        if _shown:
            _shown[-1].hide()
        _shown.append(self)
        if not os.environ.get("TQDM_DISABLE"):
            self._thread.start()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, count: int = 1) -> None:
        """So much more is done."""
        self.done += count
        self._first = self._first or (time.monotonic(), self.done)
        if self._bar is not None:
            self._bar.update(count)

    def say(self, text: str) -> None:
        """Print a line to stdout that the bar does not run into."""
        if self._bar is not None:
            self._bar.write(text)
        else:
            print(text, flush=True)

    def hide(self) -> None:
        """Take the bar away, for output or for a task within this one."""
        if self._bar is not None and self._is_due():
            self._bar.clear()

    def close(self) -> None:
        """End it, and what an error has left open within it; to be called once or more."""
        if self._ended.is_set():
            return
        self._ended.set()
        if self in _shown:
            for inner in _shown[_shown.index(self) + 1 :]:
                inner.close()
            _shown.remove(self)
        if self._bar is not None:
            self._bar.close()

    @property
    def is_closed(self) -> bool:
        """Whether it has ended: nobody waits for the rest."""
        return self._ended.is_set()

    def line(self) -> str:
        """How far it is, in words."""
        now = time.monotonic()
        if self.total is None:
            return f"{self.task}: working for {duration(now - self.start)}"
        since, before = self._first or (now, self.done)
        new = self.done - before
        left = duration((now - since) * (self.total - self.done) / new) if new else "an unknown time"
        return f"{self.task}: {self.done} of {self.total} {self.unit}, about {left} left"

    def _is_due(self) -> bool:
        return time.monotonic() - self.start >= DELAY

    def _make_bar(self) -> "tqdm[Any]":
        from tqdm import tqdm  # only where a bar is shown

        bar: tqdm[Any] = tqdm(
            desc=self.task,
            total=self.total,
            unit=f" {self.unit}",
            initial=self.done,
            delay=DELAY,
            leave=self.total is not None,
            bar_format=None if self.total is not None else WORKING,
        )
        return bar

    def _show(self) -> None:
        """Also while nothing moves, from a thread of its own."""
        while not self._ended.wait(LINE_EVERY if self._bar is None else REDRAWN_EVERY):
            if _shown[-1:] != [self]:
                continue
            if self._bar is None:
                print(self.line(), file=sys.stderr, flush=True)
            elif self._is_due():
                self._bar.refresh()


def progress(items: Iterable[Item], task: str, total: int | None = None, unit: str = "pictures") -> Iterator[Item]:
    """The items, with progress; `total` is their number where they do not know it themselves."""
    count = len(items) if total is None and isinstance(items, Sized) else total
    with Progress(task, count, unit) as shown:
        for item in items:
            yield item
            shown.update()


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def relay(log: Path, start: int, who: str) -> Callable[[], None]:
    """A function that passes on what was added to a log since the last call: the progress of stages, as `who`'s own."""
    place = start

    def pass_on() -> None:
        nonlocal place
        with log.open("rb") as file:
            file.seek(place)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        place += len(whole)
        for text in re.split(r"[\r\n]+", whole.decode("utf-8", errors="replace")):
            if found := STAGE.fullmatch(text):
                print(f"{who}: stage {found[1]}", file=sys.stderr, flush=True)
            elif LINE.fullmatch(text):
                print(f"{who}: {text}", file=sys.stderr, flush=True)

    return pass_on
