"""The logged model answers as the classifier in the checkout does, in a program and over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.model.predict import load_classifier, open_for, predict
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced
from pipeline.servers import asked, served
from pipeline.test_tracking import client_of, runs_in

pytestmark = pytest.mark.slow

BROKEN = b"\xff\xd8\xff no picture"


@pytest.fixture(scope="module")
def pictures(trained: Reproduced) -> list[Path]:
    table = read_table(trained.checkout.paths.split_table, SPLIT)
    tested = table.loc[table["split"] == Split.TEST, "clean_path"]
    return [trained.checkout.paths.clean / path for path in tested[:3]]


@pytest.fixture(scope="module")
def expected(trained: Reproduced, pictures: list[Path]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    weights = trained.checkout.paths.classifier
    classifier = load_classifier(weights, weights.with_suffix(".json"))
    return predict(classifier, (open_for(classifier, file) for file in pictures))


def model_of(checkout: Checkout) -> str:
    """The address of the model that the checkout's run logged."""
    (run,) = runs_in(client_of(checkout))
    return f"models:/{run.outputs.model_outputs[0].model_id}"


def test_the_logged_model_gives_the_same_probabilities(
    trained: Reproduced, pictures: list[Path], expected: "np.ndarray[Any, np.dtype[np.float64]]"
) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{trained.checkout.root}/mlflow.db")
    model = mlflow.pyfunc.load_model(model_of(trained.checkout))
    given = [pictures[0].read_bytes(), BROKEN, *(file.read_bytes() for file in pictures[1:])]
    answer = model.predict(pd.DataFrame({"picture": given}))
    columns = [name for name in answer if str(name).startswith("probability_")]
    assert answer.loc[[0, 2, 3], columns].to_numpy(float) == pytest.approx(expected, abs=1e-6)
    labels = [str(columns[column]).removeprefix("probability_") for column in expected.argmax(axis=1)]
    assert list(answer.loc[[0, 2, 3], "label"]) == labels
    assert list(answer.loc[[0, 2, 3], "probability"]) == pytest.approx(expected.max(axis=1), abs=1e-6)
    broken = answer.loc[1]
    assert broken["label"] is None
    assert broken["reason"]
    assert not answer.loc[[0, 2, 3], "reason"].any()


@pytest.fixture(scope="module")
def address(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(trained.checkout, model_of(trained.checkout), tmp_path_factory.mktemp("serving")) as address:
        yield address


def test_a_server_answers_for_whole_and_for_broken_pictures(
    address: str, pictures: list[Path], expected: "np.ndarray[Any, np.dtype[np.float64]]"
) -> None:
    whole, broken = asked(address, [pictures[0].read_bytes(), BROKEN])
    assert whole["probability"] == pytest.approx(expected[0].max(), abs=1e-6)
    assert whole[f"probability_{whole['label']}"] == whole["probability"]
    assert whole["reason"] == ""
    assert broken["label"] is None
    assert broken["probability"] is None
    assert "picture" in broken["reason"]
