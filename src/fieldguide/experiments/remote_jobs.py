"""Jobs of a sweep that another program runs in processes of its own, perhaps on other machines.

What becomes of a job is in its folder, which all machines see. A job of which nothing is there when its process is gone
is lost: whatever ended it, it is a failed job, and the others go on.
"""

import os
import platform
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from fieldguide.base.errors import UserError
from fieldguide.base.system_errors import faults_in_one_line
from fieldguide.experiments.sweep_outcome import (
    FOLDER_VARIABLE,
    PROCESS_VARIABLE,
    SweepJob,
    job_of,
    new_outcome,
    told,
    valid_accuracy,
    write_outcome,
)
from fieldguide.tracking.process_ids import MACHINE_VARIABLE

UNWRITTEN = "its folder does not hold what it came to"
PASSED_ON = (FOLDER_VARIABLE, PROCESS_VARIABLE)


@dataclass(frozen=True)
class RemoteJob:
    """A job as it is sent to another process: to call it there is to run it."""

    job: SweepJob
    overrides: list[str]
    config: DictConfig
    context: HydraContext
    task: TaskFunction
    state: Any
    checkout: Path
    variables: dict[str, str]

    @classmethod
    def of(
        cls, context: HydraContext, task: TaskFunction, config: DictConfig, overrides: Sequence[str], number: int
    ) -> "RemoteJob":
        """The job of a sweep with these overrides; the other arguments are what Hydra gives a launcher."""
        composed = _composed(context, config, overrides, number)
        variables = {name: os.environ[name] for name in PASSED_ON} | {MACHINE_VARIABLE: platform.node()}
        state = Singleton.get_state()
        return cls(job_of(composed.hydra), list(overrides), config, context, task, state, Path.cwd(), variables)

    def __call__(self) -> float:
        """Run it, here and now: what becomes of it is in its folder. Returns its valid accuracy, NaN if it failed."""
        os.chdir(self.checkout)
        os.environ |= self.variables
        Singleton.set_state(self.state)
        setup_globals()
        composed = _composed(self.context, self.config, self.overrides, self.job.number)
        HydraConfig.instance().set_config(composed)
        done: JobReturn = run_job(
            task_function=self.task,
            config=composed,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
        )
        return float(done.return_value)


# Runs all jobs. Yields the place of each that has ended, and the reason, should it be lost and the reason be known.
Engine = Callable[[Sequence[RemoteJob], Mapping[str, Any]], Generator[tuple[int, str], None, None]]


def launch(engine: Engine, jobs: Sequence[RemoteJob], options: Mapping[str, Any]) -> list[JobReturn]:
    """Run all jobs, tell of each when it has ended, and return what Hydra's sweepers look at: the valid accuracies.

    A reason not to begin at all ends the process in one line.
    """
    returns = [JobReturn(overrides=job.overrides, status=JobStatus.COMPLETED) for job in jobs]
    try:
        with faults_in_one_line("the same command resumes it"), closing(engine(jobs, options)) as gone:
            for place, reason in gone:
                job = jobs[place].job
                outcome = new_outcome(job) or write_outcome(job, {"status": "failed", "error": reason or UNWRITTEN})
                print(told(job, outcome), flush=True)
                returns[place].return_value = valid_accuracy(outcome)
    except UserError as error:  # Hydra would print its traceback
        sys.exit(f"sweep: {error}")
    return returns


def _composed(context: HydraContext, config: DictConfig, overrides: Sequence[str], number: int) -> DictConfig:
    composed = context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(composed):
        composed.hydra.job.num = number
        composed.hydra.job.id = f"{composed.hydra.job.name}_{number}"
    return composed
