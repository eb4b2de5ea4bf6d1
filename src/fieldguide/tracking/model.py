"""The classifier as a logged model of MLflow."""

import tempfile
import warnings
from pathlib import Path

from fieldguide.base.paths import Paths
from fieldguide.data.seen_pictures import membership, write_membership
from fieldguide.tracking.provenance import package_versions
from fieldguide.tracking.tags import MEMBERSHIP_FILE, NETWORK_FILE

SERVING_PACKAGES = (  # PyTorch is none of them: a server that has it uses its GPU
    *("filelock", "mlflow", "numpy", "onnxruntime", "pandas", "pillow", "psutil", "pyarrow", "pydantic", "pyyaml"),
    *("safetensors", "scipy", "simplejpeg"),
)


LOGGED_MODEL = "classifier"  # its name


def log_model(paths: Paths, model: str | None = None) -> None:
    """Log the classifier to the active run, with the code that serves it and a table of the pictures it has seen.

    `model` is the id of a model of this run that is empty, or that an earlier call did not bring to its end; else a new
    one is made.
    """
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    package = Path(__file__).parents[1]
    requirements = [line for line in package_versions().split() if line.partition("==")[0].lower() in SERVING_PACKAGES]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*input example was not provided", UserWarning)  # the signature is given
        code = Path(folder) / package.name
        for source in package.rglob("*.py"):
            copy = code / source.relative_to(package)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
        known = Path(folder) / MEMBERSHIP_FILE
        write_membership(membership(paths), known)
        mlflow.pyfunc.log_model(
            name=LOGGED_MODEL,
            python_model=str(package / "prediction" / "serving.py"),
            artifacts={
                "weights": paths.classifier.resolve().as_uri(),
                "network": paths.classifier.with_name(NETWORK_FILE).resolve().as_uri(),
                "description": paths.classifier.with_suffix(".json").resolve().as_uri(),
                "pictures": known.resolve().as_uri(),
            },
            model_id=model,
            code_paths=[str(code)],
            signature=ModelSignature(inputs=Schema([ColSpec(DataType.binary, "picture")])),
            pip_requirements=requirements,
        )
