"""The results that cards tell of: read from the checkout, all of them, and about one classifier."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.data.table import IMAGES, SPLIT, read_table
from fieldguide.evaluation.tables import read_evaluation
from fieldguide.model.fingerprint import has_report
from fieldguide.tracking.run_params import upstream_params

STAGES = (Stage.CLEAN, Stage.SPLIT, Stage.TRAIN, Stage.EVALUATE, Stage.SCREEN)
TABLES = ("per_label", "shifts", "by_site", "by_month")


@dataclass(frozen=True)
class Results:
    """The metrics by stage, and the tables of the evaluation by name.

    Also the tables of pictures, the parameters that they were made with (`data`, `clean.crop`, `split.seed` ...), and
    what describes the classifier.
    """

    metrics: dict[str, dict[str, Any]]
    evaluation: dict[str, pd.DataFrame]
    images: pd.DataFrame
    split: pd.DataFrame
    params: dict[str, Any]
    classifier: dict[str, Any]

    @property
    def data_set(self) -> str:
        """Its name."""
        return str(self.params["data"])

    @property
    def labels(self) -> list[str]:
        """In the order of the classifier's probabilities."""
        return list(self.classifier["vocabulary"])


def read_results(paths: Paths) -> Results:
    """Read the results in the checkout.

    Raises UserError if a stage has not run, or if its results are about another classifier than that in models/.
    """
    description = paths.classifier.with_suffix(".json")
    screen = paths.screen.with_suffix(".json")
    models = (paths.classifier, description, paths.classifier.with_suffix(".onnx"), paths.screen, screen)
    for file in (*models, *map(paths.metrics, (*STAGES, Stage.REPORT))):
        if not file.is_file():
            raise UserError(f"{file.relative_to(paths.root)} is missing: run `dvc repro`, then publish")
    if not has_report(paths):
        raise UserError("the reports are about another classifier than that in models/: run `dvc repro`, then publish")
    params = upstream_params(paths)
    if "data" not in params:
        raise UserError("dvc.lock does not say which data set the pictures are of: run `dvc repro`, then publish")
    folder = paths.report(Stage.EVALUATE)
    return Results(
        metrics={stage: read_json(paths.metrics(stage)) for stage in STAGES},
        evaluation={name: read_evaluation(folder, name) for name in TABLES},
        images=read_table(paths.image_table, IMAGES),
        split=read_table(paths.split_table, SPLIT),
        params=params,
        classifier=read_json(description),
    )
