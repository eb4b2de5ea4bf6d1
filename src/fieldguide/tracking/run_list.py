"""`fieldguide runs`: the runs in MLflow, the newest first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.json_output import as_json
from fieldguide.base.paths import Paths
from fieldguide.base.shares import decimal, with_interval
from fieldguide.base.terminal import table
from fieldguide.tracking.process_ids import checkout_id, process_lives
from fieldguide.tracking.store import answering, database_file, tracking_address
from fieldguide.tracking.tags import CHECKOUT, DATA_DIGEST, FINGERPRINT, PARENT, PROCESS, RETRAINING, SWEEP
from fieldguide.tracking.tracker import Tracker

ADVICE = "try again when it answers"
NONE_YET = "no runs yet: `dvc repro` logs the first one"
FIGURES = {  # by the names that they are logged under; of a curve MLflow says how it ended, not the kept epoch
    **{name: name for name in ("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss", "ece")},
    "valid_accuracy": "train.valid_accuracy",
}
DIGITS = 8  # of an id: other commands take the beginning of one


@dataclass(frozen=True)
class ListedRun:
    """A run: `kind` is training, sweep, retraining (trainings of these have its id as `parent`) or command.

    `data` is the data set and the beginning of its hash; figures are None until they are logged.
    """

    id: str
    name: str
    kind: str
    started: str  # ISO, in the time zone of this machine
    state: str  # finished, running, killed, failed
    data: str
    parent: str
    figures: dict[str, float | None]


def list_runs(paths: Paths, most: int | None, as_document: bool) -> str:
    """The newest runs as a table, or all that is listed of them as JSON.

    Raises UserError if there is none (not with `as_document`), or if MLflow does not answer.
    """
    runs = read_runs(paths, most)
    if as_document:
        return as_json([asdict(run) for run in runs])
    if not runs:
        raise UserError(NONE_YET)
    return _as_table(runs)


def read_runs(paths: Paths, most: int | None) -> list[ListedRun]:
    """At most so many runs of the experiment, the newest first. Nothing is written, no database is made."""
    address = tracking_address(paths)
    file = database_file(address)
    if file is not None and not file.exists():
        return []
    tracker = Tracker(paths, ADVICE)
    found: list[Any] = []
    with answering(address, ADVICE):
        token = None
        while most is None or len(found) < most:
            page = tracker.client.search_runs(
                [tracker.experiment],
                order_by=["attributes.start_time DESC"],
                max_results=min(1000, 1000 if most is None else most - len(found)),
                page_token=token,
            )
            found += page
            token = page.token
            if not token:
                break
    here = checkout_id(paths)
    return [_listed(run, here) for run in found]


def _listed(run: Any, here: str) -> ListedRun:
    tags, metrics = run.data.tags, run.data.metrics
    if SWEEP in tags:
        kind = "retraining" if tags[SWEEP].startswith(RETRAINING) else "sweep"
    else:
        kind = "training" if FINGERPRINT in tags else "command"
    state = run.info.status.lower()
    if state == "running" and tags.get(CHECKOUT) == here and not process_lives(tags.get(PROCESS, "")):
        state = "killed"  # the next training or sweep writes that down
    started = datetime.fromtimestamp(run.info.start_time / 1000).astimezone()
    return ListedRun(
        id=run.info.run_id,
        name=run.info.run_name,
        kind=kind,
        started=started.isoformat(timespec="seconds"),
        state=state,
        data=" ".join(filter(None, [run.data.params.get("data", ""), tags.get(DATA_DIGEST, "")[:4]])),
        parent=tags.get(PARENT, ""),
        figures={name: metrics.get(logged) for name, logged in FIGURES.items()} if kind == "training" else {},
    )


def _as_table(runs: Sequence[ListedRun]) -> str:
    rows = [
        [
            run.id[:DIGITS],
            run.name if run.kind == "training" else f"{run.name} ({run.kind})",
            run.started[:16].replace("T", " "),
            run.data,
            _interval(run.figures),
            *(_figure(run.figures.get(name)) for name in ("macro_f1", "log_loss")),
            run.state,
        ]
        for run in runs
    ]
    headers = ["run", "name", "started", "data", "accuracy", "macro F1", "log loss", "state"]
    return table(rows, headers, right=(5, 6))


def _interval(figures: dict[str, float | None]) -> str:
    accuracy, low, high = (figures.get(name) for name in ("accuracy", "accuracy_low", "accuracy_high"))
    if accuracy is None or low is None or high is None:
        return _figure(accuracy)
    return with_interval(accuracy, low, high)


def _figure(value: float | None) -> str:
    return "" if value is None else decimal(value)
