"""What the measurements share: the shape of a figure, timing in turn, and a folder to train in."""

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"  # photos and weights of the maintainers; not part of the repository
NETWORKS = ("tiny", "resnet18", "mobilenetv2_100")


@dataclass(frozen=True)
class Figure:
    """One measured figure: a ratio of two things timed in turn ("times") or seconds ("s"), and its goal.

    A goal is the least that is good enough, or the most where `at_most`. `detail` says what the ratio is made of.
    """

    name: str
    value: float
    goal: float | None = None
    at_most: bool = False
    unit: str = "times"
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return bool(self.value <= self.goal if self.at_most else self.value >= self.goal)  # of NumPy too


class Skipped(Exception):
    """A measurement that cannot be made here; the message says why."""


def report(measure: Callable[[], Sequence[Figure]]) -> None:
    """Run a measurement and print its figures."""
    try:
        for figure in measure():
            print(line_of(figure))
    except Skipped as reason:
        print(f"skipped: {reason}")


def line_of(figure: Figure) -> str:
    """A figure as one line of text."""
    return f"{figure.name}: {value_of(figure)}{goal_of(figure)}  ({figure.detail})"


def value_of(figure: Figure) -> str:
    """A figure's value with its unit."""
    return f"{figure.value:.2f} {figure.unit}"


def goal_of(figure: Figure) -> str:
    """A figure's goal in words, with the verdict."""
    if figure.goal is None:
        return ""
    bound = "at most" if figure.at_most else "at least"
    return f", goal {bound} {figure.goal:g}, {'met' if figure.met else 'MISSED'}"


def seconds(action: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def processor_seconds(action: Callable[[], object]) -> float:
    """How long a call's processes keep a processor busy: what others do on the machine matters less."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    action()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turn(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> list[tuple[float, float]]:
    """Seconds of both, measured in turn, so that a busy machine slows both alike."""
    return [(ours(), theirs()) for _ in range(rounds)]


def ratio_of(pairs: Sequence[tuple[float, float]]) -> float:
    """How many times as fast ours is: the median over the pairs of seconds."""
    return statistics.median(theirs / ours for ours, theirs in pairs)


def shared(*parts: str) -> Path:
    """A file or folder of the maintainers; skips the measurement where it is missing."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        raise Skipped(f"../shared/{'/'.join(parts)} is missing")
    return path


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def training_folder(train: int, valid: int = 32) -> Iterator[Path]:
    """A root with so many of this checkout's cleaned pictures in its split; skips where `make repro` has not run."""
    import pandas as pd

    from fieldguide.base.paths import Paths
    from fieldguide.data.table import SPLIT, read_table, write_table

    here = Paths(ROOT)
    if not here.split_table.is_file() or not here.clean.is_dir():
        raise Skipped("no cleaned pictures in this checkout: run `make repro` first")
    table = read_table(here.split_table, SPLIT)
    known = table[table["split"] != "left_out"]
    picked = pd.concat([known] * (1 + (train + valid) // len(known)), ignore_index=True)[: train + valid]
    picked["split"] = ["train"] * train + ["valid"] * valid
    with tempfile.TemporaryDirectory() as folder:
        root = Paths(Path(folder))
        for name in ("conf", "params.yaml"):
            (root.root / name).symlink_to(ROOT / name)
        root.split_table.parent.mkdir()
        root.clean.symlink_to(here.clean)
        write_table(picked, root.split_table, SPLIT)
        yield root.root
