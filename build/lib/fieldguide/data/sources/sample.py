"""The built-in sample, drawn instead of downloaded.

What draws is imported where it is called: it takes half a second, which other sources do without.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from fieldguide.base.operations import DATA_SOURCES
from fieldguide.base.parallel import map_processes
from fieldguide.data.csv_files import write_csv
from fieldguide.data.field_data import FieldData
from fieldguide.data.sources.row import RawRow, picture_row
from fieldguide.data.sources.source import DataSource

if TYPE_CHECKING:
    from fieldguide.sample import SamplePicture

TRUTH = "truth.csv"


@DATA_SOURCES.register
@dataclass(frozen=True)
class SampleData(DataSource):
    """The pictures that fieldguide draws itself."""

    kind: Literal["sample"]
    pictures: Annotated[int, Field(ge=30, le=100_000)] = 860
    seed: Annotated[int, Field(ge=0)] = 0

    def fetch(self, source: Path, made: Path) -> list[RawRow]:
        """Draw the sample's pictures; it keeps nothing in `source`.

        What was planted where is written beside them as truth.csv, for tests and documentation; no stage reads it.
        """
        from fieldguide.sample import plan_sample, truth_table

        plan = sorted(plan_sample(self.pictures, self.seed), key=lambda picture: picture.path)
        for label in {picture.label for picture in plan}:
            (made / label).mkdir(parents=True)
        map_processes(partial(_draw_to, made), plan, "drawing")
        write_csv(made / TRUTH, truth_table(plan))
        return [
            picture_row(f"sample/{picture.path}", picture.path, picture.label, made / picture.path, _known(picture))
            for picture in plan
        ]


def _known(picture: "SamplePicture") -> FieldData:
    capture = picture.capture
    return FieldData(site=capture.site.name, time=capture.time, sequence=capture.sequence)


def _draw_to(made: Path, picture: "SamplePicture") -> None:
    from fieldguide.sample import draw

    (made / picture.path).write_bytes(draw(picture))
