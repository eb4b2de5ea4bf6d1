"""What `mlflow run` starts (see MLproject): the commands of the command line.

`mlflow run` opens a run of its own, most often in another experiment. It stays what it is, the record of a command, and
its description names the runs that the command made.
"""

import os
import shlex
import sys
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.interruption import STOPPED, run_to_its_end
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.stage_names import Stage
from fieldguide.tracking.process_ids import checkout_id, process_id
from fieldguide.tracking.store import answering
from fieldguide.tracking.tags import CHECKOUT, LAUNCHED_BY, LAUNCHER, PROCESS
from fieldguide.tracking.tracker import Tracker

PYTHON = sys.executable
FIELDGUIDE = [PYTHON, "-m", "fieldguide.cli"]
DVC = [PYTHON, "-m", "dvc"]


def main() -> None:
    """`python -m fieldguide.cli.mlproject ENTRY_POINT TEXT`: run an entry point, and leave with its exit code."""
    start_process()
    entry, text = sys.argv[1:]
    paths, launcher = Paths(Path.cwd()), os.environ.pop("MLFLOW_RUN_ID", "")
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
    if launcher:
        os.environ[LAUNCHER] = launcher
    try:
        chain = commands(entry, text)
    except UserError as error:
        sys.exit(f"{entry}: {error}")
    tracker = _open(paths, launcher)
    try:
        code = _run(chain)
    except KeyboardInterrupt:  # the command has said what is kept
        code = STOPPED
    if tracker:
        _close(tracker, launcher, code)
    sys.exit(code)


def commands(entry: str, text: str) -> list[list[str]]:
    """The commands of an entry point, each to be run after the success of the one before.

    Parameters
    ----------
    text
        The entry point's parameter as it would stand on the command line: overrides, or a run for "reproduce".
    """
    if entry == "reproduce":  # a name may hold spaces
        return [[*FIELDGUIDE, "reproduce", text]]
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(f"overrides={text}: {str(error).lower()}") from None
    if entry == "sweep" or words:
        return [[PYTHON, "-m", "fieldguide.experiments.sweep", *words]]
    deliver = [*FIELDGUIDE, "sync"]
    if entry == "train":
        return [[*DVC, "repro", Stage.EVALUATE], deliver]
    return [[*DVC, "repro"], deliver, [*FIELDGUIDE, "summary"]]


def _run(chain: list[list[str]]) -> int:
    environment = {**os.environ, "PYTHONPATH": str(Path("src").resolve())}
    for command in chain:
        if code := run_to_its_end(command, env=environment).returncode:
            return code
    return 0


def _open(paths: Paths, launcher: str) -> Tracker | None:
    """Note on the run of `mlflow run` who works for it, so that it can be closed if all are killed."""
    if not launcher:
        return None
    try:
        tracker = Tracker(paths)
        with answering(tracker.address):
            tracker.client.set_tag(launcher, CHECKOUT, checkout_id(paths))
            tracker.client.set_tag(launcher, PROCESS, process_id(os.getpid()))
    except UserError as error:
        print(error, file=sys.stderr)
        return None
    return tracker


def _close(tracker: Tracker, launcher: str, code: int) -> None:
    """Name the runs that were made; close the run of `mlflow run`, which may have been killed itself."""
    try:
        with answering(tracker.address):
            query = f"tags.`{LAUNCHED_BY}` = '{launcher}'"
            made = tracker.client.search_runs([tracker.experiment], query, order_by=["attributes.start_time ASC"])
            lines = [f"- {run.info.run_name}: {run.info.run_id}" for run in made]
            note = "Runs made in the experiment fieldguide:\n\n" + "\n".join(lines) if made else "No new run was made."
            tracker.client.set_tag(launcher, "mlflow.note.content", note)
            status = "KILLED" if code == STOPPED else "FAILED" if code else "FINISHED"
            tracker.client.set_terminated(launcher, status)
    except UserError as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
