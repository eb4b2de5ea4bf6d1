"""The bears by every engine, file by file: `python bench/engines_bears.py`; with the extras `ray` and `dask`.

The maintainers' photos are cleaned, a head is trained on frozen features of a pretrained network, and the photos are
screened: with each engine from the start, nothing kept, and compared by sha256 with what `local` has written.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from common import ROOT, Figure, Skipped, report, shared
from fieldguide.base.files import sha256_of_file
from fieldguide.base.yaml_files import set_values

COMPARED = "clean, frozen features and screen of the bears by Ray and by Dask: files that are not those of local"
ENGINES = {"ray": "ray", "dask": "distributed"}
WEIGHTS = "mobilenetv2_100.pth"
FIRST, REPEATED = ("weights", "download", "clean", "validate", "split"), ("clean", "train", "screen")
WRITTEN = {  # of what is compared: where it is, and the file whose hash is shown
    "clean": (("data/clean.parquet", "data/clean/**/*", "reports/clean/*.*"), "data/clean.parquet"),
    "features": ((".fieldguide/features/*.safetensors", "models/classifier.*"), "models/classifier.safetensors"),
    "screen": (("data/screen.parquet", "models/screen.*", "reports/screen/*.*"), "data/screen.parquet"),
}
CHOSEN = {
    ("data",): "bears",
    ("model",): "bears",
    ("schedule",): "head_only",
    ("augment",): "none",
    ("checks",): "small",
    ("split", "group_by"): "look_alike",
}


def measure() -> Iterator[Figure]:
    """For each engine and kind of work how many files differ."""
    if missing := [name for name, library in ENGINES.items() if find_spec(library) is None]:
        raise Skipped(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root)
        run(root, *FIRST)
        found = {engine: written(root, engine) for engine in ("local", *ENGINES)}
    for engine in ENGINES:
        for kind, (_, shown) in WRITTEN.items():
            here, there = found["local"][kind], found[engine][kind]
            differing = {name for name in here.keys() | there.keys() if here.get(name) != there.get(name)}
            detail = f"{len(here)} files; {shown} {there.get(shown, 'none')[:16]}, of local {here[shown][:16]}"
            detail += "".join(f"; {name}" for name in sorted(differing)[:3])
            yield Figure(f"{kind}, {engine}", len(differing), 0, at_most=True, unit="files", detail=detail)


def make(root: Path) -> None:
    """A folder with the configuration and the photos, where stages run."""
    shutil.copytree(ROOT / "conf", root / "conf")
    shutil.copytree(shared("data", "bears"), root / "data" / "sources" / "bears")
    (root / "conf" / "data" / "bears.yaml").write_text("kind: folder\n")
    weights = shared("weights", WEIGHTS)
    model = f"arch: mobilenetv2_100\nweights: {weights}\nweights_sha256: {sha256_of_file(weights)}\n"
    (root / "conf" / "model" / "bears.yaml").write_text(model)
    (root / "params.yaml").write_text(set_values((ROOT / "params.yaml").read_text(), CHOSEN))


def written(root: Path, engine: str) -> dict[str, dict[str, str]]:
    """What an engine writes when nothing is kept: by the kind of work the sha256 of each file."""
    params = root / "params.yaml"
    params.write_text(set_values(params.read_text(), {("engine",): engine}))
    shutil.rmtree(root / ".fieldguide", ignore_errors=True)
    for folder in (root / "models", root / "reports"):
        for file in folder.rglob("*"):
            if file.is_file() and not file.name.startswith("backbone"):
                file.unlink()
    run(root, *REPEATED)
    files = {kind: {file for where in wheres for file in root.glob(where)} for kind, (wheres, _) in WRITTEN.items()}
    return {
        kind: {file.relative_to(root).as_posix(): sha256_of_file(file) for file in some if file.is_file()}
        for kind, some in files.items()
    }


def run(root: Path, *stages: str) -> None:
    """Run stages as `dvc repro` would."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    for stage in stages:
        command = [sys.executable, "-m", f"fieldguide.stages.{stage}"]
        subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    report(measure)
