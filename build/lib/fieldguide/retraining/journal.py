"""The steps that a job has done, on disk after every one, so that the next call knows where a killed one was."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fieldguide.base.files import read_json, write_json

OPEN = "open"


class Journal:
    """The journal of one job: `content` is that of journal.json, changed by `note` only."""

    def __init__(self, folder: Path, content: dict[str, Any]) -> None:
        self.folder = folder
        self.content = content

    @property
    def name(self) -> str:
        """The job's number, four digits."""
        return self.folder.name

    @property
    def worktree(self) -> Path:
        """Where the job's pipeline runs."""
        return self.folder / "worktree"

    def get(self, fact: str) -> Any:
        """The last value recorded under this name, or None."""
        return self.content.get(fact)

    def note(self, **facts: Any) -> None:
        """Record facts, completely or not at all."""
        write_json(self.folder / "journal.json", {**self.content, **facts})
        self.content |= facts

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step, and record its seconds when the block ends without an error."""
        start = time.monotonic()  # a clock that is never set back
        yield
        self.took(name, time.monotonic() - start)

    def took(self, name: str, seconds: float) -> None:
        """Record a step's seconds; several calls add up."""
        before = self.content.get("seconds", {})
        self.note(seconds={**before, name: round(before.get(name, 0.0) + seconds, 2)})


def jobs(folder: Path) -> list[Journal]:
    """All jobs that left a journal below `folder`, the oldest first."""
    files = [file for file in folder.glob("*/journal.json") if file.parent.name.isdecimal()]
    return [Journal(file.parent, read_json(file)) for file in sorted(files, key=lambda file: int(file.parent.name))]


def open_job(folder: Path, taken: set[str]) -> Journal:
    """The job that was killed before its end, or a new one with the next number that is not among `taken`."""
    known = jobs(folder)
    if known and known[-1].get("status") == OPEN:
        return known[-1]
    used = [int(name) for name in {*taken, *(job.name for job in known)}]
    job = Journal(folder / f"{max(used, default=0) + 1:04d}", {})
    job.note(status=OPEN)
    return job
