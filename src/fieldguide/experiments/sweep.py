"""Trying combinations of choices with Hydra's multirun: each job trains and evaluates in a folder of its own."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from hydra import main as hydra_main

from fieldguide.base.errors import UserError, without_access
from fieldguide.base.files import read_json, sha256_of_file, write_json
from fieldguide.base.interruption import STOPPED, run_to_its_end, stop_line
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.progress import Progress, relay
from fieldguide.base.stage_names import Stage
from fieldguide.base.system_errors import faults_in_one_line
from fieldguide.configuration.compose import compose, store_primary_config
from fieldguide.experiments.sweep_job import run_combination
from fieldguide.experiments.sweep_outcome import FOLDER_VARIABLE, PROCESS_VARIABLE
from fieldguide.experiments.sweep_values import Plan, check_values, is_choice, plan_of, studies_of
from fieldguide.model.fingerprint import code_digest
from fieldguide.tracking.run_params import data_title

EARLIER_NAMES = {"hydra/launcher=submitit_slurm": "hydra/launcher=slurm"}  # of Hydra's own launcher
INFO_FLAGS = {"--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", "--version", "--shell-completion", "-sc"}


def main() -> None:
    """`python -m fieldguide.experiments.sweep ...`: Hydra's command line, with several values for what varies."""
    start_process()
    arguments = [EARLIER_NAMES.get(argument, argument) for argument in sys.argv[1:]]
    paths = Paths(Path.cwd())
    try:
        with faults_in_one_line("the same command resumes it"):
            _main(paths, arguments)
    except UserError as error:
        sys.exit(f"sweep: {error}")
    except KeyboardInterrupt:
        print(stop_line("sweep", "finished jobs are kept, and the same command resumes it"), file=sys.stderr)
        sys.exit(STOPPED)


def _main(paths: Paths, arguments: list[str]) -> None:
    if INFO_FLAGS & {argument.partition("=")[0] for argument in arguments}:
        _run_hydra(paths, arguments, {})
        return
    if not [argument for argument in arguments if not argument.startswith("-")]:
        raise UserError("no values to try: for example fieldguide sweep resize=crop,pad,squish (see --help)")
    sys.exit(1 if _sweep(paths, arguments) else 0)


def _sweep(paths: Paths, arguments: Sequence[str]) -> int:
    """Run all jobs; returns how many failed."""
    from fieldguide.experiments.leaderboard import write_leaderboard

    plan = plan_of(paths, arguments)
    check_values(paths, plan)
    varied = [argument for argument in arguments if is_choice(argument) or argument.startswith("+sweep=")]
    studies = [paths.option("sweep", study).read_text(encoding="utf-8") for study in studies_of(varied)]
    _bring_up_to_date(paths)
    content = [sorted(varied), *studies, _base_fingerprint(paths), code_digest()]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
    name = "sweep " + " ".join(argument.lstrip("+").partition("=")[0 if "," in argument else 2] for argument in varied)
    folder = paths.sweeps / f"{_slug(name)}-{key}"
    before = time.time()
    title = f"{name} {data_title(paths, sha256_of_file(paths.split_table))}"
    about = {"key": key, "name": title, "arguments": list(arguments)}
    write_json(folder / "sweep.json", {**about, "jobs": _jobs(plan, arguments), "began": before})
    os.environ |= {FOLDER_VARIABLE: str(folder.resolve()), PROCESS_VARIABLE: str(os.getpid())}
    hydra: dict[str, Any] = {
        "sweep": {"dir": str(folder.resolve() / "hydra"), "subdir": "${hydra.job.num}"},
        "job": {"chdir": False},
        "job_logging": {"handlers": {"console": {"level": "WARNING"}}},  # Great Expectations tells of each step
    }
    if "hydra/launcher=joblib" in arguments:
        hydra["launcher"] = {"_target_": "hydra_plugins.fieldguide_launchers.JoblibLauncher"}
    with _logged_to_mlflow(paths, folder, before, key, title) as close:
        _run_hydra(paths, ["--multirun", *[a for a in arguments if a not in ("-m", "--multirun")]], {"hydra": hydra})
        outcomes = [read_json(path) for path in sorted(folder.glob("*/outcome.json"))]
        failed = [outcome for outcome in outcomes if outcome["status"] == "failed" and outcome["ended"] >= before]
        files = write_leaderboard(folder, outcomes)
        close(files, {"jobs": len(outcomes), "failed": len(failed)})
    return len(failed)


def _run_hydra(paths: Paths, arguments: Sequence[str], more: dict[str, Any]) -> None:
    sys.argv = [sys.argv[0], *arguments]
    name = store_primary_config(read_params(paths), **more)
    hydra_main(version_base="1.3", config_path=str(paths.conf.resolve()), config_name=name)(run_combination)()


def _jobs(plan: Plan, arguments: Sequence[str]) -> int | None:
    """How many jobs there will be, as far as that is known: a sweeper that searches has a number of trials."""
    if not any(argument.startswith("hydra/sweeper=") for argument in arguments):
        return plan.jobs
    trials = [argument.partition("=")[2] for argument in arguments if argument.startswith("hydra.sweeper.n_trials=")]
    return int(trials[-1]) if trials and trials[-1].isdecimal() else None


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)[:40].strip("-")


def _base_fingerprint(paths: Paths) -> str:
    from fieldguide.model.fingerprint import training_record

    return str(training_record(compose(paths), paths)["fingerprint"])


def _bring_up_to_date(paths: Paths) -> None:
    """Let DVC make what all jobs start from, where it is behind; another DVC command at work is waited for."""
    dvc, targets = [sys.executable, "-m", "dvc"], [Stage.SPLIT, Stage.WEIGHTS]
    status = [*dvc, "status", "--quiet", "--with-deps", *targets]
    with Progress("is the checkout up to date?"):
        behind = run_to_its_end(status, cwd=paths.checkout, stderr=subprocess.DEVNULL).returncode
    if not behind:
        return
    print("sweep: updating the checkout's split and starting weights", flush=True)
    start = (paths.clean, paths.image_table, paths.split_table, paths.backbone)
    only_training = ["--allow-missing"] if all(path.exists() for path in start) else []  # no original pictures
    waits = False
    while True:
        command = [*dvc, "repro", "--quiet", *only_training, *targets]
        with NamedTemporaryFile() as log:
            shown = relay(Path(log.name), 0, "sweep")
            code = run_to_its_end(command, shown, cwd=paths.checkout, stderr=log).returncode
            said = Path(log.name).read_text(encoding="utf-8", errors="replace")
        if not code:
            return
        if not any(sign in said for sign in ("Unable to acquire lock", "is busy")):
            print(without_access(said), file=sys.stderr, end="")
            raise UserError("the stages before training failed: fix the cause and run `dvc repro` first")
        if not waits:
            print("sweep: waiting for another DVC command in this checkout", flush=True)
        waits = True
        time.sleep(1)


@contextmanager
def _logged_to_mlflow(
    paths: Paths, folder: Path, started: float, key: str, name: str
) -> Iterator[Callable[[Sequence[Path], dict[str, float]], None]]:
    """One run for the sweep, closed however it ends: by a process of its own if this one is killed.

    That process delivers the jobs as they finish, while others still run.
    """
    from fieldguide.tracking.tracker import Tracker

    command = [
        sys.executable,
        "-m",
        "fieldguide.experiments.sweep_delivery",
        str(paths.checkout),
        str(folder),
        str(started),
    ]
    delivery = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
    assert delivery.stdin is not None
    tracker, run = None, ""
    try:
        tracker = Tracker(paths)
        run = tracker.open_sweep(key, name)
    except UserError as error:
        print(error, file=sys.stderr, flush=True)
    status = "KILLED"

    def close(files: Sequence[Path], metrics: dict[str, float]) -> None:
        nonlocal status
        status = "FINISHED"
        if tracker is not None:
            tracker.close_sweep(run, files, metrics)

    try:
        yield close
    finally:
        if tracker is not None and status == "KILLED":
            with suppress(UserError):
                tracker.close_sweep(run, [], {}, status)
        with suppress(BrokenPipeError), Progress("log to MLflow"):
            delivery.communicate("done\n")


if __name__ == "__main__":
    main()
