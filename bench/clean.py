"""The stage `clean` against cleanvision, and against itself before it decoded coarsely: `python bench/clean.py`.

cleanvision finds the same on the same originals with as many processes: unreadable, odd-sized, dark, light, blurred,
grey, exactly and nearly equal pictures; `clean` also writes the small copies. The earlier version is a commit of this
repository, which git unpacks; it is left out where the history does not reach so far.
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT, Figure, cores, in_turn, ratio_of, report, seconds
from photos import photos

COMPARED = (
    "the stage clean against cleanvision's checks and against itself before, same originals and number of processes"
)
ROUNDS = 2
PHOTOS = {"1 to 3 megapixels": ((1.0, 3.0), 120), "12 megapixels": ((12.0, 12.0), 60)}
GOALS = {"1 to 3 megapixels": (4.0, None), "12 megapixels": (15.0, 4.0)}  # against cleanvision, and against before
BEFORE = "c5462df"  # decoded every pixel and hashed them all


def measure() -> list[Figure]:
    """Photos of two sizes."""
    figures = []
    with tempfile.TemporaryDirectory() as temporary:
        before = unpacked(BEFORE, Path(temporary))
        for name, (megapixels, per_label) in PHOTOS.items():
            folder = photos(megapixels, per_label)
            count = sum(1 for file in folder.rglob("*.jpg"))
            goals = GOALS[name]
            pairs = in_turn(
                lambda folder=folder: stage(ROOT, folder), lambda folder=folder: cleanvision(folder), ROUNDS
            )
            figures.append(figure(f"{name}, against cleanvision", pairs, count, goals[0]))
            if before:
                pairs = in_turn(
                    lambda folder=folder: stage(ROOT, folder), lambda folder=folder: stage(before, folder), ROUNDS
                )
                figures.append(figure(f"{name}, against {BEFORE}", pairs, count, goals[1]))
    return figures


def figure(name: str, pairs: list[tuple[float, float]], count: int, goal: float | None) -> Figure:
    """How many times as fast the stage is."""
    ours, theirs = (count / min(times) for times in zip(*pairs, strict=True))
    detail = f"{ours:.1f} against {theirs:.1f} pictures/s, best of {ROUNDS}; {count} photos, {cores()} processes"
    return Figure(name, ratio_of(pairs), goal, detail=detail)


def unpacked(commit: str, folder: Path) -> Path | None:
    """A commit of this repository in a folder; None where git does not have it."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        return None
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


def stage(checkout: Path, folder: Path) -> float:
    """Seconds of the stage, with the source of this checkout."""
    script = [sys.executable, str(ROOT / "bench" / "clean_stage.py"), str(checkout), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    done = subprocess.run(script, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def cleanvision(folder: Path) -> float:
    """Seconds of all of cleanvision's checks."""
    from cleanvision import Imagelab

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        lab = Imagelab(data_path=str(folder))
        return seconds(lambda: lab.find_issues(n_jobs=cores(), verbose=False))


if __name__ == "__main__":
    report(measure)
