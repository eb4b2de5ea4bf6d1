"""The scheduled job for real: DVC, gate, registry and branch; overlapped, killed, and taken up again."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import numpy as np
import psutil
import pytest
import yaml
from mlflow import MlflowClient
from PIL import Image

from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file, write_text
from fieldguide.base.paths import Paths
from fieldguide.data.table import SPLIT, read_table
from fieldguide.release.registry import Registry
from fieldguide.retraining.branch import job_branches
from fieldguide.retraining.checkout_tools import CheckoutTools, retrain
from fieldguide.retraining.journal import jobs
from fieldguide.tracking.model import log_model
from fieldguide.tracking.run_params import without_data
from fieldguide.tracking.store import database_address
from fieldguide.tracking.tags import DELIVERED, MODEL
from fieldguide.tracking.tracker import Tracker
from pipeline.checkout import UNWANTED, Checkout, free_port, ran, small_checkout
from pipeline.test_rollout import write_tables
from untrained import save_classifier

pytestmark = pytest.mark.slow

GATE = """# Few pictures, for tests.
margin: 0.3
class_margin: 0.5
max_calibration_error: 1.0
log_loss_margin: 10.0
max_slowdown: 100.0
"""
PATIENCE = 200  # seconds until what should happen is called stuck


def put_stripes(folder: Path, count: int, seed: int) -> None:
    """Stripes of any two colours, across or down: colours alone tell a tree nothing."""
    for label in ("across", "down"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            chance = np.random.default_rng([seed, number, label == "down"])
            one, other = chance.integers(0, 256, (2, 3))
            bright = (np.arange(64) / 64 * chance.integers(3, 7) + chance.random()) % 1 < 0.5
            row = np.where(bright[:, None], one, other)
            pixels = np.broadcast_to(row[None] if label == "down" else row[:, None], (64, 64, 3))
            noisy = (pixels + chance.normal(0, 12, pixels.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(folder / label / f"{seed}-{number}.png")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with a data set of stripes and a champion of other pictures. The tests change it one after another."""
    folder = tmp_path_factory.mktemp("retraining")
    checkout = small_checkout(folder / "checkout")
    write_text(checkout.root / "conf/gate/mini.yaml", GATE)
    put_stripes(folder / "pictures", 24, seed=1)
    checkout.fieldguide("add", "stripes", str(folder / "pictures"))
    checkout.set_params(gate="mini", retrain="eager")
    leave_out(checkout.root / "dvc.yaml", "screen", "report")
    checkout.commit("stripes")
    checkout.run("git", "config", "commit.gpgsign", "true")
    checkout.run("git", "config", "gpg.program", "false")  # as where nobody types the password
    variables = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("MLFLOW_")}
    enthrone(checkout.paths, Paths(folder / "untrained"))
    yield checkout
    os.environ.update(variables)


@pytest.fixture(autouse=True)
def as_in_the_checkout(home: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the job starts from this process is found where `home.run` finds it."""
    monkeypatch.setenv("PATH", home.environment["PATH"])
    monkeypatch.setattr("sys.executable", shutil.which("python", path=home.environment["PATH"]))


def leave_out(pipeline: Path, *stages: str) -> None:
    """Stages that the job can do without, for speed."""
    content = yaml.safe_load(pipeline.read_text(encoding="utf-8"))
    for stage in stages:
        del content["stages"][stage]
    write_text(pipeline, yaml.safe_dump(content, sort_keys=False))


def enthrone(paths: Paths, elsewhere: Paths) -> None:
    """Make an untrained model, which knows other labels, the champion."""
    write_tables(elsewhere)
    elsewhere.classifier.parent.mkdir()
    save_classifier(elsewhere.classifier.parent)
    tracker = Tracker(paths)
    with mlflow.start_run(experiment_id=tracker.experiment, run_name="untrained") as run:
        log_model(elsewhere, tracker, run.info.run_id)
        mlflow.set_tags({DELIVERED: "yes", MODEL: sha256_of_file(elsewhere.classifier)})
    registry = Registry(paths)
    registry.register("untrained", "Ann", "a test")
    registry.move("champion", 1, "advance", "Ann", "a test")


def pictures(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))


def contents(home: Checkout) -> dict[Path, str]:
    """All files that a stage of the checkout reads, by their hash."""
    parts = (home.paths.sources, home.paths.conf, home.paths.backtests)
    files = [path for part in parts for path in part.rglob("*") if path.is_file()]
    return {path: sha256_of_file(path) for path in [*files, home.paths.params, home.paths.reviews]}


def sides(home: Checkout) -> dict[str, str]:
    table = read_table(home.paths.split_table, SPLIT)
    return dict(zip(table["id"], table["split"], strict=True))


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def training(worktree: Path) -> list[psutil.Process]:
    """Processes that train in a worktree."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(worktree) and "fieldguide.stages.train" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def aliases(home: Checkout) -> dict[str, str]:
    model = MlflowClient(database_address(home.root / "mlflow.db")).get_registered_model("fieldguide")
    return {alias: str(version) for alias, version in model.aliases.items()}


def test_a_server_that_is_away(home: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match="does not answer"):
        retrain(home.paths, force=True)
    assert aliases(home)["champion"] == "1"


def test_a_job_overlapped_and_killed_is_taken_up_again(home: Checkout) -> None:
    champion = {path: sha256_of_file(path) for path in (home.root / "mlruns").rglob("*.safetensors")}
    before = contents(home)
    put_stripes(home.paths.incoming, 6, seed=2)
    write_text(home.paths.incoming / "down" / "bad.jpg", "no picture")
    worktree = home.root / ".fieldguide/retrain/0001/worktree"
    job = subprocess.Popen(["fieldguide", "retrain"], cwd=home.root, env=home.cold.environment)
    try:
        wait_for(lambda: training(worktree))
        second = home.fieldguide("retrain", code=75)
        message = "fieldguide: another retraining is running in this checkout: try again later, or use `--wait`\n"
        assert second.stderr == message
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    left = training(worktree)
    said = (worktree.parent / "log.txt").read_text(encoding="utf-8")
    assert ran(said) == ["config", "weights", "download", "clean", "validate", "split", "train"]
    assert not [word for word in UNWANTED if word in said]
    done = home.fieldguide("retrain")
    assert done.stdout.startswith("job 0001: ") and "now version 2; 12 pictures accepted" in done.stdout
    assert contents(home) == before, "nothing that a stage reads has changed"
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in left)

    assert home.run("git", "status", "--porcelain").stdout == "", "the checkout is as it was"
    assert home.run("git", "worktree", "list").stdout.count("\n") == 1
    assert len(pictures(home.paths.incoming)) == 12
    assert [path.name for path in home.root.glob("data/held/0001/*/*")] == ["bad.jpg"]
    assert aliases(home) == {"champion": "1", "challenger": "2"}
    assert champion == {path: sha256_of_file(path) for path in champion}, "the champion's files are untouched"
    client = MlflowClient(database_address(home.root / "mlflow.db"))
    experiment = client.get_experiment_by_name("fieldguide")
    runs = [
        (run.info.status, without_data(run.info.run_name)) for run in client.search_runs([experiment.experiment_id])
    ]
    finished = sorted(name for status, name in runs if status == "FINISHED")
    assert finished == ["retrain 0001", "retrain 0001 training", "untrained"]
    assert [run for run in runs if run[0] != "FINISHED"] == [], "a training that was killed uses its run again"
    page = (home.root / "reports/retrain/0001/index.html").read_text(encoding="utf-8")
    assert "accepted as a challenger" in page and "retrain/0001" in page and "bad.jpg" in page


def test_between_job_and_merge_the_checkout_sees_what_its_commit_says(home: Checkout) -> None:
    assert home.dvc("status", "data/sources/stripes.dvc").stdout == "Data and pipelines are up to date.\n"
    home.repro("split")
    assert len(sides(home)) == 48
    waiting = retrain(home.paths, force=False).message
    assert waiting.endswith("; also in data/incoming: 12 accepted (until retrain/0001 is merged)")
    home.run("git", "stash", "--quiet", "--include-untracked")  # results of its own that the branch has too


def test_merging_the_branch_takes_the_pictures_in_and_leaves_nothing_to_run(home: Checkout) -> None:
    then = sides(home)
    home.run("git", "merge", "--quiet", "retrain/0001")
    home.dvc("checkout")
    assert len(pictures(home.paths.sources / "stripes")) == 60
    assert home.repro() == []
    assert os.path.lexists(home.paths.classifier)
    now = sides(home)
    assert len(now) == 60 and then.items() <= now.items(), "no picture changes sides"
    done = retrain(home.paths, force=False).message
    assert done == (
        "nothing to do: 0 new pictures of 1, 0 new reviews of 1; 12 pictures of merged branches left data/incoming"
    )
    assert pictures(home.paths.incoming) == []


def test_a_branch_stands_until_it_is_deleted_unmerged(home: Checkout) -> None:
    tools, (job,) = CheckoutTools(home.paths), jobs(home.paths.retraining)
    assert tools.stands(job)
    home.run("git", "branch", "--quiet", "--delete", "--force", "retrain/0001")
    assert tools.stands(job), "merged"
    home.run("git", "checkout", "--quiet", "HEAD~1")
    assert not tools.stands(job)
    home.run("git", "branch", "retrain/0001", "main")
    assert tools.stands(job)
    home.run("git", "checkout", "--quiet", "main")


def test_a_data_set_that_was_not_checked_out_after_a_merge_is_said(home: Checkout) -> None:
    """Else the next branch would take the missing pictures out of the data set."""
    gone = pictures(home.paths.sources / "stripes")[0]
    gone.unlink()
    message = (
        f"lacks 1 files of the last commit .the first is across/{gone.name}.: `dvc checkout data/sources/stripes.dvc"
    )
    with pytest.raises(UserError, match=message):
        retrain(home.paths, force=True)
    home.dvc("checkout", "data/sources/stripes.dvc")
    assert gone.exists()


def test_a_fresh_clone_goes_on_with_the_numbers(home: Checkout, tmp_path: Path) -> None:
    home.run("git", "clone", "--quiet", str(home.root), str(tmp_path / "clone"))
    assert job_branches(tmp_path / "clone") == {"0001"}


def test_the_same_model_again_leaves_everything_as_it_is(home: Checkout) -> None:
    registry = Registry(home.paths)

    def state() -> object:
        return registry.versions(), registry.history(), home.run("git", "branch", "--list").stdout

    before = state()
    message = retrain(home.paths, force=True).message
    assert message.startswith("job 0002: the same model as version 2: nothing to compare; 0 pictures accepted")
    assert state() == before


def test_a_data_set_that_no_commit_chooses_is_said(home: Checkout) -> None:
    home.set_params(data="mini")
    with pytest.raises(UserError, match="selects the data set 'mini', its last commit 'stripes': commit params"):
        retrain(home.paths, force=True)
    home.run("git", "checkout", "--quiet", "params.yaml")
