"""Jobs of a sweep on a cluster of SLURM, which submitit submits as one array.

Whether a job is over is what `squeue` says: unlike `sacct`, it needs no accounting.
"""

import getpass
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.experiments.remote_jobs import RemoteJob
from fieldguide.experiments.sweep_outcome import new_outcome

POLL_SECONDS = 5.0  # between two looks at the queue
CANCEL_SECONDS = 300.0  # for cancelled jobs to be gone: SLURM kills what does not end, and gives up a silent node
LATE_SECONDS = 15.0  # after which every machine sees a file that one of them has written
OF_ALL_EXECUTORS = ("cpus_per_task", "gpus_per_node", "mem_gb", "timeout_min")  # parameters of submitit's
ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REVOKED", "TIMEOUT"),
}
REASONS = {
    "CANCELLED": "it was cancelled",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "it took more than hydra.launcher.mem_gb",
    "PREEMPTED": "the cluster took its node for others",
    "TIMEOUT": "its time, hydra.launcher.timeout_min, was over",
}


def run_on_slurm(jobs: Sequence[RemoteJob], options: Mapping[str, Any]) -> Generator[tuple[int, str], None, None]:
    """An `Engine`: the jobs are an array of SLURM's, which is cancelled if this ends before they do.

    What an earlier call of the same sweep, which was killed, has left in the queue is cancelled first. Raises UserError
    if SLURM is not here, does not answer or refuses the jobs.
    """
    sweep = jobs[0].job.sweep
    name = f"fieldguide-{hashlib.sha256(os.fsencode(sweep)).hexdigest()[:12]}"
    _cancel_earlier(name)
    submitted = _submit(jobs, options, name, sweep / "slurm")
    array = submitted[0].job_id.partition("_")[0]
    print(f"sweep: {len(jobs)} jobs are in SLURM's queue ({array}); their output goes to {sweep / 'slurm'}", flush=True)
    waiting, over, answers = set(range(len(jobs))), dict[int, float](), True
    try:
        while waiting:
            time.sleep(POLL_SECONDS)
            try:
                states, answers = _states(name), True
            except UserError as error:
                if answers:
                    print(f"sweep: {error}; waiting until it does", file=sys.stderr, flush=True)
                answers = False
                continue
            for place in sorted(waiting):
                state = states.get(submitted[place].job_id, "no longer in the queue")
                if state in ENDED or submitted[place].job_id not in states:
                    late = time.monotonic() - over.setdefault(place, time.monotonic()) > LATE_SECONDS
                    if late or new_outcome(jobs[place].job):
                        waiting.remove(place)
                        yield place, _reason(submitted[place], state)
    finally:
        if waiting:
            _cancel(name)


def _cancel_earlier(name: str) -> None:
    if shutil.which("sbatch") is None:
        raise UserError("hydra/launcher=slurm: no `sbatch` here: call it on a machine that can submit jobs to SLURM")
    if left := _in_queue(name):
        print(f"sweep: cancelling {left} jobs that an earlier call has left in SLURM's queue", flush=True)
        _cancel(name)
    end = time.monotonic() + CANCEL_SECONDS
    while _in_queue(name):
        if time.monotonic() > end:
            raise UserError(
                f"hydra/launcher=slurm: SLURM's queue still holds the cancelled jobs (`squeue --name={name}`): they "
                "may write to the sweep's folders, so call it again when they are gone"
            )
        time.sleep(1)


def _submit(jobs: Sequence[RemoteJob], options: Mapping[str, Any], name: str, folder: Path) -> list[Any]:
    try:
        import submitit
        from submitit.core.utils import FailedJobError, FailedSubmissionError
    except ModuleNotFoundError:
        raise UserError("hydra/launcher=slurm: it needs submitit: pip install 'fieldguide[slurm]'") from None
    executor = submitit.AutoExecutor(folder / "%j", cluster="slurm", slurm_max_num_timeout=0)
    parameters = {key if key in OF_ALL_EXECUTORS else f"slurm_{key}": value for key, value in options.items()}
    try:
        # Without srun, which would give a job one of its cores.
        executor.update_parameters(name=name, slurm_use_srun=False, **parameters)
        return list(executor.map_array(_run, jobs))
    except (FailedJobError, FailedSubmissionError, AssertionError, NameError) as error:
        said = _last_line(str(error)) or type(error).__name__
        raise UserError(f"hydra/launcher=slurm: SLURM refused the jobs: {said}") from None


def _run(job: RemoteJob) -> float:
    """In a job of SLURM: run a job of the sweep, in all of its time, and to be ended at once.

    Submitit would take the signal before the end for one, and none to end for one.
    """
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return job()


def _states(name: str) -> dict[str, str]:
    """The states of the jobs with this name that SLURM still knows, by id. Raises UserError if it does not answer."""
    mine = [f"--name={name}", f"--user={getpass.getuser()}"]
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T", *mine]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"SLURM does not answer ({_last_line(done.stderr) or f'squeue ended with {done.returncode}'})")
    return dict(line.split() for line in done.stdout.splitlines())


def _in_queue(name: str) -> int:
    return sum(state not in ENDED for state in _states(name).values())


def _cancel(name: str) -> None:
    subprocess.run(["scancel", f"--name={name}", f"--user={getpass.getuser()}"], capture_output=True, check=False)


def _reason(job: Any, state: str) -> str:
    """Why a job of SLURM has ended without a result, in a line."""
    told = REASONS.get(state)
    if told is None:
        log = job.paths.stderr
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        told = _last_line(said) or "it was cancelled before it began"
    return f"SLURM job {job.job_id} was lost ({state}): {told}"


def _last_line(said: str) -> str:
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
