"""The classifier as an MLflow pyfunc, logged as code: pictures in, labels and probabilities out."""

import io
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from fieldguide.data.images import PictureError
from fieldguide.model.predict import load_classifier, open_for, predict


class ServedClassifier(PythonModel):
    """Loads safetensors and JSON; the pictures come as the bytes of their files."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the classifier from the model's artifacts."""
        self.classifier = load_classifier(Path(context.artifacts["weights"]), Path(context.artifacts["description"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Predict the column `picture` (bytes); a picture that cannot be read is a row without label, with a reason.

        Returns the columns label, probability, reason, and `probability_<label>` for every label.
        """
        pictures, reasons = [], []
        for content in model_input["picture"]:
            try:
                pictures.append(open_for(self.classifier, io.BytesIO(content)))
                reasons.append("")
            except PictureError as error:
                reasons.append(str(error))
        probabilities = predict(self.classifier, pictures)
        columns = [f"probability_{label}" for label in self.classifier.vocabulary]
        readable = [row for row, reason in enumerate(reasons) if not reason]
        answer = pd.DataFrame(probabilities, columns=columns, index=readable).reindex(range(len(reasons)))
        answer.insert(0, "label", pd.Series([self.classifier.vocabulary[k] for k in probabilities.argmax(1)], readable))
        answer.insert(1, "probability", answer[columns].max(axis=1))
        answer.insert(2, "reason", reasons)
        return answer.astype(object).where(answer.notna(), None)


mlflow.models.set_model(ServedClassifier())
