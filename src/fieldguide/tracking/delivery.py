"""Delivering the results in a checkout to MLflow, once."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.silence import without_warnings
from fieldguide.base.stage_names import Stage
from fieldguide.configuration.compose import compose
from fieldguide.data.csv_files import read_csv
from fieldguide.data.table import read_columns
from fieldguide.model.fingerprint import has_report
from fieldguide.tracking.figures import log_confusion_matrix, log_figures
from fieldguide.tracking.model import log_model
from fieldguide.tracking.provenance import collect_provenance, kept_provenance
from fieldguide.tracking.run_params import read_origin, run_name, upstream_params
from fieldguide.tracking.store import answering
from fieldguide.tracking.tags import ALARM_RATE, DELIVERED, DESCRIPTION, MODEL, MODEL_FILES, SCREEN_FILE
from fieldguide.tracking.tracker import Tracker


def sync(paths: Paths) -> str:
    """Deliver the training and evaluation whose results are in the checkout, once.

    Returns a line that says what was done. Raises UserError if there are no results, or if MLflow does not answer.
    """
    description = paths.classifier.with_suffix(".json")
    if not (description.exists() and paths.metrics(Stage.EVALUATE).exists()):
        raise UserError("no results to log: run `dvc repro` first")
    record = read_json(description)["record"]
    provenance = _provenance_of_results(paths, record)
    tracker = Tracker(paths)
    with answering(tracker.address), FileLock(paths.state / "sync.lock"):  # called twice, it logs nothing twice
        known = _finished_run(tracker, record)
        title, results = run_name(paths, record), _results_digest(paths)
        if known is not None and known.data.tags.get(DELIVERED) == results:
            return f"mlflow: run {known.info.run_id} ({title}) is complete"
        run = known.info.run_id if known is not None else tracker.open(record, provenance, title)
        try:
            _deliver(tracker, run)
            kept = _add_screen(tracker, run) if has_report(paths) else ""
            tracker.log_config(run, provenance)
            tracker.client.set_terminated(run, "FINISHED")
            was_complete = known is not None and DELIVERED in known.data.tags
            if not was_complete and (other := _same_model_elsewhere(tracker, record, run)):
                tracker.delete(run)
                return f"mlflow: the same model is already logged as run {other.info.run_id} ({other.info.run_name})"
            tracker.client.set_tag(run, DELIVERED, results)
        except BaseException:
            if known is None:
                with suppress(Exception):  # the error itself is reported; the next call resumes the run
                    tracker.client.set_terminated(run, "KILLED")
            raise
    return f"mlflow: run {run} ({title}) logged{kept}"


def take_results_run(tracker: Tracker) -> str | None:
    """Show the run whose training is in the checkout, and has not been delivered, as running; returns its id."""
    description = tracker.paths.classifier.with_suffix(".json")
    kept = kept_provenance(tracker.paths)
    record = read_json(description)["record"] if description.exists() else {}
    if not record or kept.get("fingerprint") != record["fingerprint"] or _finished_run(tracker, record) is not None:
        return None
    run = tracker.unfinished(record["fingerprint"], kept["code"])
    if run is None:
        return None
    tracker.take(run.info.run_id)
    return str(run.info.run_id)


def _finished_run(tracker: Tracker, record: dict[str, Any]) -> Any | None:
    """The run that holds the classifier in the checkout, a complete one if there is one.

    Other code may have made another classifier with its fingerprint.
    """
    digest = sha256_of_file(tracker.paths.classifier)
    runs = [run for run in tracker.finished(record["fingerprint"]) if run.data.tags.get(MODEL, digest) == digest]
    return max(runs, key=lambda run: DELIVERED in run.data.tags, default=None)


def _same_model_elsewhere(tracker: Tracker, record: dict[str, Any], run: str) -> Any | None:
    """The run of another checkout with the same model, finished while this one was delivered, if that one stays.

    No times are compared: the clocks of two machines differ. A run that is complete stays. Of two that are not yet both
    would go, or neither: there the ids decide.
    """
    digest = sha256_of_file(tracker.paths.classifier)
    for other in tracker.finished(record["fingerprint"]):
        same, found = other.data.tags.get(MODEL) == digest, other.info.run_id
        if same and found != run and (DELIVERED in other.data.tags or found < run):
            return other
    return None


def _provenance_of_results(paths: Paths, record: dict[str, Any]) -> dict[str, Any]:
    """As kept when they were trained; as things are now for results that DVC restored.

    How they were evaluated may have changed since the training, so that is always as it is now.
    """
    origin = read_origin(paths)
    config = compose(paths, origin.get("overrides", []))
    kept = kept_provenance(paths)
    if kept.get("fingerprint") != record["fingerprint"]:
        return collect_provenance(paths, config, origin)
    return {**kept, "config": {**kept["config"], "evaluate": asdict(config.evaluate)}}


def _results_digest(paths: Paths) -> str:
    description = paths.classifier.with_suffix(".json")
    files = [paths.classifier, description, paths.metrics(Stage.EVALUATE)]
    later = [paths.metrics(Stage.REPORT), paths.screen] if has_report(paths) else []
    parts = [sha256_of_file(path) for path in (*files, *later)]
    return "-".join(part[:16] for part in parts)


def _deliver(tracker: Tracker, run: str) -> None:
    tags = tracker.client.get_run(run).data.tags
    _log_epochs(tracker, run)
    if (description := log_figures(tracker, run)) and DESCRIPTION not in tags:
        tracker.client.set_tag(run, DESCRIPTION, description)
    for stage in (Stage.TRAIN, Stage.EVALUATE):
        for path in sorted(tracker.paths.report(stage).glob("[!.]*")):
            tracker.client.log_artifact(run, str(path), stage)
    log_confusion_matrix(tracker, run, tags)
    if has_report(tracker.paths):
        _log_report(tracker, run)
    _log_data_and_model(tracker, run, tags)


def _log_epochs(tracker: Tracker, run: str) -> None:
    """Log the metrics of those epochs that were not logged while they ran."""
    known = {metric.step for metric in tracker.client.get_metric_history(run, "train_loss")}
    history = read_csv(tracker.paths.history, {"epoch": int}, float).set_index("epoch")
    for epoch, figures in zip(history.index.tolist(), history.to_dict("records"), strict=True):
        if epoch not in known:
            tracker.log_metrics(run, {str(name): value for name, value in figures.items()}, step=epoch)


def _log_report(tracker: Tracker, run: str) -> None:
    paths = tracker.paths
    metrics = read_json(paths.metrics(Stage.SCREEN))
    tracker.log_metrics(run, {f"screen.{name}": value for name, value in metrics.items()})
    for path in (paths.overview, *sorted(paths.report(Stage.SCREEN).glob("[!.]*.csv"))):
        tracker.client.log_artifact(run, str(path), Stage.REPORT)


def _log_data_and_model(tracker: Tracker, run: str, tags: dict[str, str]) -> None:
    """By the client alone: a run that MLflow has opened by itself would be finished when it is closed."""
    import mlflow
    from mlflow.entities import DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    paths, client = tracker.paths, tracker.client
    table = read_columns(paths.split_table).to_pandas()
    name = str(upstream_params(paths).get("data", "data"))
    with without_warnings():  # of integers that might be missing: the table's types are fixed
        digest = sha256_of_file(paths.split_table)[:32]
        dataset = mlflow.data.from_pandas(table, name=name, targets="label", digest=digest)._to_mlflow_entity()
    client.log_inputs(run, datasets=[DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])])
    model = sha256_of_file(paths.classifier)
    if tags.get(MODEL) != model:
        log_model(paths, tracker, run)
        client.set_tag(run, MODEL, model)


def _add_screen(tracker: Tracker, run: str) -> str:
    """Put the screen, which is learned after the model was logged, beside the model's weights.

    A version that has one keeps it: its answers must not change. Returns a note on that, or "".
    """
    client = tracker.client
    model = client.get_run(run).outputs.model_outputs[-1].model_id
    screened = SCREEN_FILE in {Path(file.path).name for file in client.list_logged_model_artifacts(model, MODEL_FILES)}
    versions = client.search_model_versions(f"run_id = '{run}'") if screened else []
    if versions:
        return f"; version {versions[0].version} keeps the screen that it was registered with"
    client.set_tag(run, ALARM_RATE, str(read_json(tracker.paths.metrics(Stage.SCREEN))["test_alarm_rate"]))
    for path in screen_files(tracker.paths):  # after the rate: whatever has a screen has one
        client.log_model_artifact(model, str(path), MODEL_FILES)
    return ""


def screen_files(paths: Paths) -> list[Path]:
    """What it takes to screen new pictures beside the classifier's own files; last the one that loading looks for."""
    description = paths.screen.with_suffix(".json")
    other_body = read_json(description)["backbone_sha256"] is not None
    backbone = [paths.backbone, paths.backbone.with_suffix(".onnx")] if other_body else []
    return [*backbone, description, paths.reference, paths.screen]
