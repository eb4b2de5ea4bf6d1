"""A run that a stage stopped: the summary and the page tell it, until that stage succeeds."""

import os
from pathlib import Path

import pytest

from conftest import run_command, run_module
from fieldguide.base.files import write_json
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.base.stopped import Stopped, note_done, note_stopped, read_stopped
from fieldguide.data.status import Status
from stages.test_split import given


@pytest.fixture
def small(checkout: Paths) -> Paths:
    """Two labels, one of which is too rare, cleaned."""
    given(checkout, ("bear", 60, "kept"), ("panda", 2, "kept"))
    write_json(checkout.metrics("clean"), {"pictures": 62, **dict.fromkeys(Status, 0), "kept": 62})
    return checkout


@pytest.mark.slow
def test_what_stopped_a_run_is_told_by_the_summary_and_the_page(small: Paths) -> None:
    done = run_module("fieldguide.stages.validate", cwd=small.root)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    said = "too few pictures to split: panda has 2 pictures ("
    assert f"validate: {said}" in done.stderr
    summary = run_command("summary", cwd=small.root)
    assert summary.returncode == 0
    assert "62 files came in, 62 pictures used" in summary.stdout and f"validate: {said}" in " ".join(
        summary.stdout.split()
    )
    assert "checks" not in summary.stdout.split(), "what stopped has no results to tell"
    page = small.overview.read_text(encoding="utf-8")
    assert "Stopped before training" in page and said in page

    done = run_module("fieldguide.stages.split", cwd=small.root)
    assert done.returncode == 1
    page = small.overview.read_text(encoding="utf-8")
    assert "Stopped in the stage split" in page and said in page

    given(small, ("bear", 60, "kept"), ("panda", 70, "kept"))
    assert run_module("fieldguide.stages.split", cwd=small.root).returncode == 0
    again = run_command("summary", cwd=small.root)
    assert "reports/validate/metrics.json is missing: run `dvc repro` first" in again.stderr


@pytest.mark.slow
def test_a_configuration_that_stops_the_run_and_a_bug_are_told_too(checkout: Paths) -> None:
    text = checkout.params.read_text(encoding="utf-8")
    checkout.params.write_text(text.replace("min_per_label: 1", "min_per_label: -1"), encoding="utf-8")
    assert run_module("fieldguide.stages.config", cwd=checkout.root).returncode == 1
    assert "split.min_per_label" in checkout.overview.read_text(encoding="utf-8")
    assert "config: params.yaml" in run_command("summary", cwd=checkout.root).stdout
    checkout.params.write_text(text, encoding="utf-8")
    assert run_module("fieldguide.stages.config", cwd=checkout.root).returncode == 0
    assert read_stopped(checkout) is None

    checkout.image_table.mkdir(parents=True)  # no stage expects a folder there
    done = run_module("fieldguide.stages.split", cwd=checkout.root)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "split: " in run_command("summary", cwd=checkout.root).stdout


def test_a_stop_is_forgotten_when_its_stage_or_a_later_one_succeeds(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.params.touch()
    stages = list(Stage)
    for place, stopped in enumerate(stages):
        for other, succeeds in enumerate(stages):
            note_stopped(paths, Stopped(stopped, "why", by_check=False))
            note_done(paths, succeeds)
            assert (read_stopped(paths) is None) == (other >= place), (stopped, succeeds)


def test_results_that_came_back_since_end_a_stop(checkout: Paths) -> None:
    """By `git checkout`, or from another run by `dvc checkout`."""
    write_json(checkout.metrics("split"), {})
    note_stopped(checkout, Stopped("split", "why"))
    os.utime(checkout.metrics("split"), (1, 1))
    assert read_stopped(checkout) == Stopped("split", "why")
    os.utime(checkout.metrics("split"), (2**33, 2**33))
    assert read_stopped(checkout) is None


def test_nothing_is_noted_outside_a_checkout(tmp_path: Path) -> None:
    note_stopped(Paths(tmp_path), Stopped("split", "why"))
    assert list(tmp_path.iterdir()) == []
