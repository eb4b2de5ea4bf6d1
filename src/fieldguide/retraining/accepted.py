"""Accepted pictures: they are on the branch of their job, and stay in data/incoming until that is merged.

So nothing that a stage reads changes before a person merges. Where the branch is thrown away instead, nothing is lost:
its pictures are new again.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from fieldguide.retraining.arrived import State
from fieldguide.retraining.data_changes import Listing
from fieldguide.retraining.journal import Journal


def judged_jobs(known: Sequence[Journal], name: str, stands: Callable[[Journal], bool]) -> list[Journal]:
    """The jobs about the data set `name` that came to a verdict, but those whose branch was thrown away.

    `stands` says whether the branch of a job is there or merged.
    """
    judged = [job for job in known if job.get("judged") and job.get("data") == name]
    return [job for job in judged if not job.get("branch") or stands(job)]


def mark_accepted(incoming: pd.DataFrame, judged: Sequence[Journal]) -> pd.DataFrame:
    """The same table, in which new pictures that one of these jobs accepted are ACCEPTED: `reason` names its branch."""
    branches = {_key(row): job.get("branch") for job in judged for row in _taken_in(job)}
    on = pd.Series([branches.get(_key(row), "") for row in incoming.to_dict("records")], incoming.index, dtype=object)
    accepted = incoming["state"].eq(State.NEW) & on.ne("")
    return incoming.assign(
        state=incoming["state"].mask(accepted, State.ACCEPTED), reason=incoming["reason"].mask(accepted, on)
    )


def split_off_merged(incoming: pd.DataFrame, known: Sequence[Journal], name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of pictures that a merge has brought into the data set, and all others.

    They are what a job accepted and what the data set has by now; copies that came later are not among them.
    """
    arrived = {
        (row["file"], row["sha256"])
        for job in known
        if _is_accepted(job) and job.get("data") == name
        for row in job.get("incoming")
    }
    is_known = [(row.file, row.sha256) in arrived and row.state == State.KNOWN for row in incoming.itertuples()]
    places = pd.Series(is_known, incoming.index, dtype=bool)
    return incoming[places], incoming[~places]


def accepted_listing(known: Sequence[Journal], name: str) -> Listing:
    """Every picture of the data set `name` that a job has accepted, by its place in the data set."""
    jobs = [job for job in known if job.get("data") == name]
    return {row["target"]: int(row["bytes"]) for job in jobs for row in _taken_in(job)}


def _taken_in(job: Journal) -> list[dict[str, Any]]:
    """The rows of the pictures that are on the job's branch and were not in the data set; none if it accepted none."""
    states = (State.NEW, State.ACCEPTED)
    return [row for row in job.get("incoming") if row["state"] in states] if _is_accepted(job) else []


def _is_accepted(job: Journal) -> bool:
    return bool((job.get("judged") or {}).get("accepted"))


def _key(row: dict[Any, Any]) -> tuple[str, str]:
    return str(row["sha256"]), str(row["label"])
