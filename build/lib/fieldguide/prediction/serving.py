"""The classifier as an MLflow pyfunc, logged as code: pictures in; labels, probabilities and p-values out."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from mlflow.pyfunc import PythonModel, PythonModelContext

from fieldguide.prediction.log import Logged, log_predictions

LOG, STEP = "FIELDGUIDE_LOG", "FIELDGUIDE_STEP"  # where to log predictions, if anywhere, and as a version of which step
REGISTERED = "registered_model_meta"  # MLflow writes it beside a model that it loads by its registered name


class ServedClassifier(PythonModel):
    """Loads safetensors and JSON; the pictures come as the bytes of their files."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the classifier from the model's artifacts, and its screen if there is one beside it."""
        from fieldguide.prediction.answers import load_screened  # MLflow runs this file to log it, and needs no torch

        weights = Path(context.artifacts["weights"])
        self.classifier, self.screening = load_screened(weights, Path(context.artifacts["description"]))
        if self.classifier.preprocessing.crop == "boxes":
            print("note: this model was trained on boxes cut out of pictures: send them cut out", file=sys.stderr)
        self.version = _registered_version(weights.parents[1])

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Predict the column `picture` (bytes); a picture that cannot be read is a row without label, with a reason.

        Returns the columns label, probability, p_value, out_of_domain (both None without a screen), reason (of an alarm
        too), id, and `probability_<label>` for every label.
        """
        from fieldguide.prediction.answers import answers

        labels = self.classifier.vocabulary
        rows: list[list[Any]] = []
        logged: list[Logged] = []
        files = map(io.BytesIO, model_input["picture"])
        for answer in answers(self.classifier, files, screening=self.screening, identify=True):
            known = answer.probabilities
            if known is None:
                rows.append([None, None, None, None, answer.reason, None, *[None] * len(labels)])
                continue
            label, probability = labels[int(known.argmax())], float(known.max())
            found = (answer.p_value, answer.out_of_domain)
            rows.append([label, probability, *found, answer.reason, answer.id, *map(float, known)])
            step = os.environ.get(STEP, "champion")
            logged.append(Logged(answer.id, self.version, step, label, probability, "", *found))
        if LOG in os.environ:
            _log(Path(os.environ[LOG]), logged)
        each = (f"probability_{label}" for label in labels)
        columns = ["label", "probability", "p_value", "out_of_domain", "reason", "id", *each]
        return pd.DataFrame(rows, columns=columns, dtype=object)


def _registered_version(model: Path) -> int | None:
    """The number of the version, where the model was loaded as one."""
    file = model / REGISTERED
    version = yaml.safe_load(file.read_text(encoding="utf-8"))["model_version"] if file.is_file() else None
    return None if version is None else int(version)


def _log(folder: Path, logged: list[Logged]) -> None:
    """A log that cannot be written must not prevent an answer."""
    try:
        log_predictions(folder, logged)
    except OSError as error:
        print(f"warning: the predictions are not logged: {error}", file=sys.stderr, flush=True)


mlflow.models.set_model(ServedClassifier())
