"""A delivery that is killed while it sends the model is completed by the next: nothing is lost, nothing is doubled."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.models import Model

from fieldguide.tracking.store import database_address
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

STEPS = ("create_logged_model", "log_model_artifacts", "log_outputs")  # of sending a model, each followed by a kill
KILLED_AFTER = """
import os, signal, sys
from pathlib import Path
from mlflow import MlflowClient
from fieldguide.base.paths import Paths
from fieldguide.tracking.delivery import sync

step = getattr(MlflowClient, sys.argv[1])

def last_step(*arguments, **options):
    step(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(MlflowClient, sys.argv[1], last_step)
sync(Paths(Path.cwd()))
"""


def delivered(checkout: Checkout, folder: Path) -> dict[str, Any]:
    """The only run of a checkout's store and its only model, without what differs from one delivery to another.

    Those of the screen are metrics of the model only where both are delivered at once.
    """
    client = MlflowClient(database_address(checkout.root / "mlflow.db"))
    experiment = client.get_experiment_by_name("fieldguide").experiment_id
    (run,) = client.search_runs([experiment])
    (model,) = client.search_logged_models([experiment])
    assert [named.model_id for named in run.outputs.model_outputs] == [model.model_id]
    assert model.source_run_id == run.info.run_id
    mlflow.set_tracking_uri(database_address(checkout.root / "mlflow.db"))
    files = Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}", dst_path=str(folder)))
    described = Model.load(str(files / "MLmodel"))
    assert (described.run_id, described.model_id) == (run.info.run_id, model.model_id)
    return {
        "status": (run.info.status, model.status),
        "params": run.data.params,
        "metrics": {name: pytest.approx(value, abs=1e-6) for name, value in run.data.metrics.items()},
        "model's metrics": {metric.key for metric in model.metrics if not metric.key.startswith("screen.")},
        "model's params": model.params,
        "model's files": sorted(file.relative_to(files).as_posix() for file in files.rglob("*") if file.is_file()),
        "times logged": {name: len(client.get_metric_history(run.info.run_id, name)) for name in run.data.metrics},
    }


def test_a_delivery_that_is_killed_at_any_step_is_completed(
    trained: Reproduced, copy: Checkout, tmp_path: Path
) -> None:
    for step in STEPS:
        command = [sys.executable, "-c", KILLED_AFTER, step]
        end = subprocess.run(command, cwd=copy.root, env=copy.environment, capture_output=True, text=True, check=False)
        assert end.returncode == -signal.SIGKILL, (step, end)
    assert copy.fieldguide("sync").stdout.rstrip().endswith("logged")
    found, wanted = delivered(copy, tmp_path / "found"), delivered(trained.checkout, tmp_path / "wanted")
    assert wanted["model's metrics"] >= {"accuracy"}
    assert found == wanted
    assert copy.fieldguide("sync").stdout.rstrip().endswith("is complete")
