"""The steps of a job: pipeline, gate, registry, git. In one place, so that a study or a test can replace them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.paths import Paths
from fieldguide.retraining.incoming_checks import Observed
from fieldguide.retraining.journal import Journal
from fieldguide.retraining.shown import Shown


@dataclass(frozen=True)
class Champion:
    """The model that a challenger is judged against, by its name and its weights."""

    name: str
    weights: Path


NOT_ENOUGH = "not enough evidence"
SAME = "the same model"  # as the version that it was compared with: there is nothing to judge, nothing to register


@dataclass(frozen=True)
class Judged:
    """The gate's decision; for a model that is already registered, SAME. `rules` are the rows of its table."""

    verdict: str
    accepted: bool
    needed: int | None  # test pictures that would be enough, where the evidence is not
    against: str  # the champion's name; "" where the challenger had to beat the baselines
    rules: list[dict[str, Any]]
    summary: dict[str, Any] = field(default_factory=dict)  # as the registry keeps it with the version


class Tools(Protocol):
    """The steps of a job. Each may be called again after a kill, and then does only what is missing.

    All raise UserError for what a person can put right.
    """

    def champion(self) -> Champion | None:
        """The model that answers everywhere; None if there is none yet. Asks the registry, so it must answer."""

    def is_first(self) -> bool:
        """Whether there is no version of the model at all."""

    def reference(self) -> pd.DataFrame:
        """Pictures that the champion was not trained on: columns file (Path), label; empty if there are none here."""

    def observe(self, champion: Champion, files: Sequence[Path]) -> Observed:
        """Look at pictures with the champion."""

    def out_of_fold(
        self, pictures: Sequence[Shown], taught: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Probabilities by models that have not seen the picture: `fieldguide.retraining.label_checks`.

        They learn from the `taught` pictures (n,) alone.
        """

    def ask(self, champion: Champion, files: Sequence[Path]) -> pd.DataFrame:
        """Predictions of the champion and its screen: see `fieldguide.retraining.unlabelled_queue.ask`."""

    def train(self, job: Journal, new: pd.DataFrame, run: str) -> Paths:
        """Train a challenger on the data set and `new` pictures; returns where its results are."""

    def judge(self, made: Paths) -> Judged:
        """The challenger against the champion."""

    def register(self, job: Journal, made: Paths, judged: Judged, why: str) -> str:
        """Make the challenger a version; returns its name."""

    def commit(self, job: Journal, made: Paths, message: str) -> str:
        """Commit the results to a branch of the job's own; returns the branch, "" if there is nothing to commit."""

    def stands(self, job: Journal) -> bool:
        """Whether the branch of a job is there, or merged into the commit that is checked out."""

    def open_run(self, job: Journal) -> str:
        """The id of the job's own run in the tracking store, opened if there is none yet."""

    def close_run(self, job: Journal, run: str, files: Sequence[Path], figures: dict[str, float], failed: bool) -> None:
        """Deliver a job's page, its tables and figures, and end its run."""

    def clear(self, job: Journal) -> None:
        """Remove the job's worktree, if there is one."""
