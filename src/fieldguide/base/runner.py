"""Runs one stage as a process: composes the configuration, times it, writes its metrics, and fails in one line."""

import inspect
import json
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from fieldguide.base.clusters import LOCAL
from fieldguide.base.compose import compose
from fieldguide.base.config import Config
from fieldguide.base.engines import use_engine
from fieldguide.base.errors import CheckFailed, UserError, printable
from fieldguide.base.files import write_json
from fieldguide.base.interruption import STOPPED, stop_line
from fieldguide.base.leftovers import remove_leftovers
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.processor import one_linear_algebra_thread
from fieldguide.base.progress import Progress
from fieldguide.base.stage_names import Stage
from fieldguide.base.stopped import Stopped, note_done, note_stopped
from fieldguide.base.system_errors import faults_in_one_line

Metrics = dict[str, float | int | str | bool | None]
Run = Callable[[Config, Paths], Metrics]

EPOCHS = logging.getLogger("fieldguide.epochs")

start_process()  # not only in `main`: a stage imports this module first, and then the libraries that are slow to import


def main(run: Run) -> None:
    """Run a stage in the current folder, as dvc.yaml does, and leave with its exit code.

    A `UserError`, or a system error, becomes one line on stderr and exit code 1; any other exception keeps
    its traceback. What stopped the stage is kept for `fieldguide summary`, and reports/index.html tells it.
    Ctrl-C is one line and exit code 130.
    """
    stage = Path(inspect.getfile(run)).stem
    paths = Paths(Path.cwd())
    try:
        with faults_in_one_line("`dvc repro` resumes"):
            remove_leftovers(paths)
            config = compose(paths)
            with tracked(stage, paths):
                run_stage(stage, run, config, paths)
            note_done(paths, stage)
    except UserError as error:
        note_stopped(paths, Stopped(stage, str(error), isinstance(error, CheckFailed)))
        if stage != Stage.REPORT:
            page = [sys.executable, "-m", "fieldguide.overview", str(paths.root)]
            subprocess.run(page, check=False)  # a page that fails shows its own traceback; the stage failed anyway
        sys.exit(f"{stage}: {error}")
    except KeyboardInterrupt:
        note_stopped(paths, Stopped(stage, "Ctrl-C", by_check=False))
        print(stop_line(stage, "what is complete is kept, and `dvc repro` resumes"), file=sys.stderr)
        sys.exit(STOPPED)
    except BaseException as error:
        said = f"{type(error).__name__}: {error}".strip(": ")
        note_stopped(paths, Stopped(stage, printable(f"{said}; what the stage printed tells more"), by_check=False))
        raise


def run_stage(stage: str, run: Run, config: Config, paths: Paths) -> Metrics:
    """Call `run`, write what it returns to reports/<stage>/metrics.json, and say how long it took."""
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)  # fastai's import uses it
    start = time.perf_counter()
    # Not in training: on some machines PyTorch computes with the same library.
    threads = nullcontext() if stage == Stage.TRAIN else one_linear_algebra_thread()
    with Progress(stage), threads, _engine(config, paths):
        metrics = run(config, paths)
    write_json(paths.metrics(stage), metrics)
    print(f"{stage}: done in {time.perf_counter() - start:.1f} s", flush=True)
    return metrics


@contextmanager
def _engine(config: Config, paths: Paths) -> Iterator[None]:
    """The engine works on pictures; a file that is made for it shows whether its workers see this very folder."""
    if config.engine.kind == LOCAL:
        yield
        return
    paths.state.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(prefix="seen-", dir=paths.state) as file, use_engine(config.engine, Path(file.name)):
        yield


@contextmanager
def tracked(stage: str, paths: Paths) -> Iterator[None]:
    """Log some stages to MLflow from a process of its own, so that it can neither slow nor break them.

    The tracker reads one JSON line an event; when the lines end without "done", the stage has failed or was killed.
    """
    if stage not in (Stage.TRAIN, Stage.EVALUATE, Stage.REPORT):
        yield
        return
    command = [sys.executable, "-m", "fieldguide.tracking", str(paths.root), stage]
    tracker = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)

    def send(line: str) -> None:
        assert tracker.stdin is not None
        with suppress(BrokenPipeError):  # a tracker that went away is not training's concern
            tracker.stdin.write(line + "\n")
            tracker.stdin.flush()

    try:
        with reported(send):
            yield
    finally:
        with suppress(BrokenPipeError):
            tracker.communicate()


@contextmanager
def reported(send: Callable[[str], None]) -> Iterator[None]:
    """Send what happens as JSON lines: an event "epoch" for each epoch of training, then "done" or "failed"."""
    handler = _EpochHandler(send)
    EPOCHS.addHandler(handler)
    EPOCHS.setLevel(logging.INFO)
    EPOCHS.propagate = False
    try:
        yield
        send(json.dumps({"event": "done"}))
    except Exception:
        send(json.dumps({"event": "failed"}))
        raise
    finally:
        EPOCHS.removeHandler(handler)


class _EpochHandler(logging.Handler):
    """Sends `EPOCHS.info("epoch", extra={"epoch": number, "metrics": figures})`."""

    def __init__(self, send: Callable[[str], None]) -> None:
        super().__init__()
        self.send = send

    def emit(self, record: logging.LogRecord) -> None:
        event = {"event": "epoch", "epoch": record.__dict__["epoch"], "metrics": record.__dict__["metrics"]}
        self.send(json.dumps(event))
