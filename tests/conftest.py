"""What several test files share: the checkout, small checkouts of one's own, and the whole sample, drawn once."""

import io
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable
from contextlib import chdir, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from PIL import Image

from fieldguide.base import parallel
from fieldguide.base.config import Config
from fieldguide.base.files import read_json, write_json
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.runner import Metrics
from fieldguide.cli import main
from fieldguide.configuration.compose import compose
from fieldguide.data.images import identify
from fieldguide.stages import clean, download, split
from warm import warm_programs, warm_python
from warm.server import TABLES, copy_tables

start_process()  # before the libraries are imported

OwnData = Callable[..., tuple[Config, Paths]]
TRACKING = (("add",), ("backtest",), ("migrate",))  # commands that call DVC

parallel.PATIENCE = 600  # seconds: other tests keep the other cores busy, and starting a process takes longer
os.environ["TQDM_DISABLE"] = "1"  # on a busy machine a command that says nothing else would say how far it is

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in the background of a shell nothing would hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

CHECKOUT = Path(__file__).resolve().parent.parent
PARAMS = """\
# A comment that has to stay.
data: sample          # and another
resize: squish
augment: standard
model: tiny
schedule: one_cycle
checks: few
retrain: standard
ood: nearest_neighbours
gate: standard
rollout: standard
seed: 42

clean: {max_side: 320, min_side: 32}
split: {valid: 0.25, test: 0.25, min_per_label: 1}
train:
  epochs: 2
  lr: 0.003           # the highest
"""

FEW_CHECKS = """\
expectations:
  two_labels:
    {table: labels, severity: error, type: expect_table_row_count_to_be_between, kwargs: {min_value: 2}}
"""


_core = {"is_run": False}


def pytest_configure(config: pytest.Config) -> None:
    """Of properties the fast core tries fewer examples, also where a test does not say how many.

    How long drawing one takes tells nothing: other tests keep the cores busy.
    """
    _core["is_run"] = "not slow" in config.option.markexpr
    slow = [HealthCheck.too_slow]
    settings.register_profile("fieldguide", max_examples=examples(100), deadline=None, suppress_health_check=slow)
    settings.load_profile("fieldguide")


def examples(number: int) -> int:
    """How many examples a property is tried with; in the fast core a sixth, and five at least."""
    return max(5, number // 6) if _core["is_run"] else number


def few_daily(cases: Iterable[Any], every: int) -> list[Any]:
    """The cases of a test, of which the fast core tries the first and then one in so many."""
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*case, marks=[pytest.mark.slow] * bool(place % every)) for place, case in enumerate(cases)]


def noise(seed: int, width: int = 64, height: int = 48) -> Image.Image:
    """A picture of coarse coloured noise: as good as unlike that of any other seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


def pictures_and_a_broken_one(folder: Path, count: int) -> Path:
    """The folder, with so many pictures of noise and a file that is cut off behind its signature."""
    for number in range(count):
        put(folder / f"{number:02}.png", noise(number, 40 + number, 48))
    put(folder / "broken.png", b"\x89PNG\r\n\x1a\n")
    return folder


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def id_of(picture: Image.Image | bytes) -> str:
    """The id of a picture file, or of the one that `put` writes of a picture."""
    return identify(io.BytesIO(picture if isinstance(picture, bytes) else encoded(picture, "PNG")))


def png_header(width: int, height: int) -> bytes:
    """A small PNG file that claims any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def put(path: Path, content: Image.Image | bytes) -> Path:
    """Write a picture (as PNG, whatever its name) or bytes to a path and make the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else encoded(content, "PNG"))
    return path


def run_python(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this project's Python as a person would, with the source of this checkout."""
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), "PYTHONUTF8": "1", **environment}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def run_module(module: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` in a process that has the libraries already, where importing is not tested."""
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), **environment}
    command = [warm_python(), "-m", module, *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def run_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `fieldguide ARGUMENTS` in this process, where the process itself is not what is tested: it starts at once.

    The `dvc add` of a command that lets DVC track something is a process, which has the libraries already.
    """
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    warm = patch.object(sys, "executable", warm_python()) if arguments[:1] in TRACKING else nullcontext()
    with chdir(cwd), redirect_stdout(stdout), redirect_stderr(stderr), warm:
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
            if isinstance(end.code, str):
                print(end.code, file=stderr)  # as Python does
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())


def commands() -> list[str]:
    """The commands that `fieldguide --help` lists."""
    text = run_command("--help", cwd=CHECKOUT).stdout
    return re.findall(r"^    ([a-z-]+)(?: |$)", text, re.MULTILINE)


def with_options(root: Path) -> Paths:
    """A folder with a params.yaml of its own, the repository's option files, and a short list of checks."""
    shutil.copytree(CHECKOUT / "conf", root / "conf", copy_function=shutil.copyfile)  # a third of the time of `copy2`
    (root / "conf" / "checks" / "few.yaml").write_text(FEW_CHECKS, encoding="utf-8")
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    return Paths(root)


def choose_own_data(checkout: Paths, labels: str = "{}") -> None:
    """Choose the data set `own`, of kind folder; the test fills data/sources/own."""
    (checkout.sources / "own").mkdir(parents=True, exist_ok=True)
    (checkout.conf / "data" / "own.yaml").write_text(f"kind: folder\nlabels: {labels}\n", encoding="utf-8")
    checkout.params.write_text(PARAMS.replace("data: sample", "data: own"), encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Paths:
    return with_options(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _tables_of_runs_are_copied() -> None:
    """From those that the warm process has made, as soon as it has."""
    if "mlflow" in sys.modules and (programs := warm_programs()):
        copy_tables(programs / TABLES)


@pytest.fixture
def own_data(checkout: Paths) -> OwnData:
    """Choose the data set `own` in `checkout`."""

    def chosen(labels: str = "{}", *overrides: str) -> tuple[Config, Paths]:
        choose_own_data(checkout, labels)
        return compose(checkout, overrides), checkout

    return chosen


@dataclass(frozen=True)
class Sample:
    """A folder in which download, clean and split have run on the whole sample; for reading only."""

    paths: Paths
    config: Config
    metrics: dict[str, Metrics]
    truth: pd.DataFrame  # data/raw/truth.csv


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more test process than cores that may be used (a container may allow fewer than the machine has).

    Tests wait for what they start: for servers, browsers, locks, and processes that are to be killed. Those of the fast
    core do not, and each process imports the libraries.
    """
    return parallel.usable_cores() + ("not slow" not in config.option.markexpr)


# What takes longest comes first, and what the first ones wait for is not made twice at a time: so the processes end
# together. The rest follows by name.
FIRST = (
    *("test_sweep", "test_clean", "test_checks_of_the_code", "test_training_choices", "test_reproduction"),
    *("test_retraining", "test_sweep_jobs", "test_kill", "test_experiments", "test_training", "test_repro"),
    *("test_tracking", "test_report", "test_addresses_of_stores", "test_app_in_a_browser", "test_rollout"),
    *("test_inference", "test_adding_folders", "test_operations", "test_label_checks", "test_simulated_year"),
    *("test_export", "test_compare", "test_reviews"),
)


NOT_DAILY = ("exhaustive", "installs", "cluster")
ALL_SLOW = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.slow", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """For the fast core (`-m "not slow"`) leave out files in which all is slow: importing them takes seconds."""
    if "not slow" not in config.option.markexpr or collection_path.suffix != ".py":
        return None
    return bool(ALL_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; slow is what is not run every day, and what draws the whole sample, which takes a minute."""
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(FIRST)))
    for item in items:
        if "sample" in getattr(item, "fixturenames", ()) or any(map(item.get_closest_marker, NOT_DAILY)):
            item.add_marker(pytest.mark.slow)


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that one test process fills by `make`, and all others read; nobody may change it afterwards."""
    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = common / name, common / f"{name}.made"
    with FileLock(common / f"{name}.lock"):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a failed attempt left
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The whole sample with the options of conf/data/sample.yaml and the values of the checkout's params.yaml."""

    def make(root: Path) -> None:
        shutil.copytree(CHECKOUT / "conf", root / "conf")
        shutil.copyfile(CHECKOUT / "params.yaml", root / "params.yaml")
        paths = Paths(root)
        config = compose(paths, ["data=sample"])
        for stage in (download, clean, split):
            write_json(paths.metrics(stage.__name__.rpartition(".")[2]), stage.run(config, paths))

    paths = Paths(made_once(tmp_path_factory, "sample", make))
    metrics = {stage: read_json(paths.metrics(stage)) for stage in ("download", "clean", "split")}
    truth = pd.read_csv(paths.raw / "truth.csv", keep_default_na=False)
    return Sample(paths, compose(paths, ["data=sample"]), metrics, truth)
