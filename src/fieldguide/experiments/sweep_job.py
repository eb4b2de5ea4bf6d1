"""One combination of a sweep: the stages that it concerns, in a folder of its own, logged to MLflow while they run."""

import importlib
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file, write_json
from fieldguide.base.paths import Paths
from fieldguide.base.runner import reported, run_stage
from fieldguide.base.stage_names import Stage
from fieldguide.base.system_errors import fault, faults_in_one_line
from fieldguide.configuration.compose import validate
from fieldguide.experiments.job_folder import prepare_job
from fieldguide.experiments.sweep_outcome import (
    PROCESS_VARIABLE,
    SweepJob,
    job_of,
    told,
    valid_accuracy,
    write_outcome,
)
from fieldguide.model.fingerprint import code_digest, training_record


def run_combination(composed: DictConfig) -> float:
    """One job of a sweep, Hydra's task function: returns the valid accuracy, for sweepers that search, or NaN."""
    is_own = os.environ[PROCESS_VARIABLE] == str(os.getpid())
    if not is_own:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a launcher's process: the sweep's own reports Ctrl-C and ends it
    settings = HydraConfig.get()
    job = job_of(settings)
    if job.threads:
        OmegaConf.update(composed, "train.threads", job.threads)
    config = partial(validate, Paths(Path.cwd()), job.overrides, settings.runtime.choices, composed)
    outcome = run_sweep_job(job, config)
    if is_own:
        print(told(job, outcome), flush=True)
    return valid_accuracy(outcome)


def run_sweep_job(job: SweepJob, config: Callable[[], Config]) -> dict[str, Any]:
    """Run one combination, or skip it if it is finished already; its failure is written down, never raised.

    `config` gives the configuration of the combination, or raises UserError. Returns what became of it, see
    `write_outcome`.
    """
    try:
        with faults_in_one_line("the same command resumes it"):
            job.folder.mkdir(parents=True, exist_ok=True)
            found = {**_run(job, config()), "status": "finished"}
    except UserError as error:
        found = {"status": "failed", "error": str(error)}
    except Exception as error:
        traceback.print_exc()
        found = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    try:
        return write_outcome(job, found)
    except OSError as error:
        refused = fault(error, "the same command resumes it")
        if refused is None:
            raise
        return {"status": "failed", "error": refused}


def _run(job: SweepJob, config: Config) -> dict[str, Any]:
    sweep, folder = job.sweep, job.folder
    paths, stages = prepare_job(Path.cwd(), folder, config)
    about = read_json(sweep / "sweep.json")
    values = asdict(config)
    upstream: dict[str, Any] = {group: config.choices[group] for group in ("data", "checks")}
    upstream |= {f"{section}.{key}": value for section in ("clean", "split") for key, value in values[section].items()}
    origin = {"sweep": {"key": about["key"], "name": about["name"]}, "name": job.name, "overrides": list(job.overrides)}
    write_json(paths.origin, {**origin, "stages": stages, "upstream": upstream})
    with (folder / "job.log").open("a", encoding="utf-8") as log, redirect_stdout(log):
        for stage in stages:
            if stage not in (Stage.TRAIN, Stage.EVALUATE):
                _run_stage(stage, config, paths)
        record = training_record(config, paths)
        identity = {"fingerprint": record["fingerprint"], "code": code_digest(), "evaluate": values["evaluate"]}
        known = _finished_before(sweep, identity)
        if known is not None:
            return {**known, "skipped": True}
        with _shown(paths):  # to its end: the run is unfinished for as long as the job is
            seconds = _train_once(config, paths, identity)
            _run_stage(Stage.EVALUATE, config, paths)
    trained, evaluated = read_json(paths.metrics(Stage.TRAIN)), read_json(paths.metrics(Stage.EVALUATE))
    return {
        "skipped": False,
        **identity,
        "model_sha256": sha256_of_file(paths.classifier),
        "predictions": str(paths.predictions.relative_to(sweep.parent)),
        "valid_accuracy": trained["valid_accuracy"],
        "valid_loss": trained["valid_loss"],
        **{key: evaluated[key] for key in ("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss")},
        "seconds": round(seconds, 1),
        "megabytes": round(paths.classifier.stat().st_size / 1e6, 1),
    }


def _train_once(config: Config, paths: Paths, identity: dict[str, Any]) -> float:
    """Train, unless a call that was killed later has done so; returns the seconds that the training took.

    The metrics are the last thing that the stage writes.
    """
    began, ended = paths.root / "training.json", paths.metrics(Stage.TRAIN)
    wanted = {key: identity[key] for key in ("fingerprint", "code")}
    if not (ended.exists() and began.exists() and read_json(began) == wanted):
        ended.unlink(missing_ok=True)
        write_json(began, wanted)
        _run_stage(Stage.TRAIN, config, paths)
    return ended.stat().st_mtime - began.stat().st_mtime


def _run_stage(stage: str, config: Config, paths: Paths) -> None:
    module = importlib.import_module(f"fieldguide.stages.{stage}")
    run_stage(stage, module.run, config, paths)


def _finished_before(sweep: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The results of a job, in this sweep or another of the checkout, that had the same inputs, choices and code."""
    for path in sorted(sweep.parent.glob("*/*/outcome.json")):
        outcome = read_json(path)
        same = identity.items() <= outcome.items()
        if same and outcome["status"] == "finished" and (sweep.parent / outcome["predictions"]).exists():
            return {key: value for key, value in outcome.items() if key not in ("name", "overrides", "folder", "ended")}
    return None


@contextmanager
def _shown(paths: Paths) -> Iterator[None]:
    """Log a job to MLflow from a thread, which costs a job less than the process that `dvc repro` takes for it.

    What comes out of it is delivered by `fieldguide.experiments.sweep_delivery`.
    """
    from fieldguide.tracking.live_logging import follow

    lines: queue.Queue[str | None] = queue.Queue()

    def show() -> None:
        try:
            follow(paths, Stage.TRAIN, iter(lines.get, None))
        except UserError as error:
            print(error, file=sys.stderr, flush=True)

    thread = threading.Thread(target=show)
    thread.start()
    try:
        with reported(lines.put):
            yield
    finally:
        lines.put(None)
        thread.join()
