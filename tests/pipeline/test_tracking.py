"""What MLflow shows is what the checkout holds, whatever happened to the tracking server in between."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient

from fieldguide.base.files import read_json, sha256_of_file, write_json
from fieldguide.configuration.compose import compose
from fieldguide.tracking.delivery import sync
from fieldguide.tracking.store import database_address
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced
from pipeline.servers import Server, end, started

pytestmark = pytest.mark.slow

EPOCH = '{"event": "epoch", "epoch": 1, "metrics": {"train_loss": 1.0}}\n'
LR = "0.001"  # of the trainings that these tests only pretend
DONE = '{"event": "done"}\n'


def client_of(checkout: Checkout) -> MlflowClient:
    return MlflowClient(database_address(checkout.root / "mlflow.db"))


def runs_in(client: MlflowClient) -> list[Any]:
    experiment = client.get_experiment_by_name("fieldguide")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


@pytest.fixture(scope="module")
def run(trained: Reproduced) -> Any:
    runs = runs_in(client_of(trained.checkout))
    assert len(runs) == 1
    return runs[0]


def test_a_run_holds_all_that_makes_it_again(trained: Reproduced, run: Any) -> None:
    checkout, record = trained.checkout, read_json(trained.checkout.paths.classifier.with_suffix(".json"))["record"]
    assert run.info.status == "FINISHED"
    digest = sha256_of_file(checkout.paths.split_table)
    assert run.info.run_name == f"squish standard mini mini-{digest[:4]}", "the choices, and the data"
    first = checkout.run("git", "rev-list", "--max-parents=0", "HEAD").stdout.strip()
    tags = run.data.tags
    assert tags["mlflow.source.git.commit"] == first
    assert tags["mlflow.source.name"] == "dvc repro"
    assert tags["fieldguide.fingerprint"] == record["fingerprint"]
    assert tags["fieldguide.model_sha256"] == sha256_of_file(checkout.paths.classifier)
    assert tags["input.split_sha256"] == sha256_of_file(checkout.paths.split_table)
    assert tags["input.backbone_sha256"] == sha256_of_file(checkout.paths.backbone)
    expected = {
        "resize": "squish",
        "resize.method": "squish",
        "model.arch": "test_resnet",
        "train.lr": "0.003",
        "train.size": str(compose(checkout.paths).train.size),
        "seed": "42",
        "data": "mini",
        "split.valid": str(compose(checkout.paths).split.valid),
        "clean.max_side": str(compose(checkout.paths).clean.max_side),
    }
    assert {name: run.data.params.get(name) for name in expected} == expected
    assert "train.workers" not in run.data.params
    client = client_of(checkout)
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id, "environment")}
    assert artifacts == {f"environment/{name}" for name in ("config.json", "dvc.lock", "packages.txt")}


def test_a_run_holds_metrics_counts_and_the_data_set(trained: Reproduced, run: Any) -> None:
    checkout, client = trained.checkout, client_of(trained.checkout)
    history = pd.read_csv(checkout.paths.report("train") / "history.csv")
    shown = client.get_metric_history(run.info.run_id, "valid_loss")
    assert [metric.step for metric in shown] == [1, 2]
    assert [metric.value for metric in shown] == pytest.approx(history["valid_loss"], abs=1e-6)
    evaluated = read_json(checkout.paths.metrics("evaluate"))
    numbers = {name: value for name, value in evaluated.items() if not isinstance(value, str)}
    assert {name: run.data.metrics[name] for name in numbers} == numbers
    assert run.data.metrics["clean.kept"] == read_json(checkout.paths.metrics("clean"))["kept"]
    counts = {name: value for name, value in run.data.metrics.items() if name.startswith("pictures of ")}
    assert len(counts) == 9
    assert sum(counts.values()) == evaluated["test_pictures"]
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "mini"
    assert sha256_of_file(checkout.paths.split_table).startswith(data.dataset.digest)
    files = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "evaluate")}
    assert files == {path.name for path in checkout.paths.report("evaluate").glob("[!.]*")}
    files = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "train")}
    assert files == {"history.csv", "lr_find.csv", "curves.png", "metrics.json"}
    assert run.data.metrics["train.lr"] == 0.003
    assert len(run.outputs.model_outputs) == 1


def test_sync_adds_nothing_to_what_is_there(trained: Reproduced, copy: Checkout) -> None:
    """Before and after a `fieldguide sync` the store holds the same."""
    shutil.copy(trained.checkout.root / "mlflow.db", copy.root)
    client = client_of(copy)
    before = [run.to_dictionary() for run in runs_in(client)]
    assert copy.fieldguide("sync").stdout.rstrip().endswith("is complete")
    assert [run.to_dictionary() for run in runs_in(client)] == before


def kill_sync_while_it_makes_the_database(checkout: Checkout) -> None:
    sync = subprocess.Popen(["fieldguide", "sync"], cwd=checkout.root, env=checkout.cold.environment)
    while not [file for file in checkout.root.rglob("mlflow.db") if file.stat().st_size]:
        assert sync.poll() is None
        time.sleep(0.005)
    sync.kill()
    assert sync.wait() == -signal.SIGKILL


def test_a_run_that_dvc_restored_is_delivered(copy: Checkout, run: Any) -> None:
    """Even after a `fieldguide sync` that was killed in the midst of making the database; as in a fresh clone."""
    shutil.rmtree(copy.paths.state)
    for file in (copy.paths.classifier, copy.paths.metrics("evaluate")):
        file.unlink()
    assert copy.repro() == []
    assert copy.paths.classifier.exists()
    assert not (copy.root / "mlflow.db").exists()
    kill_sync_while_it_makes_the_database(copy)
    done = copy.fieldguide("sync")
    assert done.stdout.rstrip().endswith("logged")
    assert done.stderr == ""
    (restored,) = runs_in(client_of(copy))
    assert restored.info.status == "FINISHED"
    assert restored.data.params == run.data.params
    assert restored.data.metrics == pytest.approx(run.data.metrics, abs=1e-6)
    assert restored.data.tags["mlflow.source.name"] == "fieldguide sync"
    assert len(client_of(copy).get_metric_history(restored.info.run_id, "train_loss")) == 2


def test_training_goes_on_without_the_tracking_server(padded: Reproduced) -> None:
    said = [line for line in padded.stderr.splitlines() if line.strip()]
    assert len(said) == 3, said  # one line of train, one of evaluate, one of report
    for line in said:
        assert line.startswith("MLflow at 127.0.0.1:")
        assert "secret" not in line
        assert line.endswith("`fieldguide sync` logs the run later")
    assert padded.checkout.paths.metrics("evaluate").exists()


def tracker(checkout: Checkout) -> subprocess.Popen[str]:
    """The process that shows a training, waiting for its events."""
    command = ["python", "-m", "fieldguide.tracking", str(checkout.root), "train"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=checkout.root, env=checkout.environment, stdin=pipe, stderr=pipe, text=True)


def wait_for_running(client: MlflowClient, process: subprocess.Popen[str]) -> None:
    """Wait until a store that has its tables shows the training."""
    for _ in range(600):
        assert process.poll() is None, process.communicate()
        if [run for run in runs_in(client) if run.info.status == "RUNNING" and run.data.params.get("train.lr") == LR]:
            return
        time.sleep(0.1)
    raise AssertionError("the training is not shown")


def test_a_training_that_is_interrupted_has_one_run_which_is_killed_until_it_is_evaluated(copy: Checkout) -> None:
    """Its events end without a word, then its tracker is killed itself, then it ends well."""
    copy.set_params(lr=LR)
    for said in ("", None, DONE):
        shown = tracker(copy)
        while not (copy.root / "mlflow.db").exists():
            assert shown.poll() is None, shown.communicate()
            time.sleep(0.1)
        wait_for_running(client_of(copy), shown)
        if said is None:
            shown.kill()
        shown.communicate(None if said is None else EPOCH + said, timeout=60)
    (run,) = runs_in(client_of(copy))
    assert run.info.status == "KILLED"
    assert [metric.step for metric in client_of(copy).get_metric_history(run.info.run_id, "train_loss")] == [1]


def test_what_failed_to_be_delivered_leaves_one_run_which_the_next_call_completes(copy: Checkout) -> None:
    weights = copy.paths.classifier.read_bytes()
    hidden = copy.paths.history.rename(copy.root / "history.csv")
    for _ in range(3):
        line = copy.fieldguide("sync", code=1).stderr
        assert "history.csv" in line
        assert line.count("\n") == 1
        (half,) = runs_in(client_of(copy))
        assert half.info.status == "KILLED"
    hidden.rename(copy.paths.history)
    assert copy.fieldguide("sync").stdout.rstrip().endswith("logged")
    (run,) = runs_in(client_of(copy))
    assert (run.info.run_id, run.info.status) == (half.info.run_id, "FINISHED")
    assert len(run.outputs.model_outputs) == 1
    assert copy.paths.classifier.read_bytes() == weights


@pytest.fixture(scope="module")
def server(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An MLflow server of its own on this machine, with its own database and place for artifacts."""
    folder = tmp_path_factory.mktemp("server")
    stores = [f"--backend-store-uri=sqlite:///{folder}/server.db", f"--artifacts-destination={folder}/artifacts"]
    with started(trained.checkout, folder, "health", "server", "--workers", "1", *stores) as server:
        yield server


def test_a_server_that_came_back_gets_the_run(
    padded: Reproduced, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = padded.checkout.copy(tmp_path / "checkout").with_variables(MLFLOW_TRACKING_URI=server.address)
    assert checkout.fieldguide("sync").stdout.rstrip().endswith("logged")
    client = MlflowClient(server.address)
    (run,) = runs_in(client)
    assert run.info.status == "FINISHED"
    assert run.data.params["resize"] == "pad"
    assert run.data.tags["mlflow.source.name"] == "dvc repro train"  # as it was while the server was away
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "train_loss")] == [1, 2]
    assert len(run.outputs.model_outputs) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)  # from here on in this process, for speed
    assert sync(checkout.paths).endswith("is complete")
    assert len(runs_in(client)) == 1
    model = run.outputs.model_outputs[0].model_id
    files = {file.path for file in client.list_logged_model_artifacts(model, "artifacts")}
    assert {f"artifacts/{name}" for name in ("screen.safetensors", "screen.json", "reference.safetensors")} <= files

    client.create_registered_model("fieldguide")
    client.create_model_version("fieldguide", f"models:/{model}", run.info.run_id, model_id=model)
    rate = run.data.tags["fieldguide.alarm_rate"]
    assert float(rate) == read_json(checkout.paths.metrics("screen"))["test_alarm_rate"]
    for stage, changed in (("report", {"again": 1}), ("screen", {"test_alarm_rate": 0.75})):  # as of other choices
        write_json(checkout.paths.metrics(stage), {**read_json(checkout.paths.metrics(stage)), **changed})
    assert sync(checkout.paths).endswith("logged; version 1 keeps the screen that it was registered with")
    assert client.get_run(run.info.run_id).data.tags["fieldguide.alarm_rate"] == rate
    assert client.get_run(run.info.run_id).data.metrics["screen.test_alarm_rate"] == 0.75


def test_a_server_that_goes_away_during_training_is_one_line(copy: Checkout, server: Server) -> None:
    """The last test of the server: it ends it."""
    copy.set_params(lr=LR)
    shown = tracker(copy.with_variables(MLFLOW_TRACKING_URI=server.address, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1"))
    wait_for_running(MlflowClient(server.address), shown)
    end(server.process)
    _, stderr = shown.communicate(EPOCH + DONE, timeout=60)
    (line,) = [line for line in stderr.splitlines() if line.strip()]
    assert line.startswith("MLflow at http://127.0.0.1:")
    assert "does not answer" in line
