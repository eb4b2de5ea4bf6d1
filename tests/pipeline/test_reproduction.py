"""A run, wherever it comes from, is adopted and made again from its record; what differs or is gone is named."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.reproduction.recorded import Run, read_run
from fieldguide.reproduction.verdict import compare, other_surroundings
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow

OVERRIDES = "resize=random_crop resize.min_scale=0.5 split.seed=1"
OPTION = "conf/resize/random_crop_min_scale_0.5.yaml"


@pytest.fixture(scope="module")
def home(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the trained checkout that knows its run, and has made one job of a sweep, started by `mlflow run`.

    The tests change it one after the other.
    """
    copy = trained.checkout.copy(tmp_path_factory.mktemp("home") / "checkout")
    shutil.copy(trained.checkout.root / "mlflow.db", copy.root)
    copy.run("mlflow", "run", ".", "--env-manager", "local", "-P", f"overrides={OVERRIDES}")
    return copy


@pytest.fixture(scope="module")
def job(home: Checkout) -> Path:
    """The folder of the sweep's job."""
    (outcome,) = home.root.glob("sweeps/*/*/outcome.json")
    return outcome.parent


def launched_by_mlflow(home: Checkout) -> str:
    """The id that `mlflow run` shows."""
    (run,) = MlflowClient(f"sqlite:///{home.root}/mlflow.db").search_runs(["0"])
    return str(run.info.run_id)


def reproduced(home: Checkout, name: str, *options: str, code: int = 0) -> str:
    """`fieldguide reproduce`; the checkout and MLflow's store are the same after it."""
    client = MlflowClient(f"sqlite:///{home.root}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    before = [run.to_dictionary() for run in client.search_runs(experiments)], state_of(home)
    output = home.fieldguide("reproduce", name, *options, code=code).stdout
    assert ([run.to_dictionary() for run in client.search_runs(experiments)], state_of(home)) == before
    return output


def state_of(home: Checkout) -> dict[str, str]:
    files = home.run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    known = {name: sha256_of_file(home.root / name) for name in files if (home.root / name).is_file()}
    return {
        **known,
        "status": home.run("git", "status", "--porcelain").stdout,
        **home.digests("models/classifier.json"),
    }


def test_a_run_of_repro_is_made_again(home: Checkout) -> None:
    output = reproduced(home, "squish standard mini")
    assert "data/clean, data/clean.parquet from DVC, by hash" in output
    assert "running train, evaluate" in output
    assert "epoch 2/2" in output
    assert "OTHER" not in output
    assert output.splitlines()[-1].startswith("identical: 'squish standard mini' (")
    assert len(home.run("git", "worktree", "list").stdout.splitlines()) == 1
    assert not list((home.root / ".fieldguide" / "reproduce").glob("*/"))


def test_a_job_of_a_sweep_that_mlflow_started_is_made_again(home: Checkout, job: Path) -> None:
    output = reproduced(home, launched_by_mlflow(home), "--keep")
    assert "running split, train, evaluate" in output
    (_, place) = output.splitlines()[-1].split("; its worktree is ")
    assert output.splitlines()[-1].startswith("identical: 'random_crop min_scale=0.5 seed=1' (")
    made = Paths(home.root / place)
    assert sha256_of_file(made.classifier) == sha256_of_file(job / "models/classifier.safetensors")


@pytest.fixture(scope="module")
def run(home: Checkout, job: Path) -> Run:
    """The record of the sweep's job, from its folder alone."""
    return read_run(home.paths, str(job))


def test_what_differs_from_the_record_is_named(home: Checkout, run: Run, job: Path) -> None:
    made = Paths(job)
    assert all(same for same, _ in compare(run, made))
    other = replace(
        run,
        model_sha256="0" * 64,
        inputs={**run.inputs, "split": "1" * 64},
        metrics={**run.metrics, "accuracy": 2.0},
        machine={**run.machine, "processor": "abacus"},
        packages=re.sub("(?m)^torch==.*$", "torch==1.0", run.packages),
    )
    named = [line for same, line in compare(other, made) if not same]
    assert [line.partition(":")[0] for line in named] == ["split", "model", "accuracy"]
    assert f"now {sha256_of_file(made.classifier)[:16]}" in named[1]
    assert named[2].startswith("accuracy: 2, now 0.")
    assert other_surroundings(run) == []
    surroundings = other_surroundings(other)
    assert surroundings[0].startswith("other processor: abacus, now ")
    assert surroundings[1].startswith("other version: torch 1.0, now ")
    assert len(surroundings) == 2


def test_an_adopted_job_is_the_same_model_with_repro(home: Checkout, job: Path) -> None:
    before = home.paths.params.read_text(encoding="utf-8")
    shown = home.fieldguide("adopt", str(job.relative_to(home.root)), "--dry-run").stdout
    assert home.paths.params.read_text(encoding="utf-8") == before
    done = home.fieldguide("adopt", str(job.relative_to(home.root))).stdout
    digest = sha256_of_file(job / "models/classifier.safetensors")
    assert f"next: `dvc repro`, which gives its model (sha256 {digest[:16]}...)" in done
    for line in ("-resize: squish  ", "+resize: random_crop_min_scale_0.5  # how", f"+++ b/{OPTION}", "+  seed: 1  "):
        assert line in shown
        assert line in done
    after = home.paths.params.read_text(encoding="utf-8")
    changed = [(old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert [old.partition(":")[0].strip() for old, _ in changed] == ["resize", "seed"]
    assert all(old.partition("#")[2] == new.partition("#")[2] for old, new in changed)
    assert home.repro() == ["config", "split", "train", "evaluate"]
    assert sha256_of_file(home.paths.classifier) == digest


def test_an_experiment_of_dvc_with_an_option_file_that_git_does_not_know_is_made_again(home: Checkout) -> None:
    """It starts from what was just adopted."""
    assert f"?? {OPTION}" in home.run("git", "status", "--porcelain").stdout
    home.dvc("exp", "run", "--name", "faster", "-S", "train.lr=0.004")
    output = reproduced(home, "faster")
    assert "and what was not committed" in output
    assert output.splitlines()[-1].startswith("identical: 'faster' (")


def test_who_cannot_be_meant_or_made_is_one_line(home: Checkout, trained: Reproduced) -> None:
    def said(*arguments: str) -> str:
        done = home.fieldguide(*arguments, code=1)
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    assert "no run `nobody`" in said("reproduce", "nobody")
    client = MlflowClient(f"sqlite:///{home.root}/mlflow.db")
    experiment = client.get_experiment_by_name("fieldguide")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "attributes.run_name = 'squish standard mini'")
    client.set_tag(run.info.run_id, "mlflow.source.git.commit", "0" * 40)
    assert f"the code is not at hand: this repository has no commit {'0' * 40}" in said("reproduce", run.info.run_id)
    sweep = client.search_runs([experiment.experiment_id], "attributes.run_name LIKE 'sweep %'")[0]
    assert "is a sweep: name some of its jobs, such as" in said("adopt", sweep.info.run_name)
