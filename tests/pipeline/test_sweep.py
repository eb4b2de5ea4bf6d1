"""Sweeps in a real checkout: every combination once, in its own folder, whatever interrupts them."""

import pandas as pd
import pytest

from fieldguide.experiments.job_folder import concerned_stages, read_stages
from fieldguide.experiments.sweep_outcome import job_name
from fieldguide.tracking.run_params import without_data
from fieldguide.tracking.tags import DELIVERED
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced
from pipeline.sweeps import children_and_parents, outcomes, swept_and_killed, until_nothing_runs
from pipeline.test_tracking import client_of
from source_graph import ROOT
from stages.training import of_the_project

pytestmark = pytest.mark.slow

TWO_BY_TWO = ["resize=crop,pad", "train.epochs=1", "train.lr=0.001,0.01"]  # what does not vary is in no name
NAMES = {"crop lr=0.001", "crop lr=0.01", "pad lr=0.001", "pad lr=0.01"}


@pytest.fixture(scope="module")
def swept(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, str]:
    """Two by two combinations, killed after the second training and called again; and what that printed."""
    checkout = trained.checkout.copy(tmp_path_factory.mktemp("swept") / "checkout")
    assert swept_and_killed(checkout, TWO_BY_TWO, "file predictions.parquet", 2)
    until_nothing_runs(checkout)
    (unfinished,) = [run for run in children_and_parents(checkout)[0] if run.info.status != "FINISHED"]
    assert unfinished.info.status == "KILLED"
    done = checkout.fieldguide("sweep", *TWO_BY_TWO)
    return checkout, done.stdout + done.stderr


def test_an_interrupted_sweep_ends_with_every_combination_once(swept: tuple[Checkout, str]) -> None:
    checkout, printed = swept
    children, parents = children_and_parents(checkout)
    assert len(parents) == 1
    assert parents[0].info.status == "FINISHED"
    finished = [run for run in children if run.info.status == "FINISHED"]
    assert sorted(without_data(run.info.run_name) for run in finished) == sorted(NAMES)
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    assert {run.info.status for run in children} <= {"FINISHED", "KILLED"}
    skipped = [line for line in printed.splitlines() if "skipped, finished before" in line]
    assert len(skipped) == 1
    assert "Warning" not in printed
    assert "(crop lr=0.001)" in skipped[0]


def test_a_job_that_was_killed_after_its_training_goes_on_from_it(swept: tuple[Checkout, str]) -> None:
    checkout, _ = swept
    logs = "".join(path.read_text() for path in checkout.root.glob("sweeps/*/*/job.log"))
    assert logs.count("train: done") <= len(NAMES)
    finished = [run for run in children_and_parents(checkout)[0] if run.info.status == "FINISHED"]
    for run in finished:
        assert run.data.tags[DELIVERED]
        assert run.data.metrics["accuracy"] == outcomes(checkout)[without_data(run.info.run_name)]["accuracy"]
        assert len(run.outputs.model_outputs) == 1


def test_children_hold_what_a_run_of_dvc_repro_holds(swept: tuple[Checkout, str]) -> None:
    checkout, _ = swept
    children, _ = children_and_parents(checkout)
    for run in (run for run in children if run.info.status == "FINISHED"):
        outcome = outcomes(checkout)[without_data(run.info.run_name)]
        assert run.data.tags["fieldguide.fingerprint"] == outcome["fingerprint"]
        assert run.data.tags["fieldguide.model_sha256"] == outcome["model_sha256"]
        assert run.data.tags["mlflow.source.git.commit"]
        assert run.data.params["resize"] in ("crop", "pad")
        assert run.data.params["data"] == "mini"
        assert run.data.params["train.lr"] in ("0.001", "0.01")
        assert len(run.inputs.dataset_inputs) == 1
        files = {file.path for file in client_of(checkout).list_artifacts(run.info.run_id, "evaluate")}
        assert "evaluate/confusion_matrix.png" in files


def test_the_leaderboard_ranks_by_the_valid_split(swept: tuple[Checkout, str]) -> None:
    checkout, printed = swept
    (table,) = checkout.root.glob("sweeps/*/leaderboard.csv")
    ranked = pd.read_csv(table)
    assert set(ranked["name"]) == NAMES
    assert ranked["valid_accuracy"].is_monotonic_decreasing
    assert (ranked["accuracy_low"] <= ranked["accuracy"]).all()
    assert (table.with_suffix(".png")).read_bytes()[:4] == b"\x89PNG"
    assert "beyond chance (of " in printed


def test_the_checkout_stays_as_it_was(swept: tuple[Checkout, str]) -> None:
    checkout, _ = swept
    assert checkout.run("git", "status", "--porcelain").stdout == ""
    assert checkout.repro() == []


def test_a_job_is_named_by_what_it_chooses_and_by_the_values_that_it_sets() -> None:
    assert job_name(["resize=crop", "train.lr=0.01", "+ood.neighbours=3"]) == "crop lr=0.01 neighbours=3"
    assert job_name([]) == "unchanged"


@pytest.mark.parametrize(
    ("override", "first"),
    [
        ("resize=pad", ["train", "evaluate"]),
        ("train.lr=0.1", ["train", "evaluate"]),
        ("evaluate.bootstrap=200", ["train", "evaluate"]),
        ("split.seed=3", ["validate", "split", "train", "evaluate"]),
        ("model=resnet18", ["weights", "train", "evaluate"]),
        ("checks=strict", ["validate", "split", "train", "evaluate"]),
        ("clean.max_side=200", ["clean", "validate", "split", "train", "evaluate"]),
        ("data.pictures=100", ["download", "clean", "validate", "split", "train", "evaluate"]),
    ],
)
def test_the_stages_of_a_job_follow_from_what_it_overrides(override: str, first: list[str]) -> None:
    assert concerned_stages(read_stages(ROOT), of_the_project(), of_the_project(override)) == first
