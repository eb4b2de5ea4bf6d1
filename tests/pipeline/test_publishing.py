"""`fieldguide publish` in a checkout after `dvc repro`: what the folder holds, and what is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, SpaceCard

from conftest import run_command
from fieldguide.base.files import read_json, write_json
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.tracking.store import database_address, own_database
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow

# Answers with the code and the files of the folder alone.
ASK = """
import json, sys
from pathlib import Path
import fieldguide
from fieldguide.model.activation_maps import head_weights
from fieldguide.prediction.answers import answers, load_screened
folder, picture = Path(sys.argv[1]), Path(sys.argv[2])
assert Path(fieldguide.__file__).is_relative_to(folder), fieldguide.__file__
weights = folder / "models" / "classifier.safetensors"
classifier, screening = load_screened(weights, weights.with_suffix(".json"))
head_weights(folder / "models" / "head.safetensors")
(found,) = answers(classifier, [picture], screening=screening)
print(json.dumps([found.probabilities.tolist(), found.p_value]))
"""


@pytest.fixture(scope="module")
def checkout(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy that knows the run of the original."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", database_address(own_database(trained.checkout.paths)))
        yield trained.checkout.copy(tmp_path_factory.mktemp("published") / "checkout")


def published(checkout: Checkout, *arguments: str | Path) -> str:
    done = run_command("publish", *map(str, arguments), cwd=checkout.root)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def space(checkout: Checkout) -> Path:
    folder = checkout.root.parent / "a space"
    told = published(checkout, "space", folder, "--examples", "4", "--title", "no")
    assert "4 test pictures, which will be public" in told and "TO FILL IN" in told
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(checkout: Checkout, *arguments: str) -> str:
    done = run_command("publish", *arguments, cwd=checkout.root)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and done.stderr.startswith("fieldguide: "), done.stderr
    return done.stderr


def test_the_same_checkout_gives_the_same_bytes_and_replaces_what_it_published(checkout: Checkout, space: Path) -> None:
    before = digests(space)
    published(checkout, "space", space, "--examples", "4", "--title", "no")
    assert digests(space) == before
    assert "nothing is missing" in published(checkout, "check", space)


def test_the_folder_answers_by_itself_as_the_checkout_does(checkout: Checkout, space: Path, tmp_path: Path) -> None:
    table = read_table(checkout.paths.split_table, SPLIT)
    picture = checkout.paths.clean / table.loc[table["split"] == Split.TEST, "clean_path"].iloc[0]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-c", ASK, str(space), str(picture)]
    environment = {**clean, "PYTHONPATH": str(space), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    probabilities, p_value = json.loads(done.stdout)
    said = json.loads(run_command("predict", str(picture), "--all", "--format", "jsonl", cwd=checkout.root).stdout)
    each = [value for name, value in said.items() if name.startswith("probability_")]
    assert probabilities == pytest.approx(each, abs=1e-5) and p_value == pytest.approx(said["p_value"], abs=1e-5)


def test_no_code_of_training_and_no_picture_unasked_is_in_it(checkout: Checkout, space: Path) -> None:
    rooms = {path.name for path in (space / "fieldguide").iterdir() if path.is_dir()}
    assert not rooms & {"training", "stages", "tracking", "app", "cli", "evaluation", "sample", "retraining"}
    table = read_table(checkout.paths.split_table, SPLIT)
    test = set(table.loc[table["split"] == Split.TEST, "id"])
    shown = [path.stem for path in (space / "examples").iterdir()]
    assert len(shown) == 4 and set(shown) <= test
    other = checkout.root.parent / "without"
    published(checkout, "space", other)
    assert not (other / "examples").exists()
    assert str(checkout.root) not in "".join(path.read_text(encoding="utf-8") for path in other.rglob("*.md")), (
        "a path of this machine"
    )


def test_the_cards_name_what_the_classifier_came_from(checkout: Checkout, space: Path, tmp_path: Path) -> None:
    card = SpaceCard.load(space / "README.md").data
    assert (card.title, card.sdk, card.app_file) == ("no", "gradio", "app.py")
    published(checkout, "card", tmp_path / "cards", "--license", "mit")
    model = ModelCard.load(tmp_path / "cards" / "model_card.md")
    assert model.data.license == "mit"
    record = read_json(checkout.paths.classifier.with_suffix(".json"))["record"]
    digest = sha256(checkout.paths.classifier.read_bytes()).hexdigest()
    evaluate = read_json(checkout.paths.metrics("evaluate"))
    assert record["fingerprint"] in model.text and digest in model.text
    assert f"| accuracy | {100 * evaluate['accuracy']:.1f} % |" in model.text
    assert "run in MLflow | not known" not in model.text
    assert len(list((tmp_path / "cards").iterdir())) == 3


def test_more_examples_than_there_are_or_a_licence_in_words_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    folder = str(tmp_path / "space")
    assert "test pictures" in refused(checkout, "space", folder, "--examples", "99999")
    assert "as apache-2.0 or cc-by-4.0" in refused(checkout, "card", folder, "--license", "Apache 2")
    assert "was not published by fieldguide" in refused(checkout, "space", ".")
    assert list(tmp_path.iterdir()) == []


def test_results_of_another_classifier_or_of_no_stage_are_refused(trained: Reproduced, tmp_path: Path) -> None:
    copy = trained.checkout.copy(tmp_path / "checkout")
    folder = str(tmp_path / "space")
    report = copy.paths.metrics("report")
    figures = read_json(report)
    write_json(report, {**figures, "model_sha256": "0" * 64})
    assert "about another classifier" in refused(copy, "space", folder)
    write_json(report, figures)
    copy.paths.metrics("screen").unlink()
    assert "reports/screen/metrics.json is missing: run `dvc repro`" in refused(copy, "card", folder)
    assert not Path(folder).exists()
