"""The prediction log: which version predicted what, and the labels that people confirmed; it holds no pictures.

Its files: see `fieldguide.prediction.day_files`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
from filelock import FileLock

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.data.csv_files import read_csv
from fieldguide.prediction.day_files import append_rows, join_files, read_rows

PREDICTED = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("id", pa.string(), nullable=False),  # of the picture, see fieldguide.data.decoding.identity
        pa.field("version", pa.int64()),  # of the model in the registry; null where that is not known
        pa.field("step", pa.string(), nullable=False),  # that the version was in: champion, limited, shadow ...
        pa.field("site", pa.string(), nullable=False),  # where the picture is from, "" if not given
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
    append_rows(predictions_folder(log), [vars(row) for row in predictions], PREDICTED, at)


def confirm_labels(log: Path, labels: Sequence[tuple[str, str]], who: str, at: datetime | None = None) -> None:
    """Write the labels that a person confirms, as (id, label); of several for one picture the last counts.

    The label "" takes the earlier ones back.
    """
    rows = [{"id": identity, "label": label, "who": who} for identity, label in labels]
    append_rows(log / "confirmed", rows, CONFIRMED, at)


def read_log(paths: Paths) -> pd.DataFrame:
    """All predictions in the order of time; columns as in PREDICTED, none if nothing was logged."""
    return read_rows(predictions_folder(paths.log), PREDICTED)


def read_confirmed(paths: Paths) -> pd.DataFrame:
    """The last confirmed label of every picture; columns as in CONFIRMED."""
    last = read_rows(paths.log / "confirmed", CONFIRMED).drop_duplicates("id", keep="last")
    return last[last["label"] != ""].reset_index(drop=True)


def join_log(paths: Paths) -> int:
    """Make one file of those of each day; returns how many were joined. Others may write and read meanwhile."""
    paths.checkout_state.mkdir(exist_ok=True)
    with FileLock(paths.checkout_state / "log.lock"):
        return join_files(predictions_folder(paths.log), PREDICTED) + join_files(paths.log / "confirmed", CONFIRMED)


def read_labels_csv(path: Path) -> list[tuple[str, str]]:
    """The columns id and label of a CSV file, as `fieldguide predict --log` prints it; rows without label are skipped.

    Raises UserError for any other file.
    """
    try:
        table = read_csv(path)[["id", "label"]]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except (UserError, KeyError) as error:
        raise UserError(f"{path} is not a CSV file with the columns id and label ({error})") from None
    known = table[(table["id"] != "") & (table["label"] != "")]
    return list(known.itertuples(index=False, name=None))
