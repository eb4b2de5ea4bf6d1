"""The prediction log: who said what of which picture, and what people say it is. It holds no pictures.

Each writer makes files of its own, with names that no other has, in a folder for each day; a file is complete or not
there, and none is ever changed. So any number of processes may write at once, and lose nothing.
"""

import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_file
from fieldguide.base.paths import Paths

PREDICTED = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("id", pa.string(), nullable=False),  # of the picture, see fieldguide.data.images.picture_id
        pa.field("version", pa.int64()),  # of the model in the registry; null where that is not known
        pa.field("step", pa.string(), nullable=False),  # in which the version stood: champion, limited, shadow ...
        pa.field("site", pa.string(), nullable=False),  # where the picture is from, "" if nobody said so
        pa.field("prediction", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),  # of the prediction, calibrated
        pa.field("p_value", pa.float64()),  # of the out-of-domain check; null without one
        pa.field("out_of_domain", pa.bool_()),
    ]
)
CONFIRMED = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("who", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Logged:
    """One prediction, as PREDICTED holds it."""

    id: str
    version: int | None
    step: str
    prediction: str
    probability: float
    site: str = ""
    p_value: float | None = None
    out_of_domain: bool | None = None


def predictions_folder(log: Path) -> Path:
    """Where predictions are, in the folder of the log (`Paths.log`)."""
    return log / "predictions"


def log_predictions(log: Path, predictions: Sequence[Logged], at: datetime | None = None) -> None:
    """Write predictions, made `at` (now) in UTC, as one new file."""
    _append(predictions_folder(log), [vars(row) for row in predictions], PREDICTED, at)


def confirm_labels(log: Path, labels: Sequence[tuple[str, str]], who: str, at: datetime | None = None) -> None:
    """Write what a person says pictures show, as (id, label); of several about one picture the last counts."""
    rows = [{"id": identity, "label": label, "who": who} for identity, label in labels]
    _append(log / "confirmed", rows, CONFIRMED, at)


def read_log(paths: Paths) -> pd.DataFrame:
    """All predictions in the order of time; columns as in PREDICTED, none if nothing was logged."""
    return _read(predictions_folder(paths.log), PREDICTED)


def read_confirmed(paths: Paths) -> pd.DataFrame:
    """The last confirmed label of every picture; columns as in CONFIRMED."""
    return _read(paths.log / "confirmed", CONFIRMED).drop_duplicates("id", keep="last").reset_index(drop=True)


def _append(folder: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema, at: datetime | None) -> None:
    if not rows:
        return
    now = at or datetime.now(UTC)
    name = f"{now:%H%M%S%f}-{uuid.uuid4().hex}.parquet"
    table = pa.Table.from_pylist([{"at": now, **row} for row in rows], schema=schema)
    with replace_file(folder / f"day={now:%Y-%m-%d}" / name) as partial:
        pq.write_table(table, partial, compression="zstd")


def _read(folder: Path, schema: pa.Schema) -> pd.DataFrame:
    tables = [schema.empty_table()]
    for file in sorted(folder.glob("day=*/[!.]*.parquet")):
        try:
            tables.append(pq.ParquetFile(file).read(columns=schema.names).cast(schema))
        except (pa.ArrowException, ValueError) as error:  # a power cut may leave a file empty
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            print(f"warning: {file.parent.name}/{file.name} is damaged and left out ({reason[:100]})", file=sys.stderr)
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas(types_mapper=_nullable)
    return frame.sort_values("at", kind="stable").reset_index(drop=True)


def _nullable(kind: pa.DataType) -> "pd.api.extensions.ExtensionDtype | None":
    """Numbers and truths that may be missing stay what they are."""
    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.float64(): pd.Float64Dtype()}.get(kind)


def read_labels_csv(path: Path) -> list[tuple[str, str]]:
    """The columns id and label of a CSV file, as `fieldguide predict --log` prints it; rows without label are skipped.

    Raises UserError if it is no such file.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)[["id", "label"]]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError) as error:
        raise UserError(f"{path} is no CSV file with the columns id and label ({error})") from None
    known = table[(table["id"] != "") & (table["label"] != "")]
    return list(known.itertuples(index=False, name=None))
