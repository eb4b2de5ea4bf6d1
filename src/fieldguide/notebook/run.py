"""The results of a run in a checkout, as data frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths, check_checkout

if TYPE_CHECKING:  # the light install has none
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """What `fieldguide.open_run` gives. Each table is read when it is asked for.

    A property raises UserError if the pipeline has not made its table yet.
    """

    paths: Paths

    @property
    def pictures(self) -> "pd.DataFrame":
        """A row per raw picture, kept or not, and why: data/clean.parquet."""
        return _table(self.paths.image_table)

    @property
    def predictions(self) -> "pd.DataFrame":
        """A row per valid or test picture, with the probability of each label: reports/evaluate/predictions.parquet."""
        return _table(self.paths.predictions)

    @property
    def screening(self) -> "pd.DataFrame":
        """A row per kept picture: p-values, label doubts, near duplicates and issues: data/screen.parquet."""
        return _table(self.paths.screen_table)

    @property
    def queue(self) -> "pd.DataFrame":
        """The pictures that a person should look at, the most urgent first: reports/screen/review_queue.csv."""
        from fieldguide.data.csv_files import read_csv

        try:
            return read_csv(self.paths.review_queue)
        except FileNotFoundError:
            raise UserError(f"{self.paths.review_queue} is missing: run `dvc repro`") from None

    def metrics(self, stage: str) -> dict[str, Any]:
        """The figures of a stage (`evaluate`, `screen`, ...) by their names."""
        file = self.paths.metrics(stage)
        if not file.is_file():
            raise UserError(f"{file} is missing: run `dvc repro`")
        found: dict[str, Any] = read_json(file)
        return found

    def __repr__(self) -> str:
        return f"<fieldguide run in {self.paths.root}>"


def open_folder(folder: Path) -> Run:
    """See `fieldguide.open_run`."""
    try:
        import pandas  # noqa: F401 - asked for here, used by the tables
        import pyarrow  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(f"a run's tables need {error.name}: pip install 'fieldguide[train]'") from None
    paths = Paths(folder.absolute())
    check_checkout(paths)
    return Run(paths)


def _table(path: Path) -> "pd.DataFrame":
    from fieldguide.data.table import read_columns

    return read_columns(path).to_pandas()
