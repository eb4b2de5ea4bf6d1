"""Logging a stage to MLflow while it runs, from the events that its process sends."""

import json
from collections.abc import Iterable
from contextlib import suppress

from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.configuration.compose import compose
from fieldguide.model.fingerprint import training_record
from fieldguide.tracking.delivery import sync, take_results_run
from fieldguide.tracking.provenance import collect_provenance, keep_provenance
from fieldguide.tracking.run_params import read_origin, run_name
from fieldguide.tracking.store import answering
from fieldguide.tracking.tags import MODEL
from fieldguide.tracking.tracker import Tracker

DONE, UNFINISHED = "done", "KILLED"
END_STATUS = {"done": DONE, "failed": "FAILED"}  # what a run is after the last event


def follow(paths: Paths, stage: str, lines: Iterable[str]) -> None:
    """Log one stage while it runs.

    A run is FINISHED when its evaluation has been logged. Until then every end, also that of the training, leaves it
    as KILLED (or FAILED), and a later call resumes it.

    Parameters
    ----------
    stage
        "train": a run with its metrics per epoch. "evaluate", "report": when it is done, the run gets all the rest.
    lines
        Events as JSON, see `fieldguide.base.runner.tracked`; an end without "done" means that the stage was killed.
    """
    if stage == Stage.TRAIN:
        _follow_training(paths, lines)
    elif stage == Stage.EVALUATE:
        _follow_evaluation(paths, lines)
    else:
        with suppress(UserError):  # what takes long to start has started when the stage is done
            Tracker(paths)
        if any(json.loads(line)["event"] == "done" for line in lines):
            print(sync(paths), flush=True)


def _follow_training(paths: Paths, lines: Iterable[str]) -> None:
    origin = read_origin(paths)
    config = compose(paths, origin.get("overrides", []))
    record = training_record(config, paths)
    provenance = collect_provenance(paths, config, origin)
    keep_provenance(paths, record["fingerprint"], provenance)  # also while the tracking server is away
    tracker = Tracker(paths)
    with answering(tracker.address):
        run = tracker.open(record, provenance, run_name(paths, record))
        known = {metric.step for metric in tracker.client.get_metric_history(run, "train_loss")}
        status = UNFINISHED
        try:
            for event in map(json.loads, lines):
                if event["event"] == "epoch" and event["epoch"] not in known:
                    tracker.log_metrics(run, event["metrics"], step=event["epoch"])
                status = END_STATUS.get(event["event"], status)
        finally:
            tracker.client.set_terminated(run, UNFINISHED if status == DONE else status)
        if status == DONE:
            _drop_repetition(tracker, run, record["fingerprint"])


def _drop_repetition(tracker: Tracker, run: str, fingerprint: str) -> None:
    digest = sha256_of_file(tracker.paths.classifier)
    for known in tracker.finished(fingerprint):
        if known.data.tags.get(MODEL) == digest:
            tracker.delete(run)
            print(
                f"mlflow: the same model is already logged as run {known.info.run_id} ({known.info.run_name})",
                flush=True,
            )
            return


def _follow_evaluation(paths: Paths, lines: Iterable[str]) -> None:
    tracker, run = None, None
    with suppress(UserError):  # reported when there is something to log
        tracker = Tracker(paths)
        with answering(tracker.address):
            run = take_results_run(tracker)
    status = UNFINISHED
    for event in map(json.loads, lines):
        status = END_STATUS.get(event["event"], status)
    if status == DONE:
        print(sync(paths), flush=True)
    elif tracker is not None and run is not None:
        with answering(tracker.address):
            tracker.client.set_terminated(run, status)
