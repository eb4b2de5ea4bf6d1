"""The classifier as an MLflow pyfunc, logged as code: pictures in, labels and probabilities out."""

import io
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from fieldguide.model.predict import load_classifier
from fieldguide.prediction.answers import answers


class ServedClassifier(PythonModel):
    """Loads safetensors and JSON; the pictures come as the bytes of their files."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the classifier from the model's artifacts."""
        self.classifier = load_classifier(Path(context.artifacts["weights"]), Path(context.artifacts["description"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Predict the column `picture` (bytes); a picture that cannot be read is a row without label, with a reason.

        Returns the columns label, probability, reason, and `probability_<label>` for every label.
        """
        labels = self.classifier.vocabulary
        rows = []
        for answer in answers(self.classifier, map(io.BytesIO, model_input["picture"])):
            known = answer.probabilities
            rows.append(
                [None, None, answer.reason, *[None] * len(labels)]
                if known is None
                else [labels[int(known.argmax())], float(known.max()), "", *map(float, known)]
            )
        columns = ["label", "probability", "reason", *(f"probability_{label}" for label in labels)]
        return pd.DataFrame(rows, columns=columns, dtype=object)


mlflow.models.set_model(ServedClassifier())
