"""The sets of pictures that models are compared on: the current test split and the frozen backtest sets."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.groups import group_kinds, group_numbers, groups_in_words
from fieldguide.data.seen_pictures import membership
from fieldguide.data.split_keys import LOOK_ALIKE
from fieldguide.data.status import Split
from fieldguide.data.table import FIELD_DATA, SPLIT, read_columns, read_table

CURRENT = "current test"
GROUP_COLUMNS = ["group", "split_key"]  # what groups of pictures follow from
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
BACKTEST_WITH_GROUPS = pa.schema(  # sets that were frozen before groups were known have no others than BACKTEST
    [
        *BACKTEST,
        pa.field("group_by", pa.string(), nullable=False),  # the key of the split that kept groups together, for all
        pa.field("split_key", pa.string()),  # each one's; null where it stands alone
        *FIELD_DATA,
    ]
)


@dataclass(frozen=True)
class PictureSet:
    """Labelled pictures: columns id, label, file (a Path), perceptual_hash, group, split_key.

    `group_by` is the key of the split by which split_key keeps groups together.
    """

    name: str
    pictures: pd.DataFrame
    group_by: str = LOOK_ALIKE

    @property
    def witnesses(self) -> str:
        """How many pictures and groups there are, in words."""
        groups = int(group_numbers(self.pictures).max(initial=-1)) + 1
        pictures = f"{len(self.pictures)} picture{'s' if len(self.pictures) != 1 else ''}"
        if groups == len(self.pictures):
            return pictures
        return f"{pictures} of {groups_in_words(groups, group_kinds(self.pictures, self.group_by))}"


def current_test(paths: Paths, group_by: str) -> PictureSet:
    """The test split as it is now, divided by the key `group_by`. Raises UserError if the pipeline has not run."""
    known = membership(paths)
    files = read_table(paths.split_table, SPLIT)[["id", "clean_path", "split_key"]]
    test = known[known["split"] == Split.TEST].merge(files, on="id")
    return PictureSet(CURRENT, _with_files(test, paths.clean, "clean_path"), group_by)


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
    table = _read_frozen(folder / TABLE)
    for path, digest in zip(table["path"], table["sha256"], strict=True):
        if not (folder / path).is_file() or sha256_of_file(folder / path) != digest:
            raise UserError(f"{shown}/{path} is not what was frozen: `dvc checkout --force {shown}.dvc`")
    return PictureSet(folder.name, _with_files(table, folder, "path"), table["group_by"].iloc[0])


def _read_frozen(path: Path) -> pd.DataFrame:
    """The table of a frozen set; what an older one does not tell is null. Raises UserError for any other table."""
    table = read_columns(path)
    if table.schema.equals(BACKTEST):
        return table.to_pandas().assign(group_by=LOOK_ALIKE, split_key=None)
    if not table.schema.equals(BACKTEST_WITH_GROUPS):
        raise UserError(f"data/backtests/{path.parent.name}/{path.name} is no table of a frozen set: freeze it anew")
    return table.to_pandas()


def _with_files(table: pd.DataFrame, folder: Path, column: str) -> pd.DataFrame:
    files = pd.Series([folder / path for path in table[column]], index=table.index, dtype=object)
    return table[["id", "label", "perceptual_hash", *GROUP_COLUMNS]].assign(file=files).reset_index(drop=True)
