"""The measurements in bench/ are found, and their table is that of their results; nothing is timed here."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def run() -> Iterator[Any]:
    """bench/run.py as a module."""
    before = set(sys.modules)
    sys.path.insert(0, str(BENCH))
    yield importlib.import_module("run")
    sys.path.remove(str(BENCH))
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(BENCH) in str(sys.modules[name].__file__):
            del sys.modules[name]


def test_every_script_is_a_measurement_that_run_can_call(run: Any) -> None:
    assert {"chapter2", "clean", "gpu", "loader", "noop_repro", "train_throughput", "training_step"} <= set(run.names())
    for name in run.names():
        module = importlib.import_module(name)
        assert module.COMPARED
        assert callable(module.measure)


def test_an_unknown_measurement_is_said(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["fly"]) == 2
    assert capsys.readouterr().err.startswith("no measurement 'fly'; there are: alarm_rate, batch_shift, ")


def test_the_table_is_made_from_the_results(run: Any) -> None:
    text, results = run.README.read_text(encoding="utf-8"), run.RESULTS
    made = run.with_table(text, json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {})
    assert made == text, "run `python bench/run.py`, or put the table back: it is made from results.json"


def test_the_table_says_what_is_missed_and_what_is_skipped(run: Any) -> None:
    figures = [
        {"name": "fast", "value": 3.2, "goal": 3.0, "at_most": False, "unit": "times", "detail": "a", "met": True},
        {"name": "slow", "value": 1.6, "goal": 1.5, "at_most": True, "unit": "times", "detail": "b", "met": False},
    ]
    results = {
        "one": {"compared": "this against that", "machine": "m", "figures": figures},
        "two": {"compared": "x", "machine": "m", "skipped": "no GPU here"},
    }
    lines = run.table_of(results).splitlines()
    assert "| fast | 3.20 times | at least 3, met | a |" in lines[2]
    assert "| slow | 1.60 times | at most 1.5, MISSED | b |" in lines[3]
    assert "skipped: no GPU here" in lines[4]
    assert lines[-1] == "Measured on: m."
