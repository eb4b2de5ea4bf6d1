"""Jobs of sweeps that start earlier in the pipeline, that fail, that run at a time, and that a sweeper chooses."""

import os

import psutil
import pytest

from fieldguide.base.files import sha256_of_file
from fieldguide.experiments import sweep
from fieldguide.tracking.run_params import without_data
from fieldguide.tracking.tags import DELIVERED
from pipeline.checkout import Checkout, free_port
from pipeline.conftest import Reproduced
from pipeline.sweeps import children_and_parents, outcomes, sweeping, until

pytestmark = pytest.mark.slow

SEARCH = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.direction=maximize"]


@pytest.fixture(scope="module")
def searched(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that was behind when two jobs with another split were chosen by Optuna."""
    checkout = trained.checkout.copy(tmp_path_factory.mktemp("searched") / "checkout")
    checkout.set_params(near_duplicate_bits=3)
    checkout.fieldguide("sweep", *SEARCH, "split.seed=34", "train.epochs=1", "train.lr=interval(0.001,0.01)")
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


SIZES = ["train.batch_size=14,15,16,4000", "train.epochs=1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]


@pytest.fixture(scope="module")
def failed(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, str]:
    """A checkout where jobs, two at a time, failed while the tracking server was away; and what was printed.

    A process of the first two was killed when they were at work; of the other two one fails by itself.
    """
    checkout = trained.checkout.copy(tmp_path_factory.mktemp("failed") / "checkout")
    away = checkout.with_variables(
        MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0"
    )
    with sweeping(away, *SIZES) as process:
        until(lambda: list(checkout.root.glob("sweeps/*/*/origin.json")), process)
        for worker in psutil.Process(process.pid).children(recursive=True):
            if "LokyProcess-1" in worker.cmdline():
                worker.kill()
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "Traceback" not in printed
    return checkout, printed


def test_a_killed_process_costs_only_the_jobs_that_were_at_work(failed: tuple[Checkout, str]) -> None:
    checkout, printed = failed
    assert printed.count("FAILED: the system ended one of the processes") == 4  # two, and again in the closing table
    assert [name for name, outcome in outcomes(checkout).items() if outcome["status"] == "finished"] == [
        "batch_size=16"
    ]
    assert list(checkout.root.glob("sweeps/*/leaderboard.csv"))


def test_a_failing_job_stops_no_other_and_is_told_twice(failed: tuple[Checkout, str]) -> None:
    checkout, printed = failed
    told = [line for line in printed.splitlines() if "do not fill one batch of 4000" in line]
    assert len(told) == 2  # when it happens, and in the closing table
    assert {name: outcome["status"] for name, outcome in outcomes(checkout).items()} == {
        **dict.fromkeys(["batch_size=14", "batch_size=15", "batch_size=4000"], "failed"),
        "batch_size=16": "finished",
    }


def test_it_says_how_many_jobs_have_ended(failed: tuple[Checkout, str]) -> None:
    _, printed = failed
    jobs = [line for line in printed.splitlines() if line.startswith("sweep: job ")]
    ended = sorted(line.rpartition("; ")[2].partition(",")[0] for line in jobs)
    assert ended == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]


@pytest.mark.exhaustive  # what is delivered again is test_sweep_delivery's
def test_a_sweep_called_again_delivers_what_the_tracking_server_missed(failed: tuple[Checkout, str]) -> None:
    """And shows with how many threads each of two jobs at a time trains."""
    checkout, before = failed
    assert "does not answer" in before
    again = checkout.fieldguide("sweep", *SIZES, code=1)
    assert again.stdout.count("skipped, finished before") == 1
    assert "does not answer" not in again.stderr
    children, parents = children_and_parents(checkout)
    found = {without_data(run.info.run_name): run for run in children}
    assert {name: run.info.status for name, run in found.items()} == {
        **dict.fromkeys(["batch_size=14", "batch_size=15", "batch_size=16"], "FINISHED"),
        "batch_size=4000": "FAILED",
    }
    assert found["batch_size=16"].data.tags[DELIVERED]
    assert len(found["batch_size=16"].outputs.model_outputs) == 1
    assert [run.info.status for run in parents] == ["FINISHED"]
    cores = len(os.sched_getaffinity(0))
    assert {run.data.params["train.threads"] for run in children} == {str(max(1, cores // 2))}


@pytest.fixture(scope="module")
def mistaken(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = trained.checkout.copy(tmp_path_factory.mktemp("mistaken") / "checkout")
    study = "# @package _global_\ntrain: {epochs: 1}\nhydra: {sweeper: {params: {resize: crop}}}\n"
    (checkout.root / "conf" / "sweep" / "short.yaml").write_text(study)
    return checkout


def test_a_name_that_does_not_exist_is_one_line_before_anything_begins(mistaken: Checkout) -> None:
    done = mistaken.fieldguide("sweep", "resize=crop,stretch", code=1)
    assert done.stderr.startswith("sweep: override: resize: 'stretch': no such option; choose one of: crop, pad")
    assert done.stderr.count("\n") == 1
    assert not list(mistaken.paths.root.glob("sweeps/*"))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("trian.lr=0.1,0.2", "override trian.lr=0.1: trian: "),
        ("train.lr=0.1,", "'train.lr=0.1,' is not understood"),
        ("train.batch_size=16,0", "override train.batch_size=0: train.batch_size: Input should be greater than or"),
        ("~resize", "override ~resize: resize: write resize=OPTION; choose one of: crop"),
        ("+sweep=short", "conf/sweep/short.yaml: train: a study sets only hydra.sweeper.params"),
    ],
)
def test_so_are_other_mistakes(
    mistaken: Checkout, monkeypatch: pytest.MonkeyPatch, argument: str, message: str
) -> None:
    """In this process, for speed: how such a line leaves another one is shown above."""
    monkeypatch.chdir(mistaken.root)
    monkeypatch.setattr("sys.argv", ["sweep", argument])
    monkeypatch.setattr("fieldguide.experiments.sweep._bring_up_to_date", lambda _: pytest.fail("something began"))
    with pytest.raises(SystemExit) as end:
        sweep.main()
    assert str(end.value.code).startswith(f"sweep: {message}")
    assert "\n" not in str(end.value.code)
