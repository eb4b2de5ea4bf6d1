"""Answers as the table `observations` of a Camera Trap Data Package (Camtrap DP 1.0), which other programs take in.

The standard: https://camtrap-dp.tdwg.org/data/#observations
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fieldguide.base.csv_cells import Cell, csv_line
from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.data.annotations.annotation import DETECTION
from fieldguide.data.annotations.camtrap_dp import DEPLOYMENT

if TYPE_CHECKING:  # it imports PyTorch
    from fieldguide.prediction.answers import Answer

COLUMNS = (
    *("observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel"),
    *("observationType", "cameraSetupType", "scientificName", "count", "lifeStage", "sex", "behavior"),
    *("individualID", "individualPositionRadius", "individualPositionAngle", "individualSpeed"),
    *("bboxX", "bboxY", "bboxWidth", "bboxHeight", "classificationMethod", "classifiedBy"),
    *("classificationTimestamp", "classificationProbability", "observationTags", "observationComments"),
)
ANIMAL, UNCLASSIFIED, BLANK = "animal", "unclassified", "blank"
TYPES = {  # of labels and detections that name no species
    **dict.fromkeys(("blank", "empty", "nothing", "no animal", "background"), BLANK),
    **dict.fromkeys(("human", "person", "people", "homo sapiens"), "human"),
    **dict.fromkeys(("vehicle", "car"), "vehicle"),
    **dict.fromkeys(("unknown", "unid", "unidentified", "not identified"), "unknown"),
}
OFFSET = re.compile(r"Z|[+-](0\d|1[0-4]):[0-5]\d")


def check_offset(offset: str | None) -> str:
    """The offset from UTC of the cameras' clocks. Raises UserError for what is none."""
    if offset is None or not OFFSET.fullmatch(offset):
        raise UserError(
            "--observations needs the offset of the cameras' clocks from UTC, since Camtrap DP knows no time without: "
            "--utc-offset=+02:00, or Z"
        )
    return offset


def write_observations(
    file: Path, answered: Sequence[tuple[str, "Answer"]], labels: Sequence[str], offset: str, by: str, events: bool
) -> int:
    """Write a row for each answer; return how many have none, since their time is not known, which the standard needs.

    Parameters
    ----------
    answered
        The name of each picture or event, and its answer. `mediaID` is the name; `deploymentID` is that of the package
        that the pictures are from, or the site.
    labels
        The classifier's vocabulary: the label is the `scientificName`, unless it is one of TYPES.
    offset
        As `check_offset` takes it.
    by
        What classified them.
    events
        Whether the answers are those of events.
    """
    lines, without = [csv_line(COLUMNS)], 0
    for number, (name, answer) in enumerate(answered):
        if answer.known.time is None:
            without += 1
            continue
        row = _row(name, number, answer, labels, offset, by, events)
        lines.append(csv_line([row.get(column) for column in COLUMNS]))
    try:
        write_text(file, "".join(lines))
    except OSError as error:
        raise UserError(f"--observations: {file} cannot be written ({error.strerror})") from None
    return without


def _row(
    name: str, number: int, answer: "Answer", labels: Sequence[str], offset: str, by: str, events: bool
) -> dict[str, Cell]:
    known = answer.known
    assert known.time is not None
    start, end = (_moment(time, offset) for time in (known.time, answer.until or known.time))
    site = known.further.get(DEPLOYMENT) or known.site or ""
    identity = hashlib.sha256(f"{name}\n{number}".encode()).hexdigest()[:16]
    event = known.sequence or (f"{site}_{start}" if events else "")
    row: dict[str, Cell] = {
        "observationID": identity,
        "deploymentID": site,
        "mediaID": "" if events else name,
        "eventID": event,
        "eventStart": start,
        "eventEnd": end,
        "observationLevel": "event" if events else "media",
        "classificationMethod": "machine",
        "classifiedBy": by,
        "observationComments": answer.reason,
    }
    if known.box is not None:
        row |= _box(known.box)
    if answer.probabilities is None:
        return row | {"observationType": _type_of_none(answer)}
    best = int(answer.probabilities.argmax())
    label, kind = labels[best], TYPES.get(labels[best].casefold(), ANIMAL)
    named = {"scientificName": label} if kind == ANIMAL else {}
    return (
        row
        | named
        | {"observationType": kind, "classificationProbability": round(float(answer.probabilities[best]), 6)}
    )


def _type_of_none(answer: "Answer") -> str:
    """What was found where the classifier was not asked: nothing, or what a detector takes for no animal."""
    if not answer.is_empty:
        return UNCLASSIFIED
    if answer.known.box is None:
        return BLANK if answer.known.further.keys() & {DETECTION} else UNCLASSIFIED
    return TYPES.get((answer.known.further.get(DETECTION) or "").casefold(), UNCLASSIFIED)


def _box(box: Sequence[float]) -> dict[str, Cell]:
    """The part of a box that lies in the picture: the standard has no other."""
    left, top = (min(max(share, 0.0), 1.0) for share in box[:2])
    right, bottom = (min(max(start + size, 0.0), 1.0) for start, size in ((box[0], box[2]), (box[1], box[3])))
    sides = {"bboxX": left, "bboxY": top, "bboxWidth": right - left, "bboxHeight": bottom - top}
    return {name: round(share, 6) for name, share in sides.items()}


def _moment(time: datetime, offset: str) -> str:
    return f"{time.isoformat(timespec='seconds')}{offset}"
