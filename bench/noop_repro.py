"""How long `dvc repro` takes when nothing has changed, against as many trivial stages: `python bench/noop_repro.py`.

Run it in a checkout after `make repro`. The two are timed in turn, so that a busy machine slows both alike.
"""

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
ROUNDS = 7


def main() -> None:
    """Print the median times of both and their ratio."""
    stages = len(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder)
        make_bare(bare, stages)
        timed(bare)
        timed(ROOT)
        pairs = [(timed(ROOT), timed(bare)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(mine / other for mine, other in pairs)
    print(f"{stages} stages: fieldguide {ours:.2f} s, trivial {theirs:.2f} s, ratio {ratio:.2f}")


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


def timed(folder: Path) -> float:
    """Seconds that one `dvc repro` takes."""
    start = time.perf_counter()
    subprocess.run(["dvc", "repro", "-q"], cwd=folder, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
