"""A run, wherever it comes from, is adopted and made again from its record; what differs or is gone is named."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.reproduction.adopt import adopt
from fieldguide.reproduction.reproduce import reproduce
from fieldguide.reproduction.run_record import Run, read_run
from fieldguide.reproduction.verdict import compare, other_surroundings
from fieldguide.tracking.run_params import without_data
from fieldguide.tracking.store import database_address
from fieldguide.tracking.tags import PARENT
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow

OVERRIDES = "resize=random_crop resize.min_scale=0.5 split.seed=2"
OPTION = "conf/resize/random_crop_min_scale_0.5.yaml"


@pytest.fixture(scope="module")
def home(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the trained checkout that knows its run, and has made one job of a sweep, started by `mlflow run`.

    The tests change it one after the other.
    """
    copy = trained.checkout.copy(tmp_path_factory.mktemp("home") / "checkout")
    shutil.copy(trained.checkout.root / "mlflow.db", copy.root)
    launch = ["python", "-m", "mlflow", "run", ".", "--env-manager", "local"]
    done = copy.run(*launch, "-e", "sweep", "-P", f"overrides={OVERRIDES}")
    assert "great_expectations" not in done.stdout + done.stderr, "libraries are quiet in a sweep"
    return copy


@pytest.fixture(scope="module")
def job(home: Checkout) -> Path:
    """The folder of the sweep's job."""
    (outcome,) = home.root.glob("sweeps/*/*/outcome.json")
    return outcome.parent


@pytest.fixture(scope="module")
def run(home: Checkout, job: Path) -> Run:
    """The record of the sweep's job, from its folder alone."""
    return read_run(home.paths, str(job))


def runs_in(home: Checkout) -> dict[str, Any]:
    """All that MLflow knows about the runs of all experiments, by their ids."""
    client = MlflowClient(database_address(home.root / "mlflow.db"))
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return {run.info.run_id: run.to_dictionary() for run in client.search_runs(experiments)}


def state_of(home: Checkout) -> dict[str, Any]:
    """What `fieldguide reproduce` must leave as it is: files that git sees, results, and what MLflow knows."""
    files = home.run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    known = {name: sha256_of_file(home.root / name) for name in files if (home.root / name).is_file()}
    results = home.digests("models/classifier.safetensors", "models/classifier.json", "data/split.parquet")
    return {**known, **results, "git": home.run("git", "status", "--porcelain").stdout, "mlflow": runs_in(home)}


def test_a_sweep_of_mlflow_run_is_that_of_the_command_line(home: Checkout) -> None:
    client = MlflowClient(database_address(home.root / "mlflow.db"))
    (launcher,) = client.search_runs(["0"])
    parent, job = sorted(client.search_runs(["1"])[:2], key=lambda run: PARENT in run.data.tags)
    assert {run.info.status for run in (launcher, parent, job)} == {"FINISHED"}
    assert (job.data.params["resize"], job.data.params["resize.min_scale"]) == ("random_crop", "0.5")
    assert job.data.tags[PARENT] == parent.info.run_id
    assert all(run.info.run_id in launcher.data.tags["mlflow.note.content"] for run in (parent, job))
    again = home.run("python", "-m", "fieldguide.experiments.sweep", *OVERRIDES.split())
    assert again.stdout.count("finished before") >= 1
    assert len(runs_in(home)) == 4  # these three, and that of the checkout


def test_an_adopted_job_is_the_same_model_with_dvc(
    home: Checkout, job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An experiment of DVC runs it, in which `-S` changes something else, and `dvc repro` has nothing to do then."""
    before = home.paths.params.read_text(encoding="utf-8")
    adopt(home.paths, str(job), dry_run=True)
    shown = capsys.readouterr().out
    assert home.paths.params.read_text(encoding="utf-8") == before
    done = home.fieldguide("adopt", str(job.relative_to(home.root))).stdout
    digest = sha256_of_file(job / "models/classifier.safetensors")
    assert f"next: `dvc repro`, which gives its model (sha256 {digest[:16]}...)" in done
    for line in ("-resize: squish  ", "+resize: random_crop_min_scale_0.5  # how", f"+++ b/{OPTION}", "+  seed: 2  "):
        assert line in shown
        assert line in done
    after = home.paths.params.read_text(encoding="utf-8")
    changed = [(old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert [old.partition(":")[0].strip() for old, _ in changed] == ["resize", "seed"]
    assert all(old.partition("#")[2] == new.partition("#")[2] for old, new in changed)

    home.dvc("exp", "run", "evaluate", "--name", "adopted", "-S", "evaluate.bootstrap=500")
    for name in ("models/classifier.safetensors", "reports/evaluate/predictions.parquet"):
        assert sha256_of_file(home.root / name) == sha256_of_file(job / name), name
    descriptions = [read_json(root / "models/classifier.json") for root in (home.root, job)]
    for description in descriptions:  # the option file has a name of its own now
        del description["record"]["choices"]["resize"], description["record"]["fingerprint"]
    assert descriptions[0] == descriptions[1]
    assert home.repro("evaluate") == []


def test_runs_of_every_origin_are_made_again_at_the_same_time(home: Checkout, job: Path) -> None:
    """`dvc repro`; a sweep that `mlflow run` started; `dvc exp run` with an option file that git does not know."""
    assert f"?? {OPTION}" in home.run("git", "status", "--porcelain").stdout
    (launched,) = [key for key, run in runs_in(home).items() if run["info"]["experiment_id"] == "0"]
    before = state_of(home)
    started = [
        subprocess.Popen(
            ["fieldguide", "reproduce", *words], cwd=home.root, env=home.environment, stdout=subprocess.PIPE, text=True
        )
        for words in (["squish standard mini"], [launched, "--keep"], ["adopted"])
    ]
    repro, sweep, experiment = (process.communicate(timeout=300)[0] for process in started)
    assert [process.returncode for process in started] == [0, 0, 0], repro + sweep + experiment
    assert state_of(home) == before

    for output, name in ((repro, "squish standard mini"), (sweep, "random_crop min_scale=0.5 seed=2")):
        assert output.splitlines()[-1].startswith(f"identical: '{name} mini-")
        assert "models/backbone.safetensors, models/backbone.onnx, models/backbone.json from DVC, by hash" in output
        assert "epoch 2/2" in output
        assert "OTHER" not in output
    assert "data/clean, data/clean.parquet from DVC, by hash\nreproduce: running train, evaluate\n" in repro
    assert "split, train, evaluate" in sweep
    assert "and what was not committed" in experiment
    assert experiment.splitlines()[-1].startswith("identical: 'adopted' (")

    (kept,) = (home.root / ".fieldguide" / "reproduce").glob("*/")
    assert sweep.splitlines()[-1].endswith(f"; its worktree is .fieldguide/reproduce/{kept.name}")
    assert sha256_of_file(Paths(kept).classifier) == sha256_of_file(job / "models/classifier.safetensors")


def test_what_differs_from_the_record_is_named(run: Run, job: Path) -> None:
    made = Paths(job)
    assert all(same for same, _ in compare(run, made))
    assert other_surroundings(run) == []
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
    processor, torch = other_surroundings(other)
    assert processor.startswith("other processor: abacus, now ")
    assert torch.startswith("other version: torch 1.0, now ")


def test_who_cannot_be_meant_or_made_is_one_line(home: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    client = MlflowClient(database_address(home.root / "mlflow.db"))
    names = {without_data(run["info"]["run_name"]): key for key, run in runs_in(home).items()}
    (sweep,) = [name for name in names if name.startswith("sweep ")]
    client.set_tag(names["squish standard mini"], "mlflow.source.git.commit", "0" * 40)
    for name, line in (
        ("nobody", "no run `nobody` in MLflow at "),
        (sweep, f"run `{sweep}` is a sweep: choose one of its jobs, such as "),
        ("squish standard mini", f"the code is missing, this repository has no commit {'0' * 40}"),
    ):
        with pytest.raises(UserError) as raised:
            reproduce(home.paths, name, keep=False)
        assert str(raised.value).startswith(line)
        assert "\n" not in str(raised.value)
