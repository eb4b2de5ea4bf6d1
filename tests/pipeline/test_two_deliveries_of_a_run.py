"""The same model from two machines at the same time is one run, whatever their clocks say."""

import os
from pathlib import Path

import pytest
from mlflow import MlflowClient

from conftest import put
from fieldguide.tracking.store import database_address
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow

# Delivers a run by a clock that is ahead by so many seconds; before it ends the run, another checkout delivers its own.
BEHIND_ANOTHER = """
import subprocess, sys, time
from pathlib import Path
from mlflow import MlflowClient
from fieldguide.base.paths import Paths
from fieldguide.tracking.delivery import sync

ahead, other = float(sys.argv[1]), sys.argv[2]
clock, finish = time.time, MlflowClient.set_terminated
time.time = lambda: clock() + ahead

def finish_second(*arguments, **options):
    print(subprocess.run(["fieldguide", "sync"], cwd=other, check=True, capture_output=True, text=True).stdout, end="")
    return finish(*arguments, **options)

MlflowClient.set_terminated = finish_second
print(sync(Paths(Path.cwd())))
"""


@pytest.mark.parametrize("ahead", [pytest.param(-3600, marks=pytest.mark.exhaustive), 3600])
def test_a_delivery_that_ends_second_leaves_the_first(trained: Reproduced, tmp_path: Path, ahead: int) -> None:
    store = database_address(tmp_path / "shared.db")
    one = trained.checkout.copy(tmp_path / "one").with_variables(MLFLOW_TRACKING_URI=store)
    other = one.copy(tmp_path / "other")
    put(tmp_path / "code" / "fieldguide_behind.py", BEHIND_ANOTHER.encode())
    both = one.with_variables(PYTHONPATH=os.pathsep.join([one.environment["PYTHONPATH"], str(tmp_path / "code")]))
    said = both.run("python", "-m", "fieldguide_behind", str(ahead), str(other.root)).stdout.splitlines()
    client = MlflowClient(store)
    (experiment,) = [found for found in client.search_experiments() if found.name == "fieldguide"]
    (run,) = client.search_runs([experiment.experiment_id])
    (model,) = client.search_logged_models([experiment.experiment_id])
    assert model.source_run_id == run.info.run_id
    assert all(run.info.run_id in line for line in said)
    assert said[0].endswith("logged") and said[-1].startswith("mlflow: the same model is already logged as run ")
    for checkout in (one, other):
        assert checkout.fieldguide("sync").stdout.rstrip().endswith("is complete")
