"""Predicting and screening with the packages of the light install alone, and without the weights of PyTorch."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from conftest import CHECKOUT, pictures_and_a_broken_one, run_python
from fieldguide.base.paths import Paths
from fieldguide.stages import screen, train
from stages.training import composed, linked

pytestmark = pytest.mark.slow  # trains a classifier

LARGEST_INSTALL = 250 * 2**20  # bytes
NEEDED = ("classifier.onnx", "classifier.json", "screen.safetensors", "screen.json", "reference.safetensors")
# Refuses to import what the light install does not have.
BLOCK = """
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder

ALLOWED = {allowed!r}

class Light(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        found = PathFinder.find_spec(name, path) if path is None else None
        if found and found.origin and "site-packages" in found.origin and name not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Light())
from fieldguide.cli import main
main()
"""
# Of the packages of the light install and of what these need.
ALLOWED = {
    *("numpy", "PIL", "onnxruntime", "safetensors", "pydantic", "pydantic_core", "psutil", "simplejpeg", "tqdm"),
    *("threadpoolctl", "wcwidth", "jinja2", "markupsafe", "annotated_types", "typing_extensions", "typing_inspection"),
}


@pytest.fixture(scope="module")
def trained(source: Paths, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A small trained classifier and its screen."""
    paths = linked(source, tmp_path_factory.mktemp("trained"))
    train.run(composed(), paths)
    screen.run(composed(), paths)
    return paths


@pytest.fixture(scope="module")
def sent(trained: Paths, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is sent to another machine: the files that answering takes."""
    folder = tmp_path_factory.mktemp("sent")
    for name in NEEDED:
        shutil.copy(trained.classifier.with_name(name), folder)
    if (backbone := trained.classifier.with_name("backbone.onnx")).is_file():
        shutil.copy(backbone, folder)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures_and_a_broken_one(tmp_path_factory.mktemp("new"), 14)


def in_light(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_python("-c", BLOCK.format(allowed=ALLOWED), *map(str, arguments), cwd=cwd)


@pytest.mark.parametrize("command", ["predict", "screen"])
def test_the_answers_are_those_of_the_checkout_to_the_byte(
    command: str, trained: Paths, sent: Path, pictures: Path, tmp_path: Path
) -> None:
    whole = run_python("-m", "fieldguide.cli", command, str(pictures), "--model", str(trained.classifier), cwd=tmp_path)
    light = in_light(command, pictures, "--model", sent, cwd=tmp_path)
    assert (light.returncode, light.stdout) == (whole.returncode, whole.stdout)
    assert light.stderr == whole.stderr
    assert "p_value" in light.stdout and light.stdout.count("\n") == 16


def test_all_that_screening_offers_works(sent: Path, pictures: Path, tmp_path: Path) -> None:
    page = tmp_path / "week.html"
    told = in_light("screen", pictures, "--model", sent, "--layout", "{site}", "--page", page, cwd=tmp_path)
    assert told.returncode in (0, 3), told.stderr
    assert "<html" in page.read_text(encoding="utf-8")
    table = tmp_path / "boxes.csv"
    table.write_text("file,label,x,y,width,height\n00.png,a,0.1,0.1,0.8,0.8\n", encoding="utf-8")
    boxes = in_light("predict", pictures / "00.png", "--model", sent, "--boxes", table, "--all", cwd=tmp_path)
    assert boxes.returncode == 0, boxes.stderr


@pytest.mark.parametrize("command", ["summary", "runs", "compare a b", "export onnx"])
def test_a_command_of_the_pipeline_says_what_to_install(command: str, sent: Path) -> None:
    """In a checkout, where it would work."""
    more = ("--model", sent) if command == "export onnx" else ()
    told = in_light(*command.split(), *more, cwd=CHECKOUT)
    assert told.returncode == 1
    assert told.stderr.startswith("fieldguide: ") and "pip install 'fieldguide[train]'" in told.stderr
    assert told.stderr.count("\n") == 1


def test_the_light_install_is_what_is_allowed_here() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split("[>=<]", one)[0] for one in project["dependencies"]}
    assert {"PIL" if name == "pillow" else name for name in named} <= ALLOWED


@pytest.mark.exhaustive
def test_the_wheel_alone_answers_in_a_fresh_environment(
    trained: Paths, sent: Path, pictures: Path, tmp_path: Path
) -> None:
    """What `pip install fieldguide` brings is small, and gives the same bytes as the checkout."""
    built = run_python(
        "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(CHECKOUT), cwd=tmp_path
    )
    if built.returncode:
        pytest.skip(f"no wheel can be built here: {built.stderr[-300:]}")
    wheel = next(tmp_path.glob("fieldguide-*.whl"))
    venv.create(tmp_path / "light", with_pip=True)
    python = tmp_path / "light" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    lock = str(CHECKOUT / "requirements.lock")
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--constraint", lock, wheel],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        timeout=900,
    )
    if installed.returncode:
        pytest.skip(f"the package registry is not reachable: {installed.stderr[-300:]}")
    size = sum(file.stat().st_size for file in (tmp_path / "light").rglob("*") if file.is_file())
    assert size < LARGEST_INSTALL, f"{size / 2**20:.0f} MiB"
    for command in ("predict", "screen"):
        whole = run_python(
            "-m", "fieldguide.cli", command, str(pictures), "--model", str(trained.classifier), cwd=tmp_path
        )
        light = subprocess.run(
            [python, "-m", "fieldguide.cli", command, pictures, "--model", sent],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (light.returncode, light.stdout) == (whole.returncode, whole.stdout), light.stderr
