"""Finding a run by its id or name, and reading its record."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress
from fieldguide.base.stage_names import Stage
from fieldguide.tracking.provenance import kept_provenance
from fieldguide.tracking.runs import find_run
from fieldguide.tracking.store import answering, database_file, own_database, tracking_address
from fieldguide.tracking.stored_names import stored_name
from fieldguide.tracking.tags import CODE, CONFIG, MODEL
from fieldguide.tracking.tracker import Tracker

RETRY_ADVICE = "try again when it answers"
MACHINE = ("python", "machine", "system", "processor", "gpu")


@dataclass(frozen=True)
class Run:
    """A training as it was recorded: what it was made from, and its results.

    `choices` and `config` are the whole configuration, `overrides` what a sweep changed in that of the checkout, and
    `stages` what a sweep's job ran itself. `commit`, `diff` and `lock` (of DVC) say which code and data. `inputs` and
    `model_sha256` are sha256 hashes; the latter is "" for a run without a model.
    """

    name: str
    title: str  # for a person
    key: str  # for a folder
    choices: dict[str, str]
    config: dict[str, Any]
    overrides: list[str]
    stages: list[str]
    code: str
    commit: str
    diff: str
    lock: str
    packages: str
    machine: dict[str, str]
    inputs: dict[str, str]
    model_sha256: str
    metrics: dict[str, float]


def read_run(paths: Paths, name: str) -> Run:
    """The run that `name` means in the MLflow store (see `fieldguide.tracking.runs`), or a sweep's job in that folder.

    Raises UserError if there is none or several, if it is not a finished training, or if the store does not answer.
    """
    folder = Path(name)
    if (folder / "origin.json").is_file() or (folder / "outcome.json").is_file():
        return _of_job(paths, folder)
    with Progress("ask MLflow"):
        tracker = _tracker(paths)
        with answering(tracker.address, RETRY_ADVICE):
            return _recorded(tracker, find_run(tracker, name))


def made_metrics(paths: Paths) -> dict[str, float]:
    """The numbers that training and evaluation left, under their names in MLflow."""
    trained, evaluated = read_json(paths.metrics(Stage.TRAIN)), read_json(paths.metrics(Stage.EVALUATE))
    metrics = {**{f"train.{name}": value for name, value in trained.items()}, **evaluated}
    return {stored_name(name): float(value) for name, value in metrics.items() if isinstance(value, int | float)}


def _of_job(paths: Paths, folder: Path) -> Run:
    """A job that was skipped, because another one had done the same, leaves nothing but its outcome."""
    job = Paths(folder, paths.checkout)
    if job.classifier.is_file() and job.metrics(Stage.EVALUATE).is_file():
        return _kept(job)
    outcome = read_json(folder / "outcome.json") if (folder / "outcome.json").is_file() else {}
    if "fingerprint" not in outcome:
        raise UserError(f"{folder} has no finished job: {outcome.get('error', 'it was interrupted')}")
    tracker = _tracker(paths)
    with answering(tracker.address, RETRY_ADVICE):
        for run in tracker.finished(outcome["fingerprint"]):
            if run.data.tags.get(MODEL) == outcome["model_sha256"]:
                return _recorded(tracker, run)
    raise UserError(
        f"the job in {folder} was skipped, and MLflow has no run of its results: `fieldguide sync` where they are"
    )


def _kept(job: Paths) -> Run:
    kept, record = kept_provenance(job), read_json(job.classifier.with_suffix(".json"))["record"]
    if kept.get("fingerprint") != record["fingerprint"]:
        raise UserError(f"{job.root} has no provenance of its model: run the sweep's command again")
    name = read_json(job.origin)["name"]
    return Run(
        name=name,
        title=f"{name!r} ({job.root.name})",
        key=job.root.name,
        **{key: value for key, value in kept.items() if key not in ("fingerprint", "command")},
        inputs=record["inputs"],
        model_sha256=sha256_of_file(job.classifier),
        metrics=made_metrics(job),
    )


def _tracker(paths: Paths) -> Tracker:
    database = own_database(paths)
    if database_file(tracking_address(paths)) == database and not database.exists():
        raise UserError("no runs are recorded in this checkout: set MLFLOW_TRACKING_URI to where they are")
    return Tracker(paths, RETRY_ADVICE)


def _recorded(tracker: Tracker, run: Any) -> Run:
    tags, title = run.data.tags, f"{run.info.run_name!r} ({run.info.run_id[:8]})"
    files = _environment(tracker, run.info.run_id)
    if CONFIG not in files:
        raise UserError(f"run {title} was recorded without its configuration, by an older version")
    return Run(
        name=" ".join(run.info.run_name.split()),
        title=title,
        key=run.info.run_id[:8],
        **json.loads(files[CONFIG]),
        code=tags[CODE],
        commit=tags.get("mlflow.source.git.commit", ""),
        diff=files.get("environment/git.diff", ""),
        lock=files.get("environment/dvc.lock", ""),
        packages=files.get("environment/packages.txt", ""),
        machine={name: tags[name] for name in MACHINE if name in tags},
        inputs={name: tags[f"input.{name}_sha256"] for name in ("split", "backbone")},
        model_sha256=tags.get(MODEL, ""),
        metrics=dict(run.data.metrics),
    )


def _environment(tracker: Tracker, run: str) -> dict[str, str]:
    """The provenance of a run as texts, by their paths among its artifacts."""
    with tempfile.TemporaryDirectory() as folder:
        names = [file.path for file in tracker.client.list_artifacts(run, "environment")]
        files = {name: Path(tracker.client.download_artifacts(run, name, folder)) for name in names}
        return {name: path.read_bytes().decode("utf-8") for name, path in files.items()}
