"""A checkout whose stages run on any engine, and what they write, by hash."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import CHECKOUT, encoded, noise, png_header, put
from fieldguide.base.files import sha256_of_file
from fieldguide.base.option_files import read_mapping

SHARED = CHECKOUT.parent / "shared"
BEARS, WEIGHTS = SHARED / "data" / "bears", SHARED / "weights" / "mobilenetv2_100.pth"
HAS_SHARED = BEARS.is_dir() and WEIGHTS.is_file()
WRITTEN = ("data/clean.parquet", "data/screen.parquet", "models/screen.safetensors", "models/reference.safetensors")
CHOSEN = {"data": "own", "model": "own", "schedule": "head_only", "augment": "none", "checks": "small"}


def checkout(root: Path, *, photos: bool) -> Path:
    """A checkout with hostile files among the bears of ../shared, or among pictures of noise, trained on its features.

    The photos have pretrained features, so `screen` computes frozen ones too; noise goes with a random network.
    """
    shutil.copytree(CHECKOUT / "conf", root / "conf")
    source = root / "data" / "sources" / "own"
    if photos:
        shutil.copytree(BEARS, source)
        model = f"arch: mobilenetv2_100\nweights: {WEIGHTS}\nweights_sha256: {sha256_of_file(WEIGHTS)}\n"
    else:
        for number in range(180):
            put(source / "ab"[number % 2] / f"{number:03}.jpg", encoded(noise(number, 1600, 1200), "JPEG"))
        model = "arch: test_resnet\nweights: random\n"
    label = next(path for path in sorted(source.iterdir()) if path.is_dir())
    put(label / "bomb.png", png_header(60_000, 60_000))
    put(label / "cut.jpg", encoded(noise(1000, 400, 300), "JPEG")[:3000])
    put(label / "tiff.tif", encoded(noise(1001, 400, 300), "TIFF"))
    put(label / "text.jpg", b"no picture")
    (root / "conf" / "data" / "own.yaml").write_text("kind: folder\n")
    (root / "conf" / "model" / "own.yaml").write_text(model)
    params = (CHECKOUT / "params.yaml").read_text()
    for key, value in CHOSEN.items():
        params = re.sub(rf"^{key}: \S+", f"{key}: {value}", params, flags=re.MULTILINE)
    params = params.replace("group_by: site", "group_by: look_alike").replace("epochs: 30", "epochs: 3")
    (root / "params.yaml").write_text(params)
    for name in ("weights", "download", "clean", "validate", "split", "train"):
        done = stage(root, name)
        assert done.returncode == 0, done.stderr
    return root


def choose(root: Path, engine: str, **options: object) -> None:
    """Have the stages use an engine, with options in place of those of its file."""
    params = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(re.sub(r"^engine: \S+", f"engine: {engine}", params, flags=re.MULTILINE))
    file = root / "conf" / "engine" / f"{engine}.yaml"
    shutil.copy(CHECKOUT / "conf" / "engine" / file.name, file)
    values = {**read_mapping(file, file.name), **options}
    file.write_text("".join(f"{key}: {'null' if value is None else value}\n" for key, value in values.items()))


def forget(root: Path) -> None:
    """Delete what is kept between runs, so that every picture is worked on again."""
    shutil.rmtree(root / ".fieldguide", ignore_errors=True)


def started(root: Path, name: str) -> "subprocess.Popen[str]":
    """A stage that runs, as `dvc repro` would run it."""
    source = os.path.relpath(CHECKOUT / "src", root)  # relative, as in dvc.yaml
    environment = {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"fieldguide.stages.{name}"]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def stage(root: Path, name: str) -> "subprocess.CompletedProcess[str]":
    """A stage that has run."""
    process = started(root, name)
    out, said = process.communicate(timeout=900)
    return subprocess.CompletedProcess(name, process.returncode, out, said)


def rebuilt(root: Path, *stages: str) -> dict[str, str]:
    """What the stages write when nothing is kept: the sha256 of each file."""
    forget(root)
    for name in stages:
        done = stage(root, name)
        assert done.returncode == 0, done.stderr
    return written(root)


def written(root: Path) -> dict[str, str]:
    """The files that clean and screen have written, and the features that are kept, by hash."""
    files = [root / name for name in WRITTEN if (root / name).exists()]
    files += [*(root / "data" / "clean").rglob("*.jpg"), *(root / ".fieldguide").rglob("*.safetensors")]
    return {file.relative_to(root).as_posix(): sha256_of_file(file) for file in sorted(files)}
