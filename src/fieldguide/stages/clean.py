"""clean: makes pictures upright, RGB, small and free of metadata, and says of each whether it is kept and why."""

from pathlib import PurePosixPath

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_folder
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.data.cleaning import clean_pictures
from fieldguide.data.reviews import read_reviews
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, RAW, further_columns, read_table, write_table


def run(cfg: Config, paths: Paths) -> Metrics:
    """Fill data/clean and data/clean.parquet, the image table: one row for every raw picture.

    Raises UserError for a fault in data/reviews.csv, or if the data set is not there; the outputs then stay as they
    were.
    """
    raw, reviews = read_table(paths.raw_table, RAW), read_reviews(paths.reviews)
    _check_there(raw, paths)
    with replace_folder(paths.clean) as target:
        table = clean_pictures(raw, paths.raw_file, target, reviews, cfg.clean, paths.cleaned)
    write_table(table, paths.image_table, IMAGES, further_columns(raw, RAW))
    counts = table["status"].value_counts()
    return {"pictures": len(table), **{str(status): int(counts.get(status, 0)) for status in Status}}


def _check_there(raw: pd.DataFrame, paths: Paths) -> None:
    """Raise UserError if a folder with pictures is missing: all of them would be left out as unreadable."""
    for folder in sorted({"/".join(PurePosixPath(file).parts[:3]) for file in raw.loc[raw["ok"], "file"]}):
        if not paths.raw_file(folder).exists():
            raise UserError(f"{folder} is missing, where data/raw.parquet lists pictures: `dvc pull` or `dvc checkout`")


if __name__ == "__main__":
    main(run)
