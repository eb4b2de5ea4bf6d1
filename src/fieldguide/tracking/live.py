"""Showing a stage to MLflow while it runs, from the events that its process sends."""

import json
from collections.abc import Iterable
from typing import Any

from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.configuration.compose import compose
from fieldguide.model.fingerprint import training_record
from fieldguide.tracking.choices import read_origin, run_name
from fieldguide.tracking.delivery import sync
from fieldguide.tracking.names import MODEL
from fieldguide.tracking.provenance import collect_provenance, keep_provenance
from fieldguide.tracking.store import answering
from fieldguide.tracking.tracker import Tracker


def follow(paths: Paths, stage: str, lines: Iterable[str]) -> None:
    """Show one stage while it runs.

    Parameters
    ----------
    stage
        "train": a run with its metrics per epoch. "evaluate", "report": when it is done, the run gets all the rest.
    lines
        Events as JSON, see `fieldguide.base.runner.tracked`; an end without "done" means that the stage was killed.
    """
    if stage in (Stage.EVALUATE, Stage.REPORT):
        if any(json.loads(line)["event"] == "done" for line in lines):
            print(sync(paths), flush=True)
        return
    origin = read_origin(paths)
    config = compose(paths, origin.get("overrides", []))
    record = training_record(config, paths)
    provenance = collect_provenance(paths, config, origin)
    keep_provenance(paths, record["fingerprint"], provenance)  # also while the tracking server is away
    tracker = Tracker(paths)
    with answering(tracker.address):
        _follow_training(tracker, record, provenance, lines)


def _follow_training(
    tracker: Tracker, record: dict[str, Any], provenance: dict[str, Any], lines: Iterable[str]
) -> None:
    run = tracker.create(record, provenance, run_name(tracker.paths, record))
    status = "KILLED"
    try:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "epoch":
                tracker.log_metrics(run, event["metrics"], step=event["epoch"])
            else:
                status = "FINISHED" if event["event"] == "done" else "FAILED"
    finally:
        tracker.client.set_terminated(run, status)
    if status == "FINISHED":
        digest = sha256_of_file(tracker.paths.classifier)
        for known in tracker.finished(record["fingerprint"]):
            if known.data.tags.get(MODEL) == digest:
                tracker.client.delete_run(run)
                print(f"mlflow: the same model is known as run {known.info.run_id} ({known.info.run_name})", flush=True)
                return
