"""What commands print with --json: documents that any program reads, with the keys that the documentation tells."""

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import commands, run_command
from fieldguide.base.files import write_json
from fieldguide.base.json_output import as_json
from fieldguide.base.paths import Paths
from fieldguide.base.stopped import Stopped, note_stopped
from fieldguide.release.gate.decision import Decision
from fieldguide.release.gate.rules import Rule
from fieldguide.release.rollout.evidence import Need
from fieldguide.statistics.paired import PairedTest
from fieldguide.tracking.run_list import FIGURES, ListedRun

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
STAGES = ("clean", "validate", "split", "train", "evaluate", "screen")

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def without_nan(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, list):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


@given(VALUES)
def test_every_content_is_json_that_is_read_back(content: Any) -> None:
    def refused(constant: str) -> None:
        raise ValueError(constant)

    assert json.loads(as_json(content), parse_constant=refused) == without_nan(content)


def test_the_summary_is_the_metrics_of_the_stages(tmp_path: Path) -> None:
    for number, stage in enumerate(STAGES):
        write_json(Paths(tmp_path).metrics(stage), {"pictures": number, "recall_熊": 0.5})
    done = run_command("summary", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found.pop("stopped") is None
    assert found == {stage: {"pictures": number, "recall_熊": 0.5} for number, stage in enumerate(STAGES)}


def test_the_summary_of_a_stopped_run_tells_what_stopped_it(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").touch()
    write_json(Paths(tmp_path).metrics("clean"), {"pictures": 3})
    note_stopped(Paths(tmp_path), Stopped("validate", "too few", by_check=True))
    found = json.loads(run_command("summary", "--json", cwd=tmp_path).stdout)
    assert found == {"clean": {"pictures": 3}, "stopped": {"stage": "validate", "message": "too few"}}


def test_what_is_missing_is_one_line_with_json_too(tmp_path: Path) -> None:
    done = run_command("summary", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("kind", [ListedRun, PairedTest, Decision, Rule, Need])
def test_every_key_is_documented(kind: Any) -> None:
    named = {field.name for field in fields(kind)} | (set(FIGURES) if kind is ListedRun else set())
    assert {name for name in named if f"`{name}`" not in DOCUMENTATION} == set()


def test_the_documentation_names_every_command_that_has_it() -> None:
    having = {name for name in commands() if "--json" in run_command(name, "--help", cwd=Path.cwd()).stdout}
    assert having == {"summary", "runs", "compare", "gate"}
    assert "--json" in run_command("rollout", "status", "--help", cwd=Path.cwd()).stdout
    assert {name for name in having if f"`fieldguide {name} " not in DOCUMENTATION} == set()
