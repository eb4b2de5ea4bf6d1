"""What cleaning will keep of a new data set: every picture is decoded once, and `clean` does not do it again."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from fieldguide.base.config import CleanConfig
from fieldguide.base.leftovers import in_use
from fieldguide.data.cleaning import clean_pictures
from fieldguide.data.sources.copying import Wanted, copy_pictures
from fieldguide.data.sources.row import RawRow
from fieldguide.data.status import Status
from fieldguide.data.table import RAW


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
        raw, copies = Path(folder, "raw"), Path(folder, "clean")
        copies.mkdir()
        table = _table(copy_pictures(wanted, source, raw, video_every, take=_link))
        images = clean_pictures(table, raw, copies, {}, clean, cache)
    return images[images["status"] == Status.KEPT].reset_index(drop=True)


def _link(file: Path, place: Path) -> None:
    place.symlink_to(file.absolute())


def _table(rows: Sequence[RawRow]) -> pd.DataFrame:
    further = sorted({name for row in rows for name in row.known.further})
    return pd.DataFrame([row.cells for row in rows], columns=[*RAW.names, *further])
