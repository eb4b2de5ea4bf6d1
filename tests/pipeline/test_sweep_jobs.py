"""Jobs of sweeps that start earlier in the pipeline, that fail, that run at a time, and that a sweeper chooses."""

import os

import pytest

from fieldguide.base.files import sha256_of_file
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced
from pipeline.sweeps import children_and_parents, outcomes

pytestmark = pytest.mark.slow

SEARCH = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.direction=maximize"]


@pytest.fixture(scope="module")
def searched(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that was behind when two jobs with another split were chosen by Optuna."""
    checkout = trained.checkout.copy(tmp_path_factory.mktemp("searched") / "checkout")
    checkout.set_params(near_duplicate_bits=3)
    checkout.fieldguide("sweep", *SEARCH, "split.seed=5", "train.epochs=1", "train.lr=interval(0.001,0.01)")
    return checkout


def test_a_checkout_that_is_behind_is_brought_up_to_date_first(searched: Checkout) -> None:
    assert searched.dvc("status", "split", "clean", "validate", "weights").stdout.strip().endswith("up to date.")


def test_an_override_of_an_earlier_stage_runs_from_there_in_the_job_alone(
    searched: Checkout, trained: Reproduced
) -> None:
    folders = [path.parent for path in searched.root.glob("sweeps/*/*/outcome.json")]
    assert len(folders) == 2
    for folder in folders:
        assert not (folder / "data" / "split.parquet").is_symlink()
        assert (folder / "data" / "clean").is_symlink()
        assert sha256_of_file(folder / "data" / "split.parquet") != sha256_of_file(searched.paths.split_table)
    kept = ("data/clean.parquet", "models/classifier.safetensors", "reports/evaluate/metrics.json")
    assert searched.digests(*kept) == trained.checkout.digests(*kept)


def test_a_sweeper_that_searches_gets_the_valid_accuracy(searched: Checkout) -> None:
    found = outcomes(searched)
    assert len(found) == 2
    (results,) = searched.root.glob("sweeps/*/hydra/optimization_results.yaml")
    best = max(outcome["valid_accuracy"] for outcome in found.values())
    assert f"best_value: {best}" in results.read_text()


def test_of_jobs_at_a_time_that_share_the_cores_a_failing_one_stops_no_other(copy: Checkout) -> None:
    """And its failure is told twice."""
    copy.set_params(epochs=1)
    jobs = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    done = copy.fieldguide("sweep", "train.batch_size=16,4000", *jobs, code=1)
    told = [line for line in done.stdout.splitlines() if "do not fill one batch of 4000" in line]
    assert len(told) == 2  # when it happens, and in the closing table
    assert "Traceback" not in done.stdout + done.stderr
    found = {outcome["overrides"][0]: outcome["status"] for outcome in outcomes(copy).values()}
    assert found == {"train.batch_size=16": "finished", "train.batch_size=4000": "failed"}
    children, parents = children_and_parents(copy)
    assert {run.data.params["train.batch_size"]: run.info.status for run in children} == {
        "16": "FINISHED",
        "4000": "FAILED",
    }
    assert parents[0].info.status == "FINISHED"
    cores = len(os.sched_getaffinity(0))
    assert {run.data.params["train.threads"] for run in children} == {str(max(1, cores // 2))}


@pytest.fixture(scope="module")
def mistaken(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return trained.checkout.copy(tmp_path_factory.mktemp("mistaken") / "checkout")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resize=crop,stretch"], "stretch"),
        (["train.lr=99"], "train.lr: must be a number above 0 and at most 10"),
        (["train.rate=1,2"], "train.rate"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(mistaken: Checkout, arguments: list[str], message: str) -> None:
    done = mistaken.fieldguide("sweep", *arguments, "train.epochs=1", code=1)
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
