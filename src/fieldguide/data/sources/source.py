"""What every kind of data source has in common."""

from abc import ABC, abstractmethod
from pathlib import Path

from fieldguide.data.sources.row import RawRow


class DataSource(ABC):
    """A kind of data source; a dataclass in `DATA_SOURCES`, its fields are the options of conf/data/NAME.yaml."""

    kind: str

    @abstractmethod
    def fetch(self, source: Path, target: Path) -> list[RawRow]:
        """Bring every picture to `target`/<label>/..., one row each, in the order of their paths.

        Parameters
        ----------
        source
            data/sources/NAME, what the data set keeps on this machine; no source reads anything else, nor the web.
        target
            An empty folder.

        Raises
        ------
        UserError
            If there is nothing to bring, or the options do not fit it.
        """
