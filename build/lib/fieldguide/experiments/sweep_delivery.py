"""Delivers the finished jobs of a sweep to MLflow while others run, from a process of its own that outlives a kill."""

import sys
import threading
import time
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.system_errors import faults_in_one_line

POLL_SECONDS = 1.0  # between two looks at the sweep's folder


def deliver(checkout: Path, sweep: Path, since: float, lines: Iterable[str]) -> None:
    """Deliver every job of a sweep that finishes, or is found finished, while `lines` continue.

    Parameters
    ----------
    since
        When the sweep began, in seconds since 1970: what ended before may be made again, and is left alone until then.
    lines
        They end with the process that runs the sweep; if "done" is not the last, runs that it left open are closed as
        killed.
    """
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(line.strip() for line in lines))
    listener.start()
    known: set[Path] = set()
    while listener.is_alive():
        known |= _deliver_new(checkout, sweep, since, known)
        listener.join(POLL_SECONDS)
    _deliver_new(checkout, sweep, since, known)
    if said[-1:] != ["done"]:
        from fieldguide.tracking.tracker import Tracker

        time.sleep(1)  # for the operating system to take note
        Tracker(Paths(checkout)).close_stale()


def _deliver_new(checkout: Path, sweep: Path, since: float, known: set[Path]) -> set[Path]:
    """Deliver the jobs that have ended and are not known yet; returns their files."""
    outcomes = {file: read_json(file) for file in sorted(set(sweep.glob("*/outcome.json")) - known)}
    ended = {file: outcome for file, outcome in outcomes.items() if outcome["ended"] >= since}
    for file, outcome in ended.items():
        made_here = str(outcome.get("predictions", "")).startswith(f"{sweep.name}/{file.parent.name}/")
        if outcome["status"] == "finished" and made_here:  # a job that was skipped may have its results elsewhere
            _deliver_job(Paths(file.parent, checkout))
    return set(ended)


def _deliver_job(paths: Paths) -> None:
    from fieldguide.tracking.delivery import sync

    try:
        with (
            faults_in_one_line("the same command resumes it"),
            (paths.root / "job.log").open("a", encoding="utf-8") as log,
            redirect_stdout(log),
        ):
            print(sync(paths))
    except UserError as error:
        print(error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    start_process()
    try:
        deliver(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.stdin)
    except UserError as problem:
        print(problem, file=sys.stderr)
