"""The runs of this project in the tracking store: opened, filled, closed, found again."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.tracking.process_ids import checkout_id, folder_id, lives_here, process_id, process_lives
from fieldguide.tracking.provenance import command
from fieldguide.tracking.run_params import read_origin, shown_params
from fieldguide.tracking.store import (
    SYNC_ADVICE,
    answering,
    asked_once,
    connect,
    experiment_name,
    home,
    is_sqlite,
    shown_address,
    state_folder,
    tracking_address,
)
from fieldguide.tracking.stored_names import changed_names, stored_name, stored_title, stored_value
from fieldguide.tracking.tags import (
    CHECKOUT,
    CODE,
    CONFIG,
    FINGERPRINT,
    FOLDER,
    LAUNCHED_BY,
    LAUNCHER,
    METRIC_NAMES,
    PARAM_NAMES,
    PARENT,
    PROCESS,
    SWEEP,
)

PARAMS_AT_A_TIME, METRICS_AT_A_TIME = 25, 400  # a server takes a megabyte at a time, and six bytes a letter


class Tracker:
    """A connection to the tracking store and this project's experiment in it.

    Raises UserError if the store does not answer; `advice` says what to do in that case.
    """

    def __init__(self, paths: Paths, advice: str = SYNC_ADVICE) -> None:
        self.paths = paths
        self.address = tracking_address(paths)
        with answering(self.address, advice), FileLock(state_folder(paths) / "mlflow.lock"):
            self.client = connect(paths, self.address)  # locked: processes that make a database together all fail
            self.experiment = self._experiment()

    def _experiment(self) -> str:
        name = experiment_name()
        found = self.client.get_experiment_by_name(name) or self._new_experiment(name)
        if found.lifecycle_stage == "deleted":
            raise UserError(
                f"MLflow at {shown_address(self.address)}: the experiment {name!r} is deleted: restore it (`mlflow "
                f"experiments restore --experiment-id {found.experiment_id}`), or choose another one in "
                "MLFLOW_EXPERIMENT_NAME"
            )
        return str(found.experiment_id)

    def _new_experiment(self, name: str) -> Any:
        """Make the experiment, unless somebody else is just making it."""
        from mlflow.exceptions import MlflowException

        place = (home(self.paths) / "mlruns").as_uri() if is_sqlite(self.address) else None
        try:
            self.client.create_experiment(name, artifact_location=place)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        return self.client.get_experiment_by_name(name)

    def finished(self, fingerprint: str) -> list[Any]:
        """The finished runs with this fingerprint, the newest first."""
        query = f"tags.`{FINGERPRINT}` = '{fingerprint}' and attributes.status = 'FINISHED'"
        return list(self.client.search_runs([self.experiment], query, order_by=["attributes.start_time DESC"]))

    def unfinished(self, fingerprint: str, code: str) -> Any | None:
        """The run of this training, by the same code and in this folder, that was interrupted or failed, if any."""
        query = f"tags.`{FINGERPRINT}` = '{fingerprint}' and tags.`{FOLDER}` = '{folder_id(self.paths)}'"
        for run in self.client.search_runs([self.experiment], query, order_by=["attributes.start_time DESC"]):
            process = run.data.tags.get(PROCESS, "")
            free = run.info.status != "RUNNING" or process == process_id(os.getpid()) or not process_lives(process)
            if run.info.status != "FINISHED" and run.data.tags.get(CODE) == code and free:
                return run
        return None

    def open(self, record: dict[str, Any], provenance: dict[str, Any], name: str) -> str:
        """Show a training as running, with its provenance; returns the id of its run.

        That is the one which an interrupted or failed attempt left, else a new one.
        """
        self.close_stale()
        params = {stored_name(key): stored_value(value) for key, value in shown_params(self.paths, record).items()}
        left = self.unfinished(record["fingerprint"], provenance["code"])
        if left is not None and all(params.get(key, value) == value for key, value in left.data.params.items()):
            run = str(left.info.run_id)
            self.take(run)
        else:
            tags = self._tags(record, provenance)
            with asked_once():  # without an answer the next call finds the run, if there is one
                run = str(self.client.create_run(self.experiment, tags=tags, run_name=stored_title(name)).info.run_id)
        self._log_params(run, params)
        self._log_names(run, shown_params(self.paths, record), PARAM_NAMES)
        self.client.log_text(run, provenance["packages"], "environment/packages.txt")
        self.client.log_text(run, provenance["lock"], "environment/dvc.lock")
        if provenance["diff"]:
            self.client.log_text(run, provenance["diff"], "environment/git.diff")
        self.log_config(run, provenance)
        return run

    def take(self, run: str) -> None:
        """Show a run that was interrupted as running, by this process."""
        self.client.set_tag(run, PROCESS, process_id(os.getpid()))
        self.client.update_run(run, status="RUNNING")

    def _tags(self, record: dict[str, Any], provenance: dict[str, Any]) -> dict[str, str]:
        origin = read_origin(self.paths)
        return {
            FINGERPRINT: record["fingerprint"],
            CHECKOUT: checkout_id(self.paths),
            FOLDER: folder_id(self.paths),
            PROCESS: process_id(os.getpid()),
            CODE: provenance["code"],
            **({PARENT: self.sweep_run(**origin["sweep"])} if "sweep" in origin else {}),
            **({LAUNCHED_BY: os.environ[LAUNCHER]} if LAUNCHER in os.environ else {}),
            "mlflow.source.name": provenance["command"] or "fieldguide sync",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": provenance["commit"],
            **{f"input.{name}_sha256": digest for name, digest in record["inputs"].items()},
            **provenance["machine"],
        }

    def log_config(self, run: str, provenance: dict[str, Any]) -> None:
        """Log the whole configuration, also of what is no parameter of the training."""
        content = {key: provenance[key] for key in ("choices", "config", "overrides", "stages")}
        self.client.log_text(run, json.dumps(content, indent=2, ensure_ascii=False), CONFIG)

    def sweep_run(self, key: str, name: str) -> str:
        """The id of the parent run of a sweep's jobs; it is opened where there is none yet."""
        with FileLock(state_folder(self.paths) / "sweep.lock"):
            query = f"tags.`{SWEEP}` = '{key}'"
            known = self.client.search_runs([self.experiment], query, max_results=1)
            if known:
                return str(known[0].info.run_id)
            tags = {SWEEP: key, CHECKOUT: checkout_id(self.paths), "mlflow.source.name": command()}
            with asked_once():
                return str(self.client.create_run(self.experiment, tags=tags, run_name=stored_title(name)).info.run_id)

    def open_sweep(self, key: str, name: str) -> str:
        """Show a sweep as running, by this process."""
        self.close_stale()
        run = self.sweep_run(key, name)
        self._end_jobs(run)
        self.client.set_tag(run, PROCESS, process_id(os.getpid()))
        if LAUNCHER in os.environ:
            self.client.set_tag(run, LAUNCHED_BY, os.environ[LAUNCHER])
        self.client.update_run(run, status="RUNNING")
        return run

    def close_sweep(self, run: str, files: Iterable[Path], metrics: dict[str, float], status: str = "FINISHED") -> None:
        """Deliver the results of a sweep, and end its run. Raises UserError if the store does not answer."""
        with answering(self.address):
            for path in files:
                self.client.log_artifact(run, str(path))
            self.log_metrics(run, metrics)
            self._end_jobs(run)
            self.client.set_terminated(run, status)

    def _end_jobs(self, sweep: str) -> None:
        """Before and after a sweep: mark as killed what is still shown as running of its jobs, on whichever machine."""
        query = f"tags.`{PARENT}` = '{sweep}' and tags.`{CHECKOUT}` = '{checkout_id(self.paths)}'"
        for run in self.client.search_runs([self.experiment], f"{query} and attributes.status = 'RUNNING'"):
            if not lives_here(run.data.tags.get(PROCESS, "")):  # else its results are being delivered
                self.client.set_terminated(run.info.run_id, "KILLED")

    def end(self, run: str, status: str) -> None:
        """End a run: FINISHED, FAILED or KILLED. Raises UserError if the store does not answer."""
        with answering(self.address):
            self.client.set_terminated(run, status)

    def model_of(self, run: str, name: str) -> str:
        """The id of the model that was begun for a run, also where the run does not name it yet, else of a new one."""
        if begun := self._models_of(run):
            return begun[-1]
        params = self.client.get_run(run).data.params
        with asked_once():
            return str(self.client.create_logged_model(self.experiment, name, run, params=params).model_id)

    def delete(self, run: str) -> None:
        """Delete a run that repeats another one, with its models."""
        for model in self._models_of(run):
            self.client.delete_logged_model(model)
        self.client.delete_run(run)

    def _models_of(self, run: str) -> list[str]:
        query = f"source_run_id = '{run}'"
        return [model.model_id for model in self.client.search_logged_models([self.experiment], query)]

    def close_stale(self) -> None:
        """Mark as killed what is shown as running in this checkout by a process that no longer runs."""
        query = f"tags.`{CHECKOUT}` = '{checkout_id(self.paths)}' and attributes.status = 'RUNNING'"
        experiments = [found.experiment_id for found in self.client.search_experiments()]  # `mlflow run` has its own
        for run in self.client.search_runs(experiments, query):
            if not process_lives(run.data.tags.get(PROCESS, "")):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def _log_params(self, run: str, params: dict[str, str]) -> None:
        from mlflow.entities import Param

        entries = [Param(key, value) for key, value in params.items()]
        for start in range(0, len(entries), PARAMS_AT_A_TIME):
            self.client.log_batch(run, params=entries[start : start + PARAMS_AT_A_TIME])

    def log_metrics(self, run: str, metrics: dict[str, Any], step: int = 0) -> None:
        """Log the numbers among `metrics`, by names that MLflow accepts; of the whole run (step 0) what is new."""
        from mlflow.entities import Metric

        now, known = int(time.time() * 1000), self.client.get_run(run).data.metrics if step == 0 else {}
        numbers = {k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        entries = [Metric(n, v, now, step) for k, v in numbers.items() if known.get(n := stored_name(k)) != v]
        for start in range(0, len(entries), METRICS_AT_A_TIME):
            self.client.log_batch(run, metrics=entries[start : start + METRICS_AT_A_TIME])

    def log_texts(self, run: str, metrics: dict[str, Any]) -> None:
        """Set the texts among `metrics` as tags, which the UI compares too: a metric of MLflow is a number."""
        for name, value in metrics.items():
            if isinstance(value, str):
                self.client.set_tag(run, stored_name(name), stored_value(value))

    def log_metric_names(self, run: str, names: Iterable[str]) -> int:
        """Log which metrics have another name in MLflow than their own; returns how many these are."""
        return self._log_names(run, names, METRIC_NAMES)

    def _log_names(self, run: str, names: Iterable[str], file: str) -> int:
        changed = changed_names(names)
        if changed:
            self.client.log_text(run, json.dumps(changed, indent=2, ensure_ascii=False), file)
        return len(changed)
