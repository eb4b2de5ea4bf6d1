"""The results of runs, read from MLflow or from the checkout."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.data.csv_files import read_csv
from fieldguide.data.table import PREDICTIONS_FIXED, PREDICTIONS_GROUPS
from fieldguide.experiments.comparison import Results
from fieldguide.tracking.run_params import run_name, shown_params
from fieldguide.tracking.runs import find_run
from fieldguide.tracking.store import answering
from fieldguide.tracking.tags import CODE
from fieldguide.tracking.tracker import Tracker

CHECKOUT_RUN = "."
RETRY_ADVICE = "try again when it answers"
PREDICTIONS, HISTORY = "evaluate/predictions.parquet", "train/history.csv"
HISTORY_COLUMNS = ["epoch", "train_loss", "valid_loss", "valid_accuracy"]
INPUTS = {
    "pictures and split (hash)": "input.split_sha256",
    "starting weights (hash)": "input.backbone_sha256",
    "code (hash)": CODE,
}


def read_results(paths: Paths, names: Sequence[str]) -> list[Results]:
    """The results of runs, each with a name of its own.

    Parameters
    ----------
    names
        Ids, beginnings of ids or names in MLflow, or "." for the results in the checkout.

    Raises
    ------
    UserError
        If a run is not found, has no results, or is given twice, or if MLflow does not answer.
    """
    results: dict[str, Results] = {}
    tracker = Tracker(paths, RETRY_ADVICE) if set(names) != {CHECKOUT_RUN} else None
    for name in names:
        result = _from_checkout(paths) if tracker is None or name == CHECKOUT_RUN else _from_store(tracker, name)
        if result.run in results:
            raise UserError(f"`{name}` is a run that is given already: give different ones")
        results[result.run] = result
    shown = [result.name for result in results.values()]
    return [
        _renamed(result, result.run[:8] or "the checkout") if shown.count(result.name) > 1 else result
        for result in results.values()
    ]


def _renamed(result: Results, addition: str) -> Results:
    return Results(**{**vars(result), "name": f"{result.name} ({addition})"})


def _from_store(tracker: Tracker, name: str) -> Results:
    with answering(tracker.address, RETRY_ADVICE):
        run = find_run(tracker, name)
    identity, tags = run.info.run_id, run.data.tags
    with tempfile.TemporaryDirectory() as folder:
        predictions, history = (_fetch(tracker, identity, path, folder) for path in (PREDICTIONS, HISTORY))
        return Results(
            name=run.info.run_name,
            run=identity,
            params=run.data.params,
            inputs={shown: tags.get(tag, "")[:12] for shown, tag in INPUTS.items()},
            metrics=run.data.metrics,
            predictions=_predictions(predictions, f"run {identity}"),
            history=_history(history, f"run {identity}"),
        )


def _fetch(tracker: Tracker, run: str, path: str, folder: str) -> Path:
    with answering(tracker.address, RETRY_ADVICE, f"{path} of run {run}"):
        return Path(tracker.client.download_artifacts(run, path, folder))


def _from_checkout(paths: Paths) -> Results:
    description = paths.classifier.with_suffix(".json")
    predictions, history = (
        paths.predictions,
        paths.history,
    )
    files = (description, predictions, history, paths.metrics(Stage.TRAIN), paths.metrics(Stage.EVALUATE))
    if missing := [file for file in files if not file.exists()]:
        raise UserError(f"{missing[0].relative_to(paths.root)} is missing: run `dvc repro` first")
    record = read_json(description)["record"]
    metrics = {f"train.{name}": value for name, value in read_json(paths.metrics(Stage.TRAIN)).items()}
    metrics |= read_json(paths.metrics(Stage.EVALUATE))
    return Results(
        name=run_name(paths, record),
        run="",
        params={name: str(value) for name, value in shown_params(paths, record).items()},
        inputs={shown: record["inputs"].get(tag[6:-7], "")[:12] for shown, tag in INPUTS.items()},
        metrics={name: value for name, value in metrics.items() if not isinstance(value, str)},  # as MLflow has them
        predictions=_predictions(predictions, "the checkout"),
        history=_history(history, "the checkout"),
    )


def _predictions(path: Path, whose: str) -> pd.DataFrame:
    """What a comparison needs of a predictions table that may come from an untrusted server.

    The fixed columns, and `path` and the groups if it has them: tables of older versions do not.
    """
    try:
        there = pa.parquet.read_schema(path).names
        more = [field for field in (pa.field("path", pa.string()), *PREDICTIONS_GROUPS) if field.name in there]
        wanted = pa.schema([*PREDICTIONS_FIXED, *more])
        frame = pa.parquet.read_table(path, columns=wanted.names).cast(wanted).to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"the predictions of {whose} cannot be read ({first_line(error)[:160]})") from None
    if frame["id"].duplicated().any():
        raise UserError(f"the predictions of {whose} hold a picture twice: train it again")
    return frame


def _history(path: Path, whose: str) -> pd.DataFrame:
    try:
        return read_csv(path, dict.fromkeys(HISTORY_COLUMNS, float))[HISTORY_COLUMNS]
    except (UserError, KeyError, OSError) as error:
        raise UserError(f"the history of {whose} cannot be read ({error})") from None
