"""The sets of pictures that models are compared on: the current test split and the frozen backtest sets."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.seen_pictures import membership
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table

CURRENT = "current test"
TABLE = "pictures.parquet"  # in the folder of a frozen set, beside the pictures
BACKTEST = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # below the set's folder
        pa.field("sha256", pa.string(), nullable=False),  # of that file
        pa.field("group", pa.string(), nullable=False),  # smallest id among its look-alikes
        pa.field("perceptual_hash", pa.string(), nullable=False),
        pa.field("date", pa.string(), nullable=False),  # ISO: of the pictures, the same for all of a set
    ]
)


@dataclass(frozen=True)
class PictureSet:
    """Labelled pictures: columns id, label, file (a Path), perceptual_hash."""

    name: str
    pictures: pd.DataFrame


def current_test(paths: Paths) -> PictureSet:
    """The test split as it is now. Raises UserError if the pipeline has not run."""
    known = membership(paths)
    files = read_table(paths.split_table, SPLIT)[["id", "clean_path"]]
    test = known[known["split"] == Split.TEST].merge(files, on="id")
    return PictureSet(CURRENT, _with_files(test, paths.clean, "clean_path"))


def backtests(paths: Paths) -> list[PictureSet]:
    """All frozen sets, by name.

    Raises UserError if one is not here (DVC has it), or if a picture of it is missing or other than it was.
    """
    tracked = {path.stem for path in paths.backtests.glob("*.dvc")}
    here = {path.name for path in paths.backtests.glob("[!.]*") if path.is_dir()}
    return [_read_backtest(paths.backtests / name) for name in sorted(tracked | here)]


def _read_backtest(folder: Path) -> PictureSet:
    shown = f"data/backtests/{folder.name}"
    if not (folder / TABLE).is_file():
        raise UserError(f"{shown} is not here: `dvc checkout {shown}.dvc`, or `dvc pull {shown}.dvc`")
    table = read_table(folder / TABLE, BACKTEST)
    for path, digest in zip(table["path"], table["sha256"], strict=True):
        if not (folder / path).is_file() or sha256_of_file(folder / path) != digest:
            raise UserError(f"{shown}/{path} is not what was frozen: `dvc checkout --force {shown}.dvc`")
    return PictureSet(folder.name, _with_files(table, folder, "path"))


def _with_files(table: pd.DataFrame, folder: Path, column: str) -> pd.DataFrame:
    files = pd.Series([folder / path for path in table[column]], index=table.index, dtype=object)
    return table[["id", "label", "perceptual_hash"]].assign(file=files).reset_index(drop=True)
