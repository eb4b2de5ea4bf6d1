"""Camtrap DP 1.0: a datapackage.json with deployments, media and observations.

The format of https://camtrap-dp.tdwg.org: an observation is of one file (`media`), or of all that a deployment took
between two times (`event`); boxes are in shares of the picture; timestamps are local, with their offset.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.data.annotations.annotation import (
    Annotation,
    Annotations,
    entries,
    floats,
    plain_path,
    with_box,
    without_repeats,
)
from fieldguide.data.annotations.cells import from_records, read_cells
from fieldguide.data.annotations.times import read_times
from fieldguide.data.field_data import FieldData
from fieldguide.data.moments import comparable

Row = Mapping[str, str]
PACKAGE = "datapackage.json"
TABLES = ("deployments", "media", "observations")
DEPLOYMENT_ID, LOCATION_ID, LOCATION_NAME = "deploymentID", "locationID", "locationName"
UNCLASSIFIED = "unclassified"  # an observation that says nothing yet
BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
DEPLOYMENT, MEDIA = "deployment", "media"  # own columns


@dataclass(frozen=True)
class _Event:
    deployment: str
    start: datetime
    end: datetime
    sequence: str
    observation: Row

    def spans(self, time: datetime) -> bool:
        """Whether a file of that time is part of it, whatever the offsets in which the times are written."""
        moment = comparable((self.start, time, self.end))
        return moment(self.start) <= moment(time) <= moment(self.end)


def is_camtrap_dp(content: Any) -> bool:
    """Whether a JSON file's content is a package of Camtrap DP."""
    resources = content.get("resources") if isinstance(content, dict) else None
    names = {str(one.get("name")) for one in entries(resources)}
    return names >= set(TABLES)


def read_camtrap_dp(content: Mapping[str, Any], find: Callable[[str], Path | None]) -> Annotations:
    """A row for each observation of a file; those of events are rows of each of their files without one of its own.

    The label is the scientific name, or the type of the observation where that has none (blank, human, vehicle). The
    site is the location, the sequence is the event.

    Parameters
    ----------
    find
        Where a table is that the package names, None if there is none.

    Raises
    ------
    UserError
        If a table is missing or no table.
    """
    deployments, media, observations = (_table(content, find, name) for name in TABLES)
    site_of, said = _sites(deployments)
    times, _ = read_times([row.get("timestamp", "") for row in media])
    of_media: dict[str, list[Row]] = defaultdict(list)
    for row in observations:
        if row.get("mediaID") and row.get("observationType") != UNCLASSIFIED:
            of_media[row["mediaID"]].append(row)
    events = _events(observations)
    rows: list[Annotation] = []
    for one, time in zip(media, times, strict=True):
        own = of_media.pop(one.get("mediaID", ""), [])
        during = [event for event in events.get(one.get(DEPLOYMENT_ID, ""), []) if time and event.spans(time)]
        named = [(row, row.get("eventID", "")) for row in own] or [
            (event.observation, event.sequence) for event in during
        ]
        sequence = next((event for _, event in named if event), next((event.sequence for event in during), ""))
        deployment = one.get(DEPLOYMENT_ID, "")
        known = FieldData(
            site_of.get(deployment, deployment) or None,
            time,
            sequence or None,
            further={DEPLOYMENT: deployment or None, MEDIA: one.get("mediaID") or None},
        )
        rows += without_repeats(_rows(one, known, [row for row, _ in named]))
    rows += [
        Annotation("", left_out=f"an observation of the file {media!r}, which is not listed") for media in of_media
    ]
    return Annotations("Camtrap DP", rows, said)


def _rows(media: Row, known: FieldData, observations: Sequence[Row]) -> Iterator[Annotation]:
    file = plain_path(media.get("filePath", "") or media.get("fileName", ""))
    if not observations:
        yield Annotation(file, known=known, left_out="the file lists the picture without an observation")
    for row in observations:
        one = Annotation(file, row.get("scientificName") or row.get("observationType", ""), known)
        box = [row.get(name, "") for name in BOX]
        yield with_box(one, floats(box), None, pixels=False) if any(box) else one


def _sites(deployments: Sequence[Row]) -> tuple[dict[str, str], list[str]]:
    """The site of each deployment, and from which column: the places' names, unless two places have the same."""
    ids = {row.get(LOCATION_ID, "") for row in deployments} - {""}
    for column in (LOCATION_NAME, LOCATION_ID):
        names = {row.get(column, "") for row in deployments}
        if names and "" not in names and len(names) >= len(ids):
            return {row.get(DEPLOYMENT_ID, ""): row[column] for row in deployments}, [f"sites from {column!r}"]
    return {}, [f"sites from {DEPLOYMENT_ID!r}"]


def _events(observations: Sequence[Row]) -> dict[str, list[_Event]]:
    """The observations of events, by deployment."""
    rows = [row for row in observations if not row.get("mediaID")]
    starts, _ = read_times([row.get("eventStart", "") for row in rows])
    ends, _ = read_times([row.get("eventEnd", "") for row in rows])
    events: dict[str, list[_Event]] = defaultdict(list)
    for row, start, end in zip(rows, starts, ends, strict=True):
        if start and end:
            deployment = row.get(DEPLOYMENT_ID, "")
            events[deployment].append(_Event(deployment, start, end, row.get("eventID", ""), row))
    return events


def _table(content: Mapping[str, Any], find: Callable[[str], Path | None], name: str) -> list[Row]:
    resource = next(one for one in content["resources"] if isinstance(one, dict) and one.get("name") == name)
    if isinstance(data := resource.get("data"), list):
        table = from_records(data, f"{PACKAGE}, {name}")
        return [dict(zip(table.header, row, strict=True)) for row in table.rows]
    listed = resource.get("path")
    files = [str(path) for path in (listed if isinstance(listed, list) else [listed])]
    rows: list[Row] = []
    for file in files:
        if (path := find(file)) is None:
            raise UserError(f"{PACKAGE} names {file} for {name}, which is not in its folder")
        table = read_cells(path)
        rows += [dict(zip(table.header, row, strict=True)) for row in table.rows]
    return rows
