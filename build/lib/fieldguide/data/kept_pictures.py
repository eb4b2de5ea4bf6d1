"""What cleaning will keep of a new data set: every picture is decoded once, and `clean` does not do it again."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from fieldguide.base.config import CleanConfig
from fieldguide.base.leftovers import in_use
from fieldguide.data.cleaning import clean_pictures
from fieldguide.data.raw_table import raw_table
from fieldguide.data.sources.wanted import Wanted, raw_rows
from fieldguide.data.status import Status


def kept_pictures(
    wanted: Sequence[Wanted], source: Path, video_every: float, clean: CleanConfig, cache: Path
) -> pd.DataFrame:
    """The rows of the image table (see `fieldguide.data.table.IMAGES`) that will be kept, and the data set's columns.

    Parameters
    ----------
    wanted
        The data set's files, or what is to become them.
    source
        The folder of the data set, for messages.
    cache
        The folder of `fieldguide.data.cleaning_cache`, from which `clean` takes what was decoded here.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".partial", dir=cache.parent) as folder, in_use(Path(folder)):
        copies = Path(folder, "clean")
        copies.mkdir()
        table = raw_table(raw_rows(wanted, source, Path(folder, "frames"), video_every))
        images = clean_pictures(table, Path, copies, {}, clean, cache)
    return images[images["status"] == Status.KEPT].reset_index(drop=True)
