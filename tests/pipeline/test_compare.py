"""`fieldguide compare` on runs that a real tracking store holds."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from fieldguide.base.errors import UserError
from fieldguide.experiments.compare_command import compare_runs
from fieldguide.experiments.run_results import read_results
from fieldguide.tracking.delivery import sync
from fieldguide.tracking.store import database_address
from fieldguide.tracking.tags import DELIVERED, PARENT, SWEEP
from pipeline.checkout import Checkout, free_port
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two(trained: Reproduced, padded: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose store holds a padded and a squished run; its own results are those of the latter."""
    checkout = padded.checkout.copy(tmp_path_factory.mktemp("two") / "checkout")
    with pytest.MonkeyPatch.context() as patch:
        forget_store(patch)
        sync(checkout.paths)
        for folder in ("models", "reports"):
            shutil.copytree(trained.checkout.root / folder, checkout.root / folder, dirs_exist_ok=True)
        sync(checkout.paths)
    return checkout


def forget_store(patch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "DVC_EXP_NAME"):
        patch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_store(monkeypatch)


def client(checkout: Checkout) -> MlflowClient:
    return MlflowClient(database_address(checkout.root / "mlflow.db"))


def run_id(checkout: Checkout, name: str) -> str:
    (run,) = client(checkout).search_runs(["1"], f"attributes.run_name LIKE '{name} %'")
    return str(run.info.run_id)


def refused(checkout: Checkout, *names: str) -> str:
    with pytest.raises(UserError) as error:
        read_results(checkout.paths, names)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_two_runs_become_a_page_and_a_table(two: Checkout) -> None:
    done = two.fieldguide("compare", run_id(two, "squish standard mini")[:8], "pad standard mini")
    table, _, written = done.stdout.rstrip().rpartition("  see ")
    assert [line.split() for line in table.splitlines()[1:3]] == [
        ["resize", "squish", "pad"],
        ["resize.method", "squish", "pad"],
    ]
    assert re.search(
        "pad standard mini mini-.... and squish standard mini mini-.... do not differ beyond chance\n", table
    )
    assert done.stderr == ""
    assert written.startswith("reports/compare/squish-standard-mini-")
    page = (two.root / written).read_text(encoding="utf-8")
    assert "<th>resize</th><td>squish</td><td>pad</td>" in page
    assert "seed" not in page
    assert not two.run("git", "status", "--short", "--", "reports/compare").stdout


def test_the_checkouts_own_results_are_those_of_its_run(two: Checkout) -> None:
    here, stored, padded = read_results(two.paths, [".", run_id(two, "squish standard mini"), "pad standard mini"])
    data = f"mini-{here.inputs['pictures and split (hash)'][:4]}"
    assert here.name == f"squish standard mini {data} (the checkout)"
    assert stored.name == f"squish standard mini {data} ({stored.run[:8]})"
    assert padded.name == f"pad standard mini {data}"
    assert here.params == stored.params
    assert here.predictions.equals(stored.predictions)
    assert here.history.equals(stored.history)
    assert {name: stored.metrics[name] for name in here.metrics} == here.metrics


def test_the_page_shows_the_pictures_on_which_they_differ(two: Checkout, tmp_path: Path) -> None:
    changed = two.copy(tmp_path / "checkout")
    shutil.copy2(two.root / "mlflow.db", changed.root)
    file = changed.paths.report("evaluate") / "predictions.parquet"
    predictions = pd.read_parquet(file)
    tested = predictions.index[predictions["split"] == "test"]
    predictions.loc[tested, "prediction"] = predictions.loc[tested, "label"]
    outside = tested[predictions.loc[tested, "label"] == "teddy"][0]
    predictions.loc[outside, "clean_path"] = "../../mlflow.db"  # nothing outside data/clean is opened
    predictions.to_parquet(file)
    (stored,) = read_results(two.paths, ["pad standard mini"])
    wrong = stored.predictions[stored.predictions["split"] == "test"].query("prediction != label")
    assert 0 < len(wrong) < len(tested)
    compare_runs(changed.paths, [".", "pad standard mini"], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert {name for name in predictions["id"] if name in page} == set(wrong["id"])
    hidden = 1 if predictions.loc[outside, "id"] in set(wrong["id"]) else 0
    assert page.count("data:image/jpeg") == len(wrong) - hidden


def test_who_is_meant_has_to_be_clear(two: Checkout, tmp_path: Path) -> None:
    copy = tmp_path / "mlflow.db"
    shutil.copy2(two.root / "mlflow.db", copy)
    try:
        store = client(two)
        squish = run_id(two, "squish standard mini")
        tags = {DELIVERED: "x"}
        empty = store.create_run("1", run_name="twice", tags=tags).info.run_id
        store.create_run("1", run_name="twice", tags=tags)
        store.create_run("1", run_name="killed")
        sweep = store.create_run("1", run_name="sweep x", tags={SWEEP: "x"}).info.run_id
        store.create_run("1", run_name="job", tags={PARENT: sweep})
        assert refused(two, ".", "never").startswith("no run `never` in MLflow at sqlite:")
        assert refused(two, ".", 'it\'s "so"').startswith("no run")
        assert refused(two, ".", "twice").startswith("`twice` may be any of 2 runs: ")
        assert "killed` (running) has no results" in refused(two, ".", "killed")
        assert "is a sweep: choose one of its jobs, such as" in refused(two, ".", "sweep x")
        assert "is a run that is given already" in refused(two, squish[:6], "squish standard mini")
        assert f"evaluate/predictions.parquet of run {empty}" in refused(two, ".", empty[:12])
    finally:
        shutil.copy2(copy, two.root / "mlflow.db")


def test_a_table_that_is_none_is_refused(two: Checkout, tmp_path: Path) -> None:
    broken = two.copy(tmp_path / "checkout")
    predictions = broken.paths.report("evaluate") / "predictions.parquet"
    predictions.write_bytes(b"no parquet")
    shutil.copy2(two.root / "mlflow.db", broken.root)
    assert refused(broken, ".", "pad standard mini").startswith("the predictions of the checkout cannot be read")
    predictions.unlink()
    assert refused(broken, ".", "pad standard mini").endswith("is missing: run `dvc repro` first")


def test_a_store_that_is_away_is_one_line(two: Checkout) -> None:
    away = two.with_variables(
        MLFLOW_TRACKING_URI=f"http://me:secret@127.0.0.1:{free_port()}", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0"
    )
    (line,) = away.fieldguide("compare", ".", "pad standard mini", code=1).stderr.splitlines()
    assert line.startswith("fieldguide: MLflow at 127.0.0.1:")
    assert line.endswith(": try again when it answers")
    assert "secret" not in line


def test_one_run_is_nothing_to_compare(two: Checkout) -> None:
    with pytest.raises(UserError, match="give two or more runs"):
        compare_runs(two.paths, ["."])
