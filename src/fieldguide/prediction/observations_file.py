"""Answers as the table `observations` of Camtrap DP 1.0 to 1.0.2, which have the same terms; other programs take it in.

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
from fieldguide.base.shares import rounded
from fieldguide.data.annotations.annotation import DETECTION
from fieldguide.data.annotations.camtrap_dp import DEPLOYMENT, MEDIA
from fieldguide.data.moments import offset_of

if TYPE_CHECKING:  # it imports PyTorch
    from fieldguide.prediction.answers import Answer

COLUMNS = (
    *("observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel"),
    *("observationType", "cameraSetupType", "scientificName", "count", "lifeStage", "sex", "behavior"),
    *("individualID", "individualPositionRadius", "individualPositionAngle", "individualSpeed"),
    *("bboxX", "bboxY", "bboxWidth", "bboxHeight", "classificationMethod", "classifiedBy"),
    *("classificationTimestamp", "classificationProbability", "observationTags", "observationComments"),
)
DIGITS = 6  # of shares
SMALLEST = 10**-DIGITS
ANIMAL, BLANK = "animal", "blank"
TYPES = {  # of labels and detections that name no species
    **dict.fromkeys(("blank", "empty", "nothing", "no animal", "background"), BLANK),
    **dict.fromkeys(("human", "person", "people", "homo sapiens"), "human"),
    **dict.fromkeys(("vehicle", "car"), "vehicle"),
    **dict.fromkeys(("unknown", "unid", "unidentified", "not identified"), "unknown"),
}
OFFSET = re.compile(r"Z|[+-]\d\d:\d\d")  # as Camtrap DP has it


def check_offset(offset: str | None) -> None:
    """Raise UserError for what is no offset from UTC of cameras' clocks."""
    if offset is None or not OFFSET.fullmatch(offset) or offset_of(offset) is None:
        raise UserError(
            "--observations needs the offset of the cameras' clocks from UTC for pictures that do not record it, "
            "because Camtrap DP requires one with every time: --utc-offset=+02:00, or Z"
        )


def write_observations(
    file: Path,
    answered: Sequence[tuple[str, "Answer"]],
    labels: Sequence[str],
    offset: str | None,
    by: str,
    events: bool,
) -> int:
    """Write a row for each answer that says what was seen; return how many have none, for lack of a time or a site.

    Parameters
    ----------
    answered
        The name of each picture or event, and its answer. `mediaID` and `deploymentID` are those of the package that
        the pictures are from, else the name and the site.
    labels
        The classifier's vocabulary: the label is the `scientificName`, unless it is one of TYPES.
    offset
        Of the clocks of pictures that do not say it, which need it; as `check_offset` takes it.
    by
        What classified them.
    events
        Whether the answers are those of events.
    """
    lines, without = [csv_line(COLUMNS)], 0
    for number, (name, answer) in enumerate(answered):
        kind, label, probability = _seen(answer, labels)
        if kind and (answer.known.time is None or not _deployment(answer)):  # the standard requires both
            without += 1
        elif kind:
            seen = {"observationType": kind, "scientificName": label, "classificationProbability": probability}
            row = _row(name, number, answer, offset, by, events) | seen
            lines.append(csv_line([row.get(column) for column in COLUMNS]))
    try:
        write_text(file, "".join(lines))
    except OSError as error:
        raise UserError(f"--observations: {file} cannot be written ({error.strerror})") from None
    return without


def _seen(answer: "Answer", labels: Sequence[str]) -> tuple[str, str, float | None]:
    """Type of an observation, species and probability; no type where nothing is known of the picture."""
    if answer.probabilities is not None:
        label = labels[int(answer.probabilities.argmax())]
        kind = TYPES.get(label.casefold(), ANIMAL)
        return kind, label if kind == ANIMAL else "", rounded(float(answer.probabilities.max()), 6)
    detected = answer.known.further.get(DETECTION)
    if not answer.is_empty or DETECTION not in answer.known.further:
        return "", "", None
    return (TYPES.get(detected.casefold(), "unknown") if detected else BLANK), "", None


def _deployment(answer: "Answer") -> str:
    return answer.known.further.get(DEPLOYMENT) or answer.known.site or ""


def _row(name: str, number: int, answer: "Answer", offset: str | None, by: str, events: bool) -> dict[str, Cell]:
    known = answer.known
    assert known.time is not None
    start, end = (_moment(time, offset) for time in (known.time, answer.until or known.time))
    site = _deployment(answer)
    media = known.further.get(MEDIA) or name
    identity = hashlib.sha256(f"{name}\n{number}".encode()).hexdigest()[:16]
    event = known.sequence or (f"{site}_{start}" if events else "")
    return {
        "observationID": identity,
        "deploymentID": site,
        "mediaID": "" if events else media,
        "eventID": event,
        "eventStart": start,
        "eventEnd": end,
        "observationLevel": "event" if events else "media",
        "classificationMethod": "machine",
        "classifiedBy": by,
        "observationComments": answer.reason,
        **({} if known.box is None else _box(known.box)),
    }


def _box(box: Sequence[float]) -> dict[str, Cell]:
    """The part of a box that lies in the picture: the standard has no other."""
    left, top = (min(max(share, 0.0), 1.0) for share in box[:2])
    right, bottom = (min(max(start + size, 0.0), 1.0) for start, size in ((box[0], box[2]), (box[1], box[3])))
    width, height = (max(side, SMALLEST) for side in (right - left, bottom - top))  # the standard knows no empty box
    sides = {"bboxX": left, "bboxY": top, "bboxWidth": width, "bboxHeight": height}
    return {name: rounded(share, DIGITS) for name, share in sides.items()}


def _moment(time: datetime, offset: str | None) -> str:
    if time.tzinfo is None:
        check_offset(offset)
    return f"{time.isoformat(timespec='seconds')}{offset if time.tzinfo is None else ''}"
