"""A checkout may lie in any folder: what its name holds never changes which database MLflow opens."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import mlflow
import psutil
import pytest
import sqlalchemy
from mlflow import MlflowClient
from mlflow.store.db import utils as mlflow_database

from conftest import put
from fieldguide.base.paths import Paths
from fieldguide.release.registry import why_it_does_not_predict
from fieldguide.tracking.store import database_address, database_file, tracking_address
from fieldguide.tracking.tracker import Tracker
from pipeline.checkout import ODD_NAME, free_port
from pipeline.conftest import Reproduced
from pipeline.servers import answers, end
from warm import warm_python

pytestmark = pytest.mark.slow

NAMES = (
    *("a#b", "a%b", "a%20b", "a?b", "a?mode=ro", "a&b", "a:b", "a b", "a;b@c", "a\\b", "a[1]", "a'b\"c", "$HOME~"),
    *("ä熊", "%C3%A4", "a%23b?x#y", "{a}", "file:a", "a+b=c", "<a>", "a\tb", "-a"),
)


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which MLflow has made its tables, and nothing else."""
    file = tmp_path_factory.mktemp("tables") / "mlflow.db"
    engine = sqlalchemy.create_engine(f"sqlite:///{file}")
    mlflow_database._initialize_tables(engine)
    engine.dispose()
    return file


@pytest.fixture
def ready_tables(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow makes its tables by a copy, where it would make them: its forty migrations know nothing of the folder."""

    def copied(engine: sqlalchemy.Engine) -> None:
        with closing(sqlite3.connect(tables)) as source, closing(engine.raw_connection()) as target:
            source.backup(target.driver_connection)

    monkeypatch.setattr(mlflow_database, "_initialize_tables", copied)


@pytest.mark.usefixtures("no_server", "ready_tables")
@pytest.mark.parametrize("name", NAMES)
def test_runs_are_kept_in_the_folder_itself_and_nothing_lies_beside_it(name: str, tmp_path: Path) -> None:
    place = tmp_path / "all" / name
    place.mkdir(parents=True)
    tracker = Tracker(Paths(place))
    run = tracker.client.create_run(tracker.experiment, run_name="one").info.run_id
    tracker.client.log_text(run, "as it was", "folder/text.txt")
    fetched = tracker.client.download_artifacts(run, "folder/text.txt", str(tmp_path))
    assert Path(fetched).read_text() == "as it was"
    with sqlite3.connect(place / "mlflow.db") as database:
        assert database.execute("SELECT name FROM runs").fetchall() == [("one",)]
    assert [path.name for path in (tmp_path / "all").iterdir()] == [name]
    assert sorted(path.name for path in place.iterdir()) == [".fieldguide", "mlflow.db", "mlruns"]
    assert database_file(tracking_address(Paths(place))) == place / "mlflow.db"


MODEL = """
import mlflow, pandas as pd
class Answers(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        label = open(context.artifacts["label"]).read()
        return pd.DataFrame({"label": [label] * len(model_input), "probability": [0.5] * len(model_input)})
mlflow.models.set_model(Answers())
"""


@pytest.mark.usefixtures("no_server", "ready_tables")
def test_a_registered_model_is_tried_where_mlflow_reads_the_path_of_the_checkout_as_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a%41b"
    place.mkdir()
    tracker = Tracker(Paths(place))
    code, label = put(place / "model.py", MODEL.encode()), put(place / "label.txt", b"fox")
    mlflow.set_tracking_uri(tracker.address)
    with mlflow.start_run(experiment_id=tracker.experiment):
        logged = mlflow.pyfunc.log_model(
            name="classifier", python_model=str(code), artifacts={"label": label.as_uri()}, pip_requirements=[]
        )
    mlflow.register_model(logged.model_uri, "own")
    assert why_it_does_not_predict("models:/own/1", tracker.address) == ""
    (place / "label.txt").unlink()
    monkeypatch.setattr("sys.executable", warm_python())  # the second has the libraries, for speed
    monkeypatch.setenv("WARM_CODE", "1")
    assert "Registered Model with name=other not found" in why_it_does_not_predict("models:/other/1", tracker.address)


def test_an_ordinary_folder_has_the_address_that_a_person_would_write(tmp_path: Path) -> None:
    assert database_address(Path("/home/me/bears 2/mlflow.db")) == "sqlite:////home/me/bears 2/mlflow.db"


def test_the_commands_find_the_runs_of_a_checkout_with_an_odd_name(trained: Reproduced, tmp_path: Path) -> None:
    odd = trained.checkout.copy(tmp_path / "all" / ODD_NAME)  # with all results, but of a run that is not logged yet
    shutil.rmtree(odd.paths.state)
    assert odd.fieldguide("sync").stdout.rstrip().endswith("logged")
    client = MlflowClient(database_address(odd.root / "mlflow.db"))
    (run,) = client.search_runs([client.get_experiment_by_name("fieldguide").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.info.run_id[:8] in odd.fieldguide("compare", ".", run.info.run_id).stdout
    assert odd.fieldguide("adopt", run.info.run_id, "--dry-run").returncode == 0
    port = str(free_port())
    ui = psutil.Popen(["fieldguide", "ui", "--port", port], cwd=odd.root, env=odd.cold.environment)
    try:
        answers(f"http://127.0.0.1:{port}/health", ui)
        with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
            assert page.status == 200
    finally:
        end(ui)
    assert [path.name for path in (tmp_path / "all").iterdir()] == [ODD_NAME]


@pytest.mark.exhaustive
def test_a_sweep_runs_in_a_checkout_with_an_odd_name(trained: Reproduced, tmp_path: Path) -> None:
    odd = trained.checkout.copy(tmp_path / "all" / ODD_NAME)
    odd.fieldguide("sweep", "train.epochs=1", "resize=pad")
    client = MlflowClient(database_address(odd.root / "mlflow.db"))
    runs = client.search_runs([client.get_experiment_by_name("fieldguide").experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
    assert [path.name for path in (tmp_path / "all").iterdir()] == [ODD_NAME]
