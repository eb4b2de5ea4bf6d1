"""Finding runs in the tracking store by id or name."""

import re
from collections.abc import Sequence
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.tracking.run_params import without_data
from fieldguide.tracking.store import shown_address
from fieldguide.tracking.tags import DELIVERED, LAUNCHED_BY, PARENT, SWEEP
from fieldguide.tracking.tracker import Tracker

MAX_NAMED = 5


def find_run(tracker: Tracker, name: str) -> Any:
    """The finished training that `name` means: its id, the beginning of that, or its name if that is unique.

    A name may be given without the data at its end.

    The id that `mlflow run` shows means the training that it started.

    Raises UserError if there is none, or several, or if what is meant is not a training with results.
    """
    found = _matching(tracker, name)
    if not found:
        where = f"MLflow at {shown_address(tracker.address)}"
        raise UserError(f"no run `{name}` in {where}: give its id, the beginning of the id, or its name")
    complete = [run for run in found if DELIVERED in run.data.tags]
    if len(complete) == 1:
        return complete[0]
    if complete:
        some = ", ".join(f"{run.info.run_id[:8]} ({run.info.run_name})" for run in complete[:MAX_NAMED])
        more = f" and {len(complete) - MAX_NAMED} more" if len(complete) > MAX_NAMED else ""
        raise UserError(f"`{name}` may be any of {len(complete)} runs: {some}{more}; give more of the id")
    raise UserError(_why_without_results(tracker, name, found[0]))


def _matching(tracker: Tracker, name: str) -> Sequence[Any]:
    queries = []
    if quote := next((mark for mark in ("'", '"') if mark not in name), None):
        queries.append(f"attributes.run_name = {quote}{name}{quote}")
    if re.fullmatch("[0-9a-f]{4,32}", name):
        queries.append(f"attributes.run_id LIKE '{name}%'")
        queries.append(f"tags.`{LAUNCHED_BY}` LIKE '{name}%'")
    found = [run for query in queries for run in tracker.client.search_runs([tracker.experiment], query)]
    if quote and not found:  # a name without its data
        longer = tracker.client.search_runs([tracker.experiment], f"attributes.run_name LIKE {quote}{name} %{quote}")
        found = [run for run in longer if without_data(run.info.run_name) == name]
    return list({run.info.run_id: run for run in found}.values())


def _why_without_results(tracker: Tracker, name: str, run: Any) -> str:
    if SWEEP not in run.data.tags:
        return f"run `{name}` ({run.info.status.lower()}) has no results: choose a finished training"
    query = f"tags.`{PARENT}` = '{run.info.run_id}'"
    jobs = tracker.client.search_runs([tracker.experiment], query, max_results=MAX_NAMED)
    some = ", ".join(f"{job.info.run_id[:8]} ({job.info.run_name})" for job in jobs)
    return f"run `{name}` is a sweep: choose one of its jobs, such as {some or 'none yet'}"
