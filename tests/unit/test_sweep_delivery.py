"""What is logged to MLflow while a sweep runs, and what is closed when it was killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldguide.base.errors import UserError
from fieldguide.base.files import write_json
from fieldguide.base.paths import Paths
from fieldguide.experiments.sweep_delivery import deliver

BEGAN = 1000.0  # of the sweep, in seconds since 1970


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the jobs for which MLflow was asked; it does not answer for the job `away`."""
    names = []

    def sync(paths: Paths) -> str:
        names.append(paths.root.name)
        if paths.root.name == "away":
            raise UserError("MLflow does not answer")
        return f"{paths.root.name} logged"

    monkeypatch.setattr("fieldguide.tracking.delivery.sync", sync)
    return names


def ended(sweep: Path, name: str, status: str = "finished", at: float = BEGAN + 1, made_by: str = "") -> None:
    """Write down what became of a job; `made_by` is the one that has its results."""
    predictions = f"{sweep.name}/{made_by or name}/reports/evaluate/predictions.parquet"
    outcome = {"status": status, "ended": at, **({"predictions": predictions} if status == "finished" else {})}
    write_json(sweep / name / "outcome.json", outcome)


def test_jobs_with_results_of_their_own_are_delivered_whatever_becomes_of_the_others(
    tmp_path: Path, delivered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = tmp_path / "sweeps" / "one"
    ended(sweep, "away")
    ended(sweep, "failed", status="failed")
    ended(sweep, "skipped", made_by="new")
    ended(sweep, "new")
    deliver(tmp_path, sweep, BEGAN, ["done\n"])
    assert delivered == ["away", "new"]
    assert (sweep / "new" / "job.log").read_text() == "new logged\n"
    assert capsys.readouterr().err == "MLflow does not answer\n"


def test_a_job_of_an_earlier_call_is_delivered_when_it_has_ended_again(tmp_path: Path, delivered: list[str]) -> None:
    sweep = tmp_path / "sweeps" / "one"
    for name in ("again", "left"):
        ended(sweep, name, at=BEGAN - 1)

    def lines() -> Iterator[str]:
        ended(sweep, "again", at=BEGAN + 5)
        yield "done\n"

    deliver(tmp_path, sweep, BEGAN, lines())
    assert delivered == ["again"]


@pytest.mark.parametrize(("said", "closed"), [(["done\n"], 0), ([], 1)])
def test_runs_are_closed_where_the_sweep_ended_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], closed: int
) -> None:
    calls = []

    class Tracker:
        def __init__(self, paths: Paths) -> None:
            self.paths = paths

        def close_stale(self) -> None:
            calls.append(self.paths.root)

    monkeypatch.setattr("fieldguide.tracking.tracker.Tracker", Tracker)
    monkeypatch.setattr("fieldguide.experiments.sweep_delivery.time.sleep", lambda _: None)
    deliver(tmp_path, tmp_path / "sweeps" / "one", BEGAN, said)
    assert calls == [tmp_path] * closed
