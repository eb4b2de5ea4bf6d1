"""The runs of this project in the tracking store: opened, filled, closed, found again."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from fieldguide.base.paths import Paths
from fieldguide.tracking.choices import read_origin, shown_params
from fieldguide.tracking.names import CHECKOUT, CODE, CONFIG, FINGERPRINT, LAUNCHED_BY, LAUNCHER, PARENT, PROCESS, SWEEP
from fieldguide.tracking.processes import checkout_id, process_id, process_lives
from fieldguide.tracking.provenance import command
from fieldguide.tracking.store import (
    LATER,
    answering,
    connect,
    experiment_name,
    home,
    is_sqlite,
    state_folder,
    tracking_address,
)

LONGEST_PARAM = 6000


class Tracker:
    """A connection to the tracking store and this project's experiment in it.

    Raises UserError if the store does not answer; `then` says what to do in that case.
    """

    def __init__(self, paths: Paths, then: str = LATER) -> None:
        self.paths = paths
        self.address = tracking_address(paths)
        with answering(self.address, then), FileLock(state_folder(paths) / "mlflow.lock"):
            self.client = connect(paths, self.address)  # locked: processes that make a database together all fail
            self.experiment = self._experiment()

    def _experiment(self) -> str:
        name = experiment_name()
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = (home(self.paths) / "mlruns").as_uri() if is_sqlite(self.address) else None
        return str(self.client.create_experiment(name, artifact_location=place))

    def finished(self, fingerprint: str) -> list[Any]:
        """The finished runs with this fingerprint, the newest first."""
        query = f"tags.`{FINGERPRINT}` = '{fingerprint}' and attributes.status = 'FINISHED'"
        return list(self.client.search_runs([self.experiment], query, order_by=["attributes.start_time DESC"]))

    def create(self, record: dict[str, Any], provenance: dict[str, Any], name: str) -> str:
        """Open a run for a training, with all that is needed to make it again; returns its id."""
        origin = read_origin(self.paths)
        self.close_stale()
        tags = {
            FINGERPRINT: record["fingerprint"],
            CHECKOUT: checkout_id(self.paths),
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
        run = self.client.create_run(self.experiment, tags=tags, run_name=name)
        identity = str(run.info.run_id)
        self.log_params(identity, shown_params(self.paths, record))
        self.client.log_text(identity, provenance["packages"], "environment/packages.txt")
        self.client.log_text(identity, provenance["lock"], "environment/dvc.lock")
        if provenance["diff"]:
            self.client.log_text(identity, provenance["diff"], "environment/git.diff")
        self.log_config(identity, provenance)
        return identity

    def log_config(self, run: str, provenance: dict[str, Any]) -> None:
        """Log the whole configuration, also of what is no parameter of the training."""
        content = {key: provenance[key] for key in ("choices", "config", "overrides", "stages")}
        self.client.log_text(run, json.dumps(content, indent=2, ensure_ascii=False), CONFIG)

    def sweep_run(self, key: str, name: str) -> str:
        """The id of the run that a sweep's jobs stand below; it is opened where there is none yet."""
        with FileLock(state_folder(self.paths) / "sweep.lock"):
            query = f"tags.`{SWEEP}` = '{key}'"
            known = self.client.search_runs([self.experiment], query, max_results=1)
            if known:
                return str(known[0].info.run_id)
            tags = {SWEEP: key, CHECKOUT: checkout_id(self.paths), "mlflow.source.name": command()}
            return str(self.client.create_run(self.experiment, tags=tags, run_name=name).info.run_id)

    def open_sweep(self, key: str, name: str) -> str:
        """Show a sweep as running, by this process."""
        self.close_stale()
        run = self.sweep_run(key, name)
        self.client.set_tag(run, PROCESS, process_id(os.getpid()))
        if LAUNCHER in os.environ:
            self.client.set_tag(run, LAUNCHED_BY, os.environ[LAUNCHER])
        self.client.update_run(run, status="RUNNING")
        return run

    def close_sweep(self, run: str, files: Iterable[Path], metrics: dict[str, float], status: str = "FINISHED") -> None:
        """Hand in what came out of a sweep, and show it as ended. Raises UserError if the store does not answer."""
        with answering(self.address):
            for path in files:
                self.client.log_artifact(run, str(path))
            self.log_metrics(run, metrics)
            self.client.set_terminated(run, status)

    def close_stale(self) -> None:
        """Mark as killed what is shown as running in this checkout by a process that is no more."""
        query = f"tags.`{CHECKOUT}` = '{checkout_id(self.paths)}' and attributes.status = 'RUNNING'"
        experiments = [found.experiment_id for found in self.client.search_experiments()]  # `mlflow run` has its own
        for run in self.client.search_runs(experiments, query):
            if not process_lives(run.data.tags.get(PROCESS, "")):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def log_params(self, run: str, params: dict[str, Any]) -> None:
        """Log parameters under their names in the configuration."""
        from mlflow.entities import Param

        entries = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in params.items()]
        for start in range(0, len(entries), 100):
            self.client.log_batch(run, params=entries[start : start + 100])

    def log_metrics(self, run: str, metrics: dict[str, Any], step: int = 0) -> None:
        """Log the numbers among `metrics` in one call; characters that MLflow refuses in names become `_`."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        numbers = {k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        entries = [Metric(_metric_name(key), value, now, step) for key, value in numbers.items()]
        for start in range(0, len(entries), 1000):
            self.client.log_batch(run, metrics=entries[start : start + 1000])


def _metric_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_-. /:" else "_" for letter in name)
