"""A stage gives the same bytes whatever the number of threads that linear algebra would take."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from conftest import run_python
from fieldguide.base.operations import DETECTORS
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, run_stage
from fieldguide.base.stage_names import Stage
from fieldguide.cli import main
from fieldguide.configuration.compose import compose
from fieldguide.notebook.classifier import LoadedClassifier
from fieldguide.screening.detectors import Known
from fieldguide.screening.label_doubts import out_of_fold
from source_graph import ROOT

COUNT, WIDTH, LABELS = 400, 700, 5
DOUBTS = "label doubts"


def seen(seed: int) -> Known:
    chance = np.random.default_rng(seed)
    labels = np.arange(COUNT) % LABELS
    features: NDArray[np.float32] = np.eye(WIDTH, dtype=np.float32)[labels] + chance.standard_normal(
        (COUNT, WIDTH), dtype=np.float32
    ) / np.float32(9)
    return Known(features, features[:, :LABELS].copy(), labels)


def screened(name: str) -> bytes:
    """What a detector learned, and its scores of others; or doubts about labels."""
    known, new = seen(0), seen(1)
    if name == DOUBTS:
        groups = [str(number) for number in range(COUNT)]
        return out_of_fold(known.features, [str(label) for label in known.labels], groups, seed=0).tobytes()
    detector = DETECTORS[name](name, neighbours=10)
    state = detector.fit(known)
    score = detector.score(state, new.features, new.logits)
    return b"".join([*(np.asarray(state[key]).tobytes() for key in sorted(state)), score.tobytes()])


@pytest.mark.parametrize("name", [*sorted(DETECTORS), DOUBTS])
@pytest.mark.slow
def test_a_stage_screens_the_same_with_one_thread_and_two(name: str, tmp_path: Path) -> None:
    found: list[bytes] = []
    threads: list[int] = []

    def run(*_: object) -> Metrics:
        found.append(screened(name))
        threads.extend(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
        return {}

    before = torch.get_num_threads(), os.environ.get("OPENBLAS_NUM_THREADS")
    for given in (1, 2):
        with threadpool_limits(given, "blas"):
            run_stage(Stage.SCREEN, run, compose(Paths(ROOT)), Paths(tmp_path))
            assert {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"} == {given}
    assert found[0] == found[1]
    assert set(threads) == {1}
    assert before == (torch.get_num_threads(), os.environ.get("OPENBLAS_NUM_THREADS"))


def threads_of_linear_algebra() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


@pytest.mark.parametrize(
    ("command", "does"),
    [
        ("predict", "fieldguide.prediction.predict_command.predict_command"),
        ("screen", "fieldguide.prediction.screen_command.screen_command"),
        ("app", "fieldguide.app.start._Server.run"),
    ],
)
def test_commands_that_answer_take_one_thread(
    command: str, does: str, checkout: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[set[int]] = []
    monkeypatch.setattr(does, lambda *_: found.append(threads_of_linear_algebra()))
    monkeypatch.chdir(checkout.root)
    arguments = ["--no-open", "--port", "0"] if command == "app" else ["picture.jpg"]
    with threadpool_limits(2, "blas"), suppress(SystemExit):
        main([command, *arguments])
    assert found == [{1}]


def test_so_do_answers_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[set[int]] = []

    def answers(*_: object, **__: object) -> list[object]:
        found.append(threads_of_linear_algebra())
        return []

    monkeypatch.setattr("fieldguide.notebook.classifier.answers", answers)
    loaded = LoadedClassifier(tmp_path / "none", None, None)  # type: ignore[arg-type]
    with threadpool_limits(2, "blas"):
        assert loaded.predict([]) == []
    assert found == [{1}]


@pytest.mark.slow
def test_the_kernels_are_numpys_whatever_else_is_loaded(tmp_path: Path) -> None:
    loads = ("import numpy", "import numpy, scipy.linalg", "import faiss, sklearn, scipy.linalg")
    told = "from fieldguide.base.processor import linear_algebra; print(linear_algebra())"
    found = {run_python("-c", f"{load}; {told}", cwd=tmp_path).stdout.strip() for load in loads}
    assert len(found) == 1 and "," not in found.pop()
