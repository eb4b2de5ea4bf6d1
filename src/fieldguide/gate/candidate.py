"""A model to be judged."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Candidate:
    """A model's two files, and what it has seen (see `fieldguide.data.membership`)."""

    name: str
    weights: Path
    description: Path
    known: pd.DataFrame
