"""Whenever a sweep is killed, the same command resumes it: it trains nothing twice, and MLflow shows each job once."""

from pathlib import Path

import pytest

from fieldguide.tracking.run_params import without_data
from fieldguide.tracking.tags import DELIVERED
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced
from pipeline.sweeps import children_and_parents, outcomes, swept_and_killed, until_nothing_runs

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]  # test_sweep.py kills one sweep

TRIED = ["resize=crop,pad", "train.epochs=1"]


def check(checkout: Checkout) -> None:
    checkout.fieldguide("sweep", *TRIED)
    children, parents = children_and_parents(checkout)
    assert sorted(without_data(run.info.run_name) for run in children) == ["crop", "pad"]
    assert [run.info.status for run in parents] == ["FINISHED"]
    for run in children:
        assert run.info.status == "FINISHED"
        assert run.data.tags[DELIVERED]
        assert run.data.metrics["accuracy"] == outcomes(checkout)[without_data(run.info.run_name)]["accuracy"]
        assert len(run.outputs.model_outputs) == 1
    logs = "".join(path.read_text() for path in checkout.root.glob("sweeps/*/*/job.log"))
    assert logs.count("train: done") <= 2


@pytest.mark.parametrize(
    ("words", "occurrence"), [("train: done", 2), ("file predictions.parquet", 1), ("file outcome.json", 1)]
)
def test_a_sweep_killed_after_a_training_goes_on_from_it(
    words: str, occurrence: int, trained: Reproduced, tmp_path: Path
) -> None:
    checkout = trained.checkout.copy(tmp_path / "checkout")
    assert swept_and_killed(checkout, TRIED, words, occurrence)
    until_nothing_runs(checkout)
    unfinished = [run for run in children_and_parents(checkout)[0] if run.info.status != "FINISHED"]
    assert len(unfinished) == 1
    assert unfinished[0].info.status == "KILLED"
    check(checkout)


def test_a_sweep_killed_at_any_line_or_file(trained: Reproduced, tmp_path: Path) -> None:
    moment, goes_on = 0, True
    while goes_on:
        moment += 1
        checkout = trained.checkout.copy(tmp_path / str(moment))
        goes_on = swept_and_killed(checkout, TRIED, "", moment)
        until_nothing_runs(checkout)
        check(checkout)
    assert moment > 20
