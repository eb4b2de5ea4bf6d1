"""What is known of a picture beside its label."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class FieldData:
    """What is known of a picture beside its label; see `fieldguide.data.table.FIELD_DATA`.

    `time` is by the camera's own clock, with its offset from UTC where that is known (see `fieldguide.data.moments`).
    `further` are a data set's own columns, by name.
    """

    site: str | None = None
    time: datetime | None = None
    sequence: str | None = None
    box: tuple[float, float, float, float] | None = None
    given_split: str | None = None
    further: Mapping[str, str | None] = field(default_factory=dict)


NOTHING_KNOWN = FieldData()
