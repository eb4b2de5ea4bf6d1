"""Pictures that a person has taken out of data/held: who brings one back has looked at its label."""

from collections.abc import Sequence
from pathlib import Path

from fieldguide.retraining.arrived import State
from fieldguide.retraining.journal import Journal


def looked_at(known: Sequence[Journal], name: str, held: Path) -> set[str]:
    """The sha256 of files for the data set `name` that were held back for their labels, and are no longer in `held`.

    One that lies there still may have come again by itself, as by a copy of all that a camera has.
    """
    held_back = [
        (row["sha256"], (held / job.name / row["file"]).exists())
        for job in known
        if job.get("data") == name and (job.get("choice") or {}).get("hold")
        for row in job.get("incoming")
        if row["state"] == State.NEW and row["sha256"] not in (job.get("back") or ())
    ]
    return {digest for digest, _ in held_back} - {digest for digest, lies in held_back if lies}
