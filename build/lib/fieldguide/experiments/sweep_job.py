"""One combination of a sweep: the stages that it concerns, in a folder of its own, logged to MLflow while they run."""

import hashlib
import importlib
import json
import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from fieldguide.base.config import GROUPS, Config
from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import read_json, sha256_of_file, write_json
from fieldguide.base.parallel import usable_cores
from fieldguide.base.paths import Paths
from fieldguide.base.progress import duration
from fieldguide.base.runner import reported, run_stage
from fieldguide.base.stage_names import Stage
from fieldguide.base.system_errors import fault, faults_in_one_line
from fieldguide.configuration.compose import validate
from fieldguide.experiments.job_folder import prepare_job
from fieldguide.experiments.sweep_values import is_choice
from fieldguide.model.fingerprint import code_digest, training_record

# What the processes that run the jobs are told: the sweep's folder, and its own process.
FOLDER_VARIABLE, PROCESS_VARIABLE = "FIELDGUIDE_SWEEP", "FIELDGUIDE_SWEEP_PROCESS"


def run_combination(composed: DictConfig) -> float:
    """One job of a sweep, Hydra's task function: returns the valid accuracy, for sweepers that search, or NaN."""
    if os.environ[PROCESS_VARIABLE] != str(os.getpid()):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a launcher's process: the sweep's own reports Ctrl-C and ends it
    settings = HydraConfig.get()
    sweep = Path(os.environ[FOLDER_VARIABLE])
    overrides = [override for override in settings.overrides.task if is_choice(override)]
    given = read_json(sweep / "sweep.json")["arguments"]
    name = job_name([override for override in overrides if override not in given] or overrides)
    threads = _threads(settings.launcher)
    if threads and not any(override.startswith("train.threads=") for override in overrides):
        overrides.append(f"train.threads={threads}")
        OmegaConf.update(composed, "train.threads", threads)
    config = partial(validate, Paths(Path.cwd()), overrides, settings.runtime.choices, composed)
    return run_sweep_job(sweep, name, overrides, int(settings.job.num), config)


def _threads(launcher: Any) -> int | None:
    """Threads for each of several jobs at a time, so that together they fill the cores; None for one at a time."""
    if cores := launcher.get("cpus_per_task"):  # a cluster's; None leaves it to the cluster
        return int(cores)
    jobs = int(launcher.get("n_jobs", 1))
    cores = usable_cores()
    jobs = cores if jobs < 0 else jobs
    return max(1, cores // jobs) if jobs > 1 else None


def run_sweep_job(sweep: Path, name: str, overrides: Sequence[str], number: int, config: Callable[[], Config]) -> float:
    """Run one combination, or skip it if it is finished already; its failure is printed and written down, never raised.

    `config` gives the configuration of the combination, or raises UserError. Returns the valid accuracy, NaN for a
    failure.
    """
    folder = sweep / hashlib.sha256(json.dumps(sorted(overrides)).encode()).hexdigest()[:10]
    outcome: dict[str, Any] = {"name": name, "overrides": list(overrides), "folder": folder.name, "status": "failed"}
    start = time.time()
    try:
        with faults_in_one_line("the same command resumes it"):
            folder.mkdir(parents=True, exist_ok=True)
            found = _run(sweep, folder, name, overrides, config())
        outcome |= {**found, "status": "finished"}
        remark = "skipped, finished before" if found["skipped"] else f"{time.time() - start:.0f} s"
        line = f"valid accuracy {found['valid_accuracy']:.3f}, test accuracy {found['accuracy']:.3f}, {remark}"
    except UserError as error:
        outcome["error"] = line = str(error)
    except Exception as error:
        traceback.print_exc()
        outcome["error"] = line = f"{type(error).__name__}: {error}"
    ended = time.time()
    try:
        write_json(folder / "outcome.json", {**outcome, "ended": ended})
    except OSError as error:
        refused = fault(error, "the same command resumes it")
        if refused is None:
            raise
        outcome["status"], line = "failed", refused
    failed = outcome["status"] == "failed"
    text = f"sweep: job {number + 1} ({name}) {'FAILED: ' if failed else ''}{printable(line)}{_left(sweep)}"
    print(text, flush=True)
    return math.nan if failed else float(outcome["valid_accuracy"])


def _left(sweep: Path) -> str:
    """How many jobs of how many are done, and how long the others will take."""
    about = read_json(sweep / "sweep.json")
    if not about.get("jobs"):
        return ""
    ended = sum(read_json(file)["ended"] >= about["began"] for file in sweep.glob("*/outcome.json"))
    left = (time.time() - about["began"]) / max(1, ended) * (about["jobs"] - ended)
    return f"; {ended} of {about['jobs']}" + (f", about {duration(left)} left" if left > 0 else "")


def job_name(overrides: Sequence[str]) -> str:
    """Overrides in few words: `pad convnext_atto lr=0.001`."""
    words = []
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        words.append(value if key in GROUPS else f"{key.rpartition('.')[2]}={value}")
    return " ".join(words) or "unchanged"


def _run(sweep: Path, folder: Path, name: str, overrides: Sequence[str], config: Config) -> dict[str, Any]:
    paths, stages = prepare_job(Path.cwd(), folder, config)
    about = read_json(sweep / "sweep.json")
    values = asdict(config)
    upstream: dict[str, Any] = {group: config.choices[group] for group in ("data", "checks")}
    upstream |= {f"{section}.{key}": value for section in ("clean", "split") for key, value in values[section].items()}
    origin = {"sweep": {"key": about["key"], "name": about["name"]}, "name": name, "overrides": list(overrides)}
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
