"""Freezing a set of past pictures, so that every later model is compared on them too."""

import shutil
import tempfile
from datetime import date as Date
from pathlib import Path

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_folder
from fieldguide.base.paths import Paths
from fieldguide.data.add import NAME
from fieldguide.data.cleaning import clean_pictures
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.sources.folder import FolderData, is_label_folder
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, RAW, SPLIT, read_table, write_table
from fieldguide.data.track import dvc_add
from fieldguide.release.gate.picture_sets import BACKTEST, TABLE


def freeze(cfg: Config, paths: Paths, name: str, source: Path | None, date: Date) -> str:
    """Make data/backtests/NAME of the current test split, or of a folder of labelled pictures, and track it with DVC.

    Pictures of a folder are cleaned as those of the pipeline are; unusable pictures and exact duplicates are left out.

    Parameters
    ----------
    source
        Holds one folder of pictures for each label; None is the current test split.
    date
        Of the pictures; it is written to the set's table.

    Returns
    -------
    A line that says what was done.

    Raises
    ------
    UserError
        If the name is taken (a frozen set is never changed) or not valid, or if there are no pictures.
    """
    target = paths.backtests / name
    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is not a valid name for a backtest set: use a letter first, then letters, digits, - and _"
        )
    if target.exists() or target.with_name(f"{name}.dvc").exists():
        raise UserError(f"data/backtests/{name} already exists, and a frozen set is never changed: choose another name")
    with tempfile.TemporaryDirectory() as temporary:
        if source is None:
            pictures, left_out = _test_pictures(paths), ""
        else:
            pictures, left_out = _cleaned(cfg, source, Paths(Path(temporary), own_checkout=paths.checkout))
        if pictures.empty:
            raise UserError(
                f"no usable pictures in {source or 'the test split'}: add pictures, or choose another folder"
            )
        numbers = look_alike_groups(list(pictures["perceptual_hash"]), cfg.split.near_duplicate_bits)
        pictures["group"] = pictures.groupby(numbers)["id"].transform("min")
        with replace_folder(target) as partial:
            for file, path in zip(pictures["file"], pictures["path"], strict=True):
                (partial / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, partial / path)
            write_table(pictures.assign(date=date.isoformat())[BACKTEST.names], partial / TABLE, BACKTEST)
    dvc_add(paths, target)
    return (
        f"froze {len(pictures)} pictures of {pictures['label'].nunique()} labels as data/backtests/{name}{left_out}\n"
        f"next: commit data/backtests/{name}.dvc and data/backtests/.gitignore, and `dvc push` where there is a remote"
    )


def _test_pictures(paths: Paths) -> pd.DataFrame:
    split = read_table(paths.split_table, SPLIT)
    test = split[split["split"] == Split.TEST].sort_values("id").reset_index(drop=True)
    hashes = read_table(paths.image_table, IMAGES)[["id", "perceptual_hash", "status"]]
    test = test.merge(hashes[hashes["status"] == Status.KEPT], on="id")
    return _columns(test, paths.clean)


def _cleaned(cfg: Config, source: Path, work: Paths) -> tuple[pd.DataFrame, str]:
    if not source.is_dir() or not any(map(is_label_folder, source.iterdir())):
        raise UserError(f"{source} is not a folder with a folder of pictures for each label: check the path")
    rows = FolderData("folder").fetch(source, work.raw)
    work.clean.mkdir(parents=True)
    table = pd.DataFrame([row.cells for row in rows], columns=RAW.names)
    images = clean_pictures(table, work.raw, work.clean, {}, cfg.clean, work.cleaned)
    kept = images[images["status"] == Status.KEPT].sort_values("id").reset_index(drop=True)
    reasons = images.loc[images["status"] != Status.KEPT, "status"].value_counts()
    counts = ", ".join(f"{count} {str(status).replace('_', ' ')}" for status, count in reasons.items())
    return _columns(kept, work.clean), f" (left out: {counts})" if counts else ""


def _columns(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    files = pd.Series([folder / path for path in table["clean_path"]], index=table.index, dtype=object)
    wanted = table[["id", "label", "clean_path", "clean_sha256", "perceptual_hash"]]
    return wanted.rename(columns={"clean_path": "path", "clean_sha256": "sha256"}).assign(file=files)
