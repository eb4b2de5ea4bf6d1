"""From raw files to a trained model: `fieldguide` against a plain chapter-2 script: `python bench/chapter2.py`.

fieldguide side: in a fresh clone of this checkout, `fieldguide add` and `dvc repro train` (download, clean, validate,
split, weights, train). The other side: bench/others/chapter2.py on the same files. Both train the same network from the
same weights, on the same pictures, as often, at the same size, and are tested on the same pictures, which neither saw.
Beside both the floor: bench/others/floor.py decodes each photo once and makes the bare steps of fine_tune.
`python bench/chapter2.py NAME...` measures some of PHOTOS.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT, Figure, cores, report, seconds, shared
from photos import photos

if TYPE_CHECKING:
    from fieldguide.base.paths import Paths

COMPARED = "from raw photos to a trained mobilenetv2_100: a plain chapter-2 fastai script against fieldguide"
SIZE, BATCH, EPOCHS, PER_LABEL = 128, 32, 4, 120
PHOTOS = {  # megapixels, copies of every photo; goals: times faster than the script, times the floor for fine_tune
    "1 to 3 megapixels": ((1.0, 3.0), 1, 3.0, 1.6),
    "12 megapixels": ((12.0, 12.0), 1, 6.0, None),
    "1 to 3 megapixels, four times as many photos": ((1.0, 3.0), 4, 3.0, 1.3),
}
SCHEDULES = ("fine_tune", "head_only")


@dataclass(frozen=True)
class Run:
    """How long one side took, and the share of the test pictures that it names rightly.

    `stages` is what fieldguide's stages say themselves that they took, without the start of their processes and DVC;
    `again` how long the next training takes, with another learning rate; `precision` what it calculated with.
    """

    seconds: float
    accuracy: float
    stages: str = ""
    again: float = 0.0
    precision: str = ""


def measure(names: Sequence[str] = ()) -> list[Figure]:
    """Each size of photo with the schedule that the script has, and with fieldguide's own for few pictures."""
    weights = shared("weights", "mobilenetv2_100.pth")
    figures = []
    for name, (megapixels, copies, goal, times_floor) in PHOTOS.items():
        if names and name not in names:
            continue
        folder = photos(megapixels, PER_LABEL, copies)
        with tempfile.TemporaryDirectory() as temporary:
            table = Path(temporary) / "pictures.csv"
            ours = {
                schedule: run_fieldguide(folder, weights, schedule, table)
                for schedule in SCHEDULES
                if (ROOT / "conf" / "schedule" / f"{schedule}.yaml").is_file()
            }
            theirs = run_script(folder, weights, table)
            decoding, steps = run_floor(folder, weights, table, ours["fine_tune"].precision)
            counts = counts_of(table)
        floor, fine_tune = decoding + steps, ours["fine_tune"]
        detail = f"{fine_tune.seconds:.0f} s against {decoding:.1f} s of decoding and {steps:.1f} s of steps; {counts}"
        ratio = fine_tune.seconds / floor
        figures.append(Figure(f"{name}, fine_tune beside the floor", ratio, times_floor, at_most=True, detail=detail))
        for schedule, run in ours.items():
            epochs = f"1 + {EPOCHS} epochs" if schedule == "fine_tune" else "30 epochs of the head"
            detail = (
                f"{theirs.seconds:.0f} s, test accuracy {theirs.accuracy:.3f}, against {run.seconds:.0f} s, "
                f"{run.accuracy:.3f} ({run.stages}; the rest is the start of processes, and DVC); "
                f"{counts}, {SIZE} px, batch {BATCH}, {epochs}"
            )
            wanted = goal if schedule == "head_only" else None
            figures.append(Figure(f"{name}, {schedule}", theirs.seconds / run.seconds, wanted, detail=detail))
            detail = f"{theirs.seconds:.0f} s, as before, against {run.again:.0f} s"
            ratio = theirs.seconds / run.again
            figures.append(
                Figure(f"{name}, {schedule}, the next training (another learning rate)", ratio, detail=detail)
            )
    return figures


def run_fieldguide(folder: Path, weights: Path, schedule: str, table: Path) -> Run:
    """Add, clean, check, split and train in a fresh clone; writes the split that came of it to `table`."""
    from fieldguide.base.files import read_json, sha256_of_file
    from fieldguide.base.paths import Paths

    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "checkout"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(root)], check=True)
        model = f"arch: mobilenetv2_100\nweights: {weights}\nweights_sha256: {sha256_of_file(weights)}\n"
        (root / "conf" / "model" / "mobilenetv2_100.yaml").write_text(model)
        change(root / "params.yaml", choices(schedule))
        said: list[str] = []
        taken = seconds(
            lambda: said.extend(
                (run(root, "fieldguide", "add", "photos", str(folder)), run(root, "dvc", "repro", "train"))
            )
        )
        stages = ", ".join(f"{stage} {time} s" for stage, time in re.findall(r"(\w+): done in ([\d.]+) s", said[1]))
        run(root, sys.executable, "-m", "fieldguide.stages.evaluate")
        write_split(Paths(root), table)
        accuracy, precision = test_accuracy(Paths(root)), str(read_json(Paths(root).metrics("train"))["precision"])
        change(root / "params.yaml", {"lr": 0.008})
        again = seconds(lambda: run(root, "dvc", "repro", "train"))
        return Run(taken, accuracy, stages, again, precision)


def write_split(paths: "Paths", table: Path) -> None:
    """Write the pictures and their split, as fieldguide used them, for the script."""
    from fieldguide.data.table import IMAGES, SPLIT, read_table

    images, split = read_table(paths.image_table, IMAGES), read_table(paths.split_table, SPLIT)
    used = split[split["split"] != "left_out"].merge(images[["id", "path", "label", "status"]], on=["id", "label"])
    used[used["status"] == "kept"][["path", "label", "split"]].to_csv(table, index=False)


def test_accuracy(paths: "Paths") -> float:
    """The share of the test pictures that fieldguide's evaluation found named rightly."""
    from fieldguide.base.files import read_json

    return float(read_json(paths.metrics("evaluate"))["accuracy"])


def choices(schedule: str) -> dict[str, object]:
    """What a user with a few hundred photos edits in params.yaml; epochs, batch and size are the script's.

    Each side has a learning rate that suits its head: fastai's has two layers and keeps its default of 0.002;
    fieldguide's has one and is left half trained by that (0.92 of the valid photos right; 0.96 from 0.005 to 0.01).
    Only fieldguide's was looked for, on these photos, so its accuracy is a little flattered.
    """
    alone = schedule == "head_only"
    return {
        "model": "mobilenetv2_100",
        "schedule": schedule,
        "augment": "none" if alone else "standard",
        "lr": 0.01,
        "epochs": 30 if alone else EPOCHS,
        "batch_size": BATCH,
        "size": SIZE,
        "threads": cores(),
        "label_smoothing": 0.0,
    }


def change(params: Path, values: Mapping[str, object]) -> None:
    """Change values in params.yaml, as a user would."""
    text = params.read_text()
    for key, value in values.items():
        text, found = re.subn(rf"(?m)^( *{key}: +)\S+", rf"\g<1>{value}", text)
        assert found == 1, f"params.yaml: {key}"
    params.write_text(text)


def run_script(folder: Path, weights: Path, table: Path) -> Run:
    """Run the script; its time ends when it says that it has trained."""
    script = ROOT / "bench" / "others" / "chapter2.py"
    arguments = [str(folder), str(table), str(weights), str(SIZE), str(EPOCHS), str(BATCH)]
    process = subprocess.Popen([sys.executable, str(script), *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = iter(process.stdout)
    taken = seconds(lambda: next(line for line in lines if line.startswith("trained")))
    accuracy = float(list(lines)[-1])
    process.wait()
    return Run(taken, accuracy)


def run_floor(folder: Path, weights: Path, table: Path, precision: str) -> tuple[float, float]:
    """Seconds of the floor: decoding, and steps."""
    script = ROOT / "bench" / "others" / "floor.py"
    arguments = [str(folder), str(table), str(weights), str(SIZE), str(EPOCHS), str(BATCH), str(cores()), precision]
    done = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, check=True)
    decoding, steps = map(float, done.stdout.split())
    return decoding, steps


def run(root: Path, *command: str) -> str:
    """What a command of the clone, with the clone's source, prints; it is shown if it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def counts_of(table: Path) -> str:
    """How many pictures each side of the split has."""
    import pandas as pd

    counts = pd.read_csv(table)["split"].value_counts()
    return f"{counts['train']} train, {counts['valid']} valid, {counts['test']} test photos"


if __name__ == "__main__":
    report(partial(measure, sys.argv[1:]))
