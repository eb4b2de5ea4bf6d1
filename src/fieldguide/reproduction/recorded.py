"""Finding a run by what a person calls it, and reading its record."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.provenance import kept_provenance
from fieldguide.tracking import CODE, CONFIG, FINGERPRINT, LATER, MODEL, PARENT, SWEEP, Tracker, tracking_address

FEWEST_DIGITS = 4  # of a run id
MACHINE = ("python", "machine", "system", "processor", "gpu")


@dataclass(frozen=True)
class Run:
    """A training as it was recorded: what it was made from, and what came out.

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


def find_run(paths: Paths, name: str) -> Run:
    """The run with this id, beginning of an id, or name in the MLflow store, or the job of a sweep in this folder.

    Raises UserError if there is none, if several fit, if it is no training, or if the store does not answer.
    """
    folder = Path(name)
    if (folder / "origin.json").is_file() or (folder / "outcome.json").is_file():
        return _of_job(paths, folder)
    tracker = _tracker(paths)
    return tracker.answered(lambda: _recorded(tracker, _only(tracker, name)))


def made_metrics(paths: Paths) -> dict[str, float]:
    """The numbers that training and evaluation left, under their names in MLflow."""
    trained, evaluated = read_json(paths.metrics("train")), read_json(paths.metrics("evaluate"))
    metrics = {**{f"train.{name}": value for name, value in trained.items()}, **evaluated}
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}


def _of_job(paths: Paths, folder: Path) -> Run:
    """A job that was skipped, because another one had done the same, leaves nothing but its outcome."""
    job = Paths(folder, paths.checkout)
    if job.classifier.is_file() and job.metrics("evaluate").is_file():
        return _kept(job)
    outcome = read_json(folder / "outcome.json") if (folder / "outcome.json").is_file() else {}
    if "fingerprint" not in outcome:
        raise UserError(f"{folder} holds no finished job: {outcome.get('error', 'it was interrupted')}")
    tracker = _tracker(paths)
    tags = {FINGERPRINT: outcome["fingerprint"], MODEL: outcome["model_sha256"]}
    query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    found = tracker.answered(lambda: _search(tracker, query))
    if not found:
        raise UserError(f"the job in {folder} was skipped, and MLflow does not know the run that had done the same")
    return tracker.answered(lambda: _recorded(tracker, found[0]))


def _kept(job: Paths) -> Run:
    kept, record = kept_provenance(job), read_json(job.classifier.with_suffix(".json"))["record"]
    if kept.get("fingerprint") != record["fingerprint"]:
        raise UserError(f"{job.root} does not say where its model comes from")
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
    database = paths.checkout.resolve() / "mlflow.db"
    if tracking_address(paths) == f"sqlite:///{database}" and not database.exists():
        raise UserError("no runs are recorded in this checkout: set MLFLOW_TRACKING_URI if they are elsewhere")
    try:
        return Tracker(paths)
    except UserError as error:
        raise UserError(str(error).removesuffix(LATER)) from None


def _search(tracker: Tracker, query: str) -> list[Any]:
    """The newest first."""
    experiments = [experiment.experiment_id for experiment in tracker.client.search_experiments()]
    newest = ["attributes.start_time DESC"]
    return list(tracker.client.search_runs(experiments, query, order_by=newest, max_results=50))


def _only(tracker: Tracker, name: str) -> Any:
    found: list[Any] = []
    if len(name) >= FEWEST_DIGITS and set(name) <= set("0123456789abcdef"):
        found = _search(tracker, f"attributes.run_id LIKE '{name}%'")
    if not found and '"' not in name:
        found = _search(tracker, f'attributes.run_name = "{name}"')
    if not found:
        raise UserError(f"no run {name!r}: give its id, or its first digits ({FEWEST_DIGITS} at least), or its name")
    if len(found) > 1:
        raise UserError(f"{len(found)} runs are {name!r}, name one by its id: {_listed(found)}")
    return found[0]


def _listed(runs: Sequence[Any]) -> str:
    return ", ".join(f"{run.info.run_id[:8]} ({run.info.run_name})" for run in runs)


def _recorded(tracker: Tracker, run: Any) -> Run:
    tags, title = run.data.tags, f"{run.info.run_name!r} ({run.info.run_id[:8]})"
    if CODE not in tags:
        below = _search(tracker, f"tags.`{PARENT}` = '{run.info.run_id}'")
        if len(below) == 1:  # `mlflow run` opens a run around the one that is meant
            return _recorded(tracker, below[0])
        kind = "a sweep" if SWEEP in tags else "no training"
        names = f"; name one of its runs: {_listed(below)}" if below else ""
        raise UserError(f"run {title} is {kind}{names}")
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
    """The texts that say what a run was made from, by their paths among its artifacts."""
    with tempfile.TemporaryDirectory() as folder:
        names = [file.path for file in tracker.client.list_artifacts(run, "environment")]
        files = {name: Path(tracker.client.download_artifacts(run, name, folder)) for name in names}
        return {name: path.read_bytes().decode("utf-8") for name, path in files.items()}
