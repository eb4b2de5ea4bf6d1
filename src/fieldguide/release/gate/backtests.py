"""Freezing sets of past pictures, so that every later model is compared on them too."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date as Date
from pathlib import Path

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import copy_file, replace_folder
from fieldguide.base.paths import Paths
from fieldguide.data.choices import AS_IT_IS, Choices
from fieldguide.data.cleaning import clean_pictures
from fieldguide.data.cropping import BOXES
from fieldguide.data.data_set_names import NAME
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.raw_table import raw_table
from fieldguide.data.source_places import pictures_in
from fieldguide.data.sources.wanted import raw_rows
from fieldguide.data.split_keys import LOOK_ALIKE, SEQUENCE, has_key, split_keys
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, SPLIT, further_columns, read_table, write_table
from fieldguide.data.track import dvc_add
from fieldguide.data.understanding import understand
from fieldguide.release.gate.picture_sets import BACKTEST_WITH_GROUPS, TABLE

BY_SITE, BY_MONTH = "site", "month"
NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def freeze(
    cfg: Config,
    paths: Paths,
    name: str,
    source: Path | None,
    date: Date,
    by: str | None = None,
    choices: Choices = AS_IT_IS,
) -> str:
    """Make data/backtests/NAME of the current test split, or of a folder of labelled pictures, and track it with DVC.

    Pictures of a folder are cleaned as those of the pipeline are; unusable pictures and exact duplicates are left out.

    Parameters
    ----------
    source
        Holds pictures that `understand` reads: a folder for each label, sites and labels, or a file that lists them.
        None is the current test split. With `clean.crop: boxes` each box is a picture.
    date
        Of the pictures; it is written to the set's table.
    by
        `site` or `month`: a set for each, named NAME-SITE or NAME-2026-02; pictures that have none are left out.
    choices
        How the folder is read, where it may mean more than one thing.

    Returns
    -------
    Lines that say what was done.

    Raises
    ------
    UserError
        If a name is taken (a frozen set is never changed) or not valid, or if there are no pictures.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is not a valid name for a backtest set: use letters from a to z, digits, - and _, a letter first"
        )
    if by is None:
        _check_free(paths, name)
    with tempfile.TemporaryDirectory() as temporary:
        if source is None:
            pictures, left_out = _test_pictures(paths), ""
        else:
            pictures, left_out = _cleaned(cfg, source, choices, Paths(Path(temporary), own_checkout=paths.checkout))
        if pictures.empty:
            raise UserError(
                f"no usable pictures in {source or 'the test split'}: add pictures, or choose another folder"
            )
        numbers = look_alike_groups(list(pictures["perceptual_hash"]), cfg.split.near_duplicate_bits)
        pictures["group"] = pictures.groupby(numbers)["id"].transform("min")
        keyed = _keyed(pictures, cfg.split.group_by).assign(date=date.isoformat())
        sets = dict(_parts(keyed, name, by))
        for part in sets:
            _check_free(paths, part)
        for part, rows in sets.items():
            _write(paths.backtests / part, rows)
            dvc_add(paths, paths.backtests / part)
    if unknown := len(keyed) - sum(map(len, sets.values())):
        left_out += f" (without a {'site' if by == BY_SITE else 'time'}: {unknown})"
    frozen = [
        f"froze {len(rows)} pictures of {rows['label'].nunique()} labels as data/backtests/{part}"
        for part, rows in sets.items()
    ]
    files = " ".join(f"data/backtests/{part}.dvc" for part in sets)
    return "\n".join(
        [
            *frozen[:-1],
            f"{frozen[-1]}{left_out}",
            f"next: commit {files} and data/backtests/.gitignore, and `dvc push` where there is a remote",
        ]
    )


def _check_free(paths: Paths, name: str) -> None:
    target = paths.backtests / name
    if target.exists() or target.with_name(f"{name}.dvc").exists():
        raise UserError(f"data/backtests/{name} already exists, and a frozen set is never changed: choose another name")


def _keyed(pictures: pd.DataFrame, group_by: str) -> pd.DataFrame:
    """The pictures with their key by `group_by`, or where that is not known by none."""
    key = group_by if has_key(pictures, group_by, share=0) else LOOK_ALIKE
    return pictures.assign(group_by=key, split_key=split_keys(pictures, key))


def _parts(pictures: pd.DataFrame, name: str, by: str | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """The sets by their names. Within one site it is sequences that are witnesses, not the site."""
    if by is None:
        yield name, pictures
        return
    value = pictures["site"] if by == BY_SITE else pd.to_datetime(pictures["time"]).dt.strftime("%Y-%m")
    if value.isna().all():
        raise UserError(f"no picture has a {'site' if by == BY_SITE else 'time'}: freeze one set, without --by")
    names = value.map(lambda text: f"{name}-{NO_NAME.sub('-', text)}", na_action="ignore")
    for part, rows in pictures.groupby(names):
        if by == BY_SITE and rows["site"].nunique() > 1:
            sites = ", ".join(sorted(map(printable, rows["site"].unique())))
            raise UserError(f"the sites {sites} would all be data/backtests/{part}: their names must differ in letters")
        yield str(part), _keyed(rows, SEQUENCE) if by == BY_SITE else rows


def _write(folder: Path, rows: pd.DataFrame) -> None:
    with replace_folder(folder) as partial:
        for file, path in zip(rows["file"], rows["path"], strict=True):
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            copy_file(file, partial / path)
        write_table(rows[BACKTEST_WITH_GROUPS.names], partial / TABLE, BACKTEST_WITH_GROUPS)


def _test_pictures(paths: Paths) -> pd.DataFrame:
    split = read_table(paths.split_table, SPLIT)
    test = split[split["split"] == Split.TEST].sort_values("id").reset_index(drop=True)
    images = read_table(paths.image_table, IMAGES)
    hashes = images.loc[images["status"] == Status.KEPT, ["id", "perceptual_hash", *_further(images)]]
    return _columns(test.merge(hashes, on="id"), paths.clean)


def _further(images: pd.DataFrame) -> list[str]:
    return [name for name in further_columns(images, IMAGES) if name not in SPLIT.names]


def _cleaned(cfg: Config, source: Path, choices: Choices, work: Paths) -> tuple[pd.DataFrame, str]:
    if not source.is_dir():
        raise UserError(f"{source} is not a folder with a folder of pictures for each label: check the path")
    reading = understand(pictures_in(source), choices)
    if cfg.clean.crop == BOXES and not any(one.known.box for one in reading.pictures):
        raise UserError(
            f"clean.crop: boxes: nothing says where the boxes of {source} are: name a file that does with --boxes FILE"
        )
    renamed = getattr(cfg.data, "labels", {})  # as the labels of the data set itself
    files = [replace(one, label=renamed.get(one.label, one.label)) for one in reading.files]
    work.clean.mkdir(parents=True)
    table = raw_table(raw_rows(files, source, work.raw))
    images = clean_pictures(table, Path, work.clean, {}, cfg.clean, work.cleaned)
    kept = images[images["status"] == Status.KEPT].sort_values("id").reset_index(drop=True)
    reasons = images.loc[images["status"] != Status.KEPT, "status"].value_counts()
    counts = ", ".join(f"{count} {str(status).replace('_', ' ')}" for status, count in reasons.items())
    return _columns(kept, work.clean), f" (left out: {counts})" if counts else ""


def _columns(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    files = pd.Series([folder / path for path in table["clean_path"]], index=table.index, dtype=object)
    return (
        table.drop(columns=["clean_path", "path"], errors="ignore")
        .rename(columns={"clean_sha256": "sha256"})
        .assign(path=table["label"] + "/" + table["id"] + ".jpg", file=files)
    )
