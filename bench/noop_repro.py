"""How long `dvc repro` takes when nothing has changed, against as many trivial stages: `python bench/noop_repro.py`.

Run it in a checkout after `make repro`. The two are timed in turn, so that a busy machine slows both alike.
"""

import statistics
import subprocess
import tempfile
from pathlib import Path

import yaml

from common import ROOT, Figure, Skipped, in_turn, processor_seconds, report

COMPARED = "`dvc repro` with nothing to do, against as many trivial stages"
ROUNDS = 5


def measure() -> list[Figure]:
    """How many times as long as the trivial stages it takes."""
    status = subprocess.run(["dvc", "status", "-q"], cwd=ROOT, check=False)
    if status.returncode:
        raise Skipped("there is something to do in this checkout: run `make repro` first")
    stages = len(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder)
        make_bare(bare, stages)
        repro(bare)
        pairs = in_turn(
            lambda: processor_seconds(lambda: repro(ROOT)), lambda: processor_seconds(lambda: repro(bare)), ROUNDS
        )
    ours, theirs = (min(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(mine / other for mine, other in pairs)
    detail = f"{ours:.2f} s of the processor against {theirs:.2f} s, best of {ROUNDS}"
    return [Figure(f"{stages} stages", ratio, 1.5, at_most=True, detail=detail)]


def make_bare(folder: Path, stages: int) -> None:
    """A DVC repository whose stages hand on a file of one line, each to the next."""
    (folder / "0.txt").write_text("start\n")
    entries = {
        f"stage{number}": {
            "cmd": f"cp {number}.txt {number + 1}.txt",
            "deps": [f"{number}.txt"],
            "outs": [f"{number + 1}.txt"],
        }
        for number in range(stages)
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": entries}))
    for command in ("git init -q", "dvc init -q", "dvc config core.analytics false"):
        subprocess.run(command.split(), cwd=folder, check=True)


def repro(folder: Path) -> None:
    """One `dvc repro`."""
    subprocess.run(["dvc", "repro", "-q"], cwd=folder, check=True)


if __name__ == "__main__":
    report(measure)
