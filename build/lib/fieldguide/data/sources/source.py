"""What every kind of data source has in common."""

from abc import ABC, abstractmethod
from pathlib import Path

from fieldguide.data.sources.row import RawRow


class DataSource(ABC):
    """A kind of data source; a dataclass in `DATA_SOURCES`, its fields are the options of conf/data/NAME.yaml."""

    kind: str

    @abstractmethod
    def fetch(self, source: Path, made: Path) -> list[RawRow]:
        """One row for every picture, in the order of their paths; files are read where they are, and stay there.

        Parameters
        ----------
        source
            data/sources/NAME, what the data set keeps on this machine; no source reads anything else, nor the web.
        made
            An empty folder for pictures that are made: drawn ones, and the frames of videos.

        Raises
        ------
        UserError
            If there is nothing, or the options do not fit it.
        """
