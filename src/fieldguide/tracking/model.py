"""The classifier as a logged model of MLflow."""

import tempfile
import warnings
from pathlib import Path

from fieldguide.base.paths import Paths
from fieldguide.data.seen_pictures import membership, write_membership
from fieldguide.tracking.provenance import package_versions
from fieldguide.tracking.store import asked_once
from fieldguide.tracking.tags import MEMBERSHIP_FILE, NETWORK_FILE
from fieldguide.tracking.tracker import METRICS_AT_A_TIME, Tracker

SERVING_PACKAGES = (  # PyTorch is none of them: a server that has it uses its GPU
    *("filelock", "mlflow", "numpy", "onnxruntime", "pandas", "pillow", "psutil", "pyarrow", "pydantic", "pyyaml"),
    *("safetensors", "scipy", "simplejpeg"),
)


LOGGED_MODEL = "classifier"  # its name


def log_model(paths: Paths, tracker: Tracker, run: str) -> None:
    """Log the classifier as the model of a run, with the code that serves it and a table of the pictures it has seen.

    The model is the one that was begun for the run, if there is one. The run names it when its files are all there; it
    can do so once only, so that MLflow's own `log_model` could not go on with what it had begun.
    """
    import mlflow
    from mlflow.entities import LoggedModelStatus
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    model = tracker.model_of(run, LOGGED_MODEL)
    place = tracker.client.get_logged_model(model).artifact_location
    package = Path(__file__).parents[1]
    requirements = [line for line in package_versions().split() if line.partition("==")[0].lower() in SERVING_PACKAGES]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*input example was not provided", UserWarning)  # the signature is given
        files, known = Path(folder) / LOGGED_MODEL, Path(folder) / MEMBERSHIP_FILE
        write_membership(membership(paths), known)
        mlflow.pyfunc.save_model(
            files,
            mlflow_model=Model(artifact_path=place, run_id=run, model_uuid=model, model_id=model),
            python_model=str(package / "prediction" / "serving.py"),
            artifacts={
                "weights": paths.classifier.resolve().as_uri(),
                "network": paths.classifier.with_name(NETWORK_FILE).resolve().as_uri(),
                "description": paths.classifier.with_suffix(".json").resolve().as_uri(),
                "pictures": known.resolve().as_uri(),
            },
            code_paths=[str(package)],
            signature=ModelSignature(inputs=Schema([ColSpec(DataType.binary, "picture")])),
            pip_requirements=requirements,
        )
        tracker.client.log_model_artifacts(model, str(files))
    tracker.client.finalize_logged_model(model, LoggedModelStatus.READY)
    _name_model(tracker, run, model)


def _name_model(tracker: Tracker, run: str, model: str) -> None:
    """Let the run name its model, and show the metrics of the whole run (those of step 0) as the model's."""
    from mlflow.entities import LoggedModelOutput, Metric

    client = tracker.client
    shown = client.get_run(run)
    if model not in [named.model_id for named in shown.outputs.model_outputs]:
        with asked_once():  # without an answer the next call sees whether it is named
            client.log_outputs(run, [LoggedModelOutput(model, step=0)])
    entries = [
        Metric(known.key, known.value, known.timestamp, known.step, model_id=model, run_id=run)
        for name in shown.data.metrics
        for known in client.get_metric_history(run, name)
        if known.step == 0
    ]
    for start in range(0, len(entries), METRICS_AT_A_TIME):
        client.log_batch(run, metrics=entries[start : start + METRICS_AT_A_TIME])
