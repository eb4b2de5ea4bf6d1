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
from typing import Any

from hydra import main as hydra_main
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import OverrideParseException

from fieldguide.base.config import GROUPS
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, write_json
from fieldguide.base.option_files import read_mapping, read_params
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.stage_names import Stage
from fieldguide.base.system_errors import faults_in_one_line
from fieldguide.configuration.compose import check_names, compose, store_primary_config
from fieldguide.experiments.sweep_job import FOLDER_VARIABLE, is_choice, run_combination
from fieldguide.model.fingerprint import code_digest

INFO_FLAGS = {"--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", "--version", "--shell-completion", "-sc"}


def main() -> None:
    """`python -m fieldguide.experiments.sweep ...`: Hydra's command line, with several values for what varies."""
    start_process()
    arguments = sys.argv[1:]
    paths = Paths(Path.cwd())
    try:
        with faults_in_one_line("the same command resumes it"):
            _main(paths, arguments)
    except UserError as error:
        sys.exit(f"sweep: {error}")
    except KeyboardInterrupt:
        sys.exit("sweep: stopped; the same command resumes it")


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

    _check_choices(paths, arguments)
    varied = [argument for argument in arguments if is_choice(argument) or argument.startswith("+sweep=")]
    studies = _studies(paths, varied)
    _bring_up_to_date(paths)
    content = [sorted(varied), *studies, _base_fingerprint(paths), code_digest()]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
    name = "sweep " + " ".join(argument.lstrip("+").partition("=")[0 if "," in argument else 2] for argument in varied)
    folder = paths.sweeps / f"{_slug(name)}-{key}"
    write_json(folder / "sweep.json", {"key": key, "name": name, "arguments": list(arguments)})
    os.environ[FOLDER_VARIABLE] = str(folder.resolve())
    hydra = {
        "sweep": {"dir": str(folder.resolve() / "hydra"), "subdir": "${hydra.job.num}"},
        "job": {"chdir": False},
    }
    before = time.time()
    with _logged_to_mlflow(paths, folder, before, key, name) as close:
        _run_hydra(paths, ["--multirun", *[a for a in arguments if a not in ("-m", "--multirun")]], {"hydra": hydra})
        outcomes = [read_json(path) for path in sorted(folder.glob("*/outcome.json"))]
        failed = [outcome for outcome in outcomes if outcome["status"] == "failed" and outcome["ended"] >= before]
        files = write_leaderboard(folder, outcomes)
        close(files, {"jobs": len(outcomes), "failed": len(failed)})
    return len(failed)


def _check_choices(paths: Paths, arguments: Sequence[str]) -> None:
    """Raise UserError for an option or a key that does not exist, before anything is begun or logged to MLflow."""
    try:
        overrides = OverridesParser.create().parse_overrides([a for a in arguments if is_choice(a)])
    except OverrideParseException as error:
        raise UserError(f"{error.override!r} is not understood: write key=value or key=value,value") from None
    except RecursionError:
        raise UserError("a value is nested too deeply") from None
    tried = [(override, _single(override)) for override in overrides]
    options = max([len(single) for override, single in tried if override.key_or_group in GROUPS], default=1)
    for turn in range(options):
        check_names(paths, [single[turn] if turn < len(single) else single[0] for _, single in tried if single])


def _single(override: Override) -> list[str]:
    """An override for each value that one lists; none where the values come from a sweeper, or what files there are."""
    if override.value_type in (ValueType.INTERVAL_SWEEP, ValueType.GLOB_CHOICE_SWEEP):
        return []
    if not override.is_sweep_override():
        return [str(override.input_line)]
    return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]


def _run_hydra(paths: Paths, arguments: Sequence[str], more: dict[str, Any]) -> None:
    sys.argv = [sys.argv[0], *arguments]
    name = store_primary_config(read_params(paths), **more)
    hydra_main(version_base="1.3", config_path=str(paths.conf.resolve()), config_name=name)(run_combination)()


def _studies(paths: Paths, varied: Sequence[str]) -> list[str]:
    """What the chosen files of conf/sweep/ hold. Raises UserError for one that sets anything but hydra.sweeper.params.

    No job would record a value set there, so its run could not be repeated.
    """
    names = [argument.partition("=")[2] for argument in varied if argument.startswith("+sweep=")]
    files = [file for name in names if (file := paths.option("sweep", name)).is_file()]
    for file in files:
        for key in read_mapping(file, f"conf/sweep/{file.name}"):
            if key != "hydra":
                raise UserError(
                    f"conf/sweep/{file.name}: {key}: a study sets only hydra.sweeper.params: move the value there"
                )
    return [file.read_text(encoding="utf-8") for file in files]


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)[:40].strip("-")


def _base_fingerprint(paths: Paths) -> str:
    from fieldguide.model.fingerprint import training_record

    return str(training_record(compose(paths), paths)["fingerprint"])


def _bring_up_to_date(paths: Paths) -> None:
    """Let DVC make what all jobs start from, where it is behind; another DVC command at work is waited for."""
    dvc, targets = [sys.executable, "-m", "dvc"], [Stage.SPLIT, Stage.WEIGHTS]
    status = [*dvc, "status", "--quiet", "--with-deps", *targets]
    if not subprocess.run(status, cwd=paths.checkout, check=False, stderr=subprocess.DEVNULL).returncode:
        return
    print("sweep: updating the checkout's split and starting weights", flush=True)
    waits = False
    while True:
        done = subprocess.run(
            [*dvc, "repro", "--quiet", *targets], cwd=paths.checkout, check=False, stderr=subprocess.PIPE, text=True
        )
        if not done.returncode:
            return
        if not any(sign in done.stderr for sign in ("Unable to acquire lock", "is busy")):
            print(done.stderr, file=sys.stderr, end="")
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
        with suppress(BrokenPipeError):
            delivery.communicate("done\n")


if __name__ == "__main__":
    main()
