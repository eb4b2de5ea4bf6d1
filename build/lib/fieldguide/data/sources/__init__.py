"""The kinds of data sources, one file each; each writes labelled pictures into a folder and returns the raw table."""

from fieldguide.base.operations import import_modules
from fieldguide.data.sources.source import DataSource

import_modules(__name__, __path__)

__all__ = ["DataSource"]
