"""The launchers of sweeps: Hydra finds plugins only in this package.

Every process that composes a configuration loads this module: what a launcher does is in `fieldguide.experiments`.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from fieldguide.experiments.remote_jobs import Engine


class RemoteLauncher(Launcher):
    """Runs each job of a sweep in a process of an engine's, and outlives what becomes of it."""

    def __init__(self, **options: Any) -> None:
        self.options: dict[str, Any] = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in options.items()
        }

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what the jobs need; Hydra calls this once."""
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a job for each list of overrides; `initial_job_idx` is the number of the first."""
        from fieldguide.experiments.remote_jobs import RemoteJob, launch

        jobs = [
            RemoteJob.of(self.context, self.task, self.config, overrides, number)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        return launch(self.engine(), jobs, self.options)

    @abstractmethod
    def engine(self) -> "Engine":
        """What runs the jobs."""


class JoblibLauncher(RemoteLauncher):
    """`hydra/launcher=joblib`, in the place of Hydra's own, which a lost process ends."""

    def engine(self) -> "Engine":
        """Processes of this machine."""
        from fieldguide.experiments.local_processes import run_with_joblib

        return run_with_joblib


class SlurmLauncher(RemoteLauncher):
    """`hydra/launcher=slurm`."""

    def engine(self) -> "Engine":
        """Jobs of SLURM."""
        from fieldguide.experiments.slurm import run_on_slurm

        return run_on_slurm


class RayLauncher(RemoteLauncher):
    """`hydra/launcher=ray`."""

    def engine(self) -> "Engine":
        """Tasks of Ray."""
        from fieldguide.experiments.ray_tasks import run_on_ray

        return run_on_ray
