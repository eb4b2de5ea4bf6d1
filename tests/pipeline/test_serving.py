"""The logged model answers as the classifier in the checkout does, in a program and over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from conftest import run_python
from fieldguide.base.paths import Paths
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.model.inference import load_classifier, open_for, predict
from fieldguide.prediction.answers import Answer, answers, load_screened
from fieldguide.prediction.log import read_log
from fieldguide.tracking.model import SERVING_PACKAGES
from fieldguide.tracking.store import database_address
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


@pytest.fixture(scope="module")
def screened(trained: Reproduced, pictures: list[Path]) -> list[Answer]:
    """What the files in the checkout say of the pictures, the screen among them."""
    weights = trained.checkout.paths.classifier
    classifier, screening = load_screened(weights, weights.with_suffix(".json"))
    assert screening
    return list(answers(classifier, pictures, screening=screening, identify=True))


def model_of(checkout: Checkout) -> str:
    """The address of the model that the checkout's run logged."""
    (run,) = runs_in(client_of(checkout))
    return f"models:/{run.outputs.model_outputs[0].model_id}"


def test_the_logged_model_gives_the_same_probabilities(
    trained: Reproduced,
    pictures: list[Path],
    expected: "np.ndarray[Any, np.dtype[np.float64]]",
    screened: list[Answer],
) -> None:
    mlflow.set_tracking_uri(database_address(trained.checkout.root / "mlflow.db"))
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
    assert broken["p_value"] is None
    assert list(answer.loc[[0, 2, 3], "p_value"]) == pytest.approx([known.p_value for known in screened], abs=1e-6)
    assert list(answer.loc[[0, 2, 3], "reason"]) == [known.reason for known in screened]


def test_the_packages_that_serving_needs_are_named_and_pytorch_is_none_of_them(
    trained: Reproduced, pictures: list[Path], tmp_path: Path
) -> None:
    weights = trained.checkout.paths.classifier
    code = (
        "import sys; from importlib.metadata import packages_distributions; from pathlib import Path\n"
        "from fieldguide.prediction.answers import answers, load_screened; import fieldguide.prediction.log\n"
        f"weights = Path({str(weights)!r}); model, screening = load_screened(weights, weights.with_suffix('.json'))\n"
        f"assert screening and list(answers(model, [Path({str(pictures[0])!r})], screening=screening, identify=True))\n"
        "known, modules = packages_distributions(), {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted({package.lower() for name in modules for package in known.get(name, [])}))\n"
    )
    done = run_python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    needed = set(done.stdout.split())
    came_with_others = {
        "cloudpickle",  # pyarrow takes it where it is installed
        "annotated-types",
        "pydantic_core",
        "python-dateutil",
        "setuptools",
        "six",
        "tqdm",
        "typing-inspection",
        "typing_extensions",
        "fieldguide",
    }
    assert not needed & {"torch", "torchvision", "timm", "fastai", "onnx"}
    assert needed - came_with_others <= set(SERVING_PACKAGES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server runs and logs."""
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def address(trained: Reproduced, folder: Path) -> Iterator[str]:
    logging = trained.checkout.with_variables(FIELDGUIDE_LOG=str(Paths(folder).log))
    with served(logging, model_of(trained.checkout), folder) as address:
        yield address


def test_a_server_answers_for_whole_and_for_broken_pictures(
    address: str,
    folder: Path,
    pictures: list[Path],
    expected: "np.ndarray[Any, np.dtype[np.float64]]",
    screened: list[Answer],
) -> None:
    whole, broken = asked(address, [pictures[0].read_bytes(), BROKEN])
    assert whole["probability"] == pytest.approx(expected[0].max(), abs=1e-6)
    assert whole[f"probability_{whole['label']}"] == whole["probability"]
    assert whole["out_of_domain"] == screened[0].out_of_domain
    assert broken["label"] is None
    assert broken["probability"] is None
    assert "damaged" in broken["reason"]
    logged = read_log(Paths(folder))
    assert list(logged["id"]) == [screened[0].id], "what cannot be read is not logged"
    assert [logged.loc[0, "p_value"], logged.loc[0, "out_of_domain"]] == [whole["p_value"], whole["out_of_domain"]]
    assert whole["p_value"] == pytest.approx(screened[0].p_value, abs=1e-6)
