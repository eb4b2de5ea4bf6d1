"""`fieldguide.load` and `fieldguide.open_run`: the commands' answers in Python, and what a notebook shows of them."""

import ast
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fieldguide
from conftest import CHECKOUT, encoded, noise, pictures_and_a_broken_one, put, run_command, run_python
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.stages import evaluate, screen, train
from stages.training import LABELS, composed, linked
from untrained import RESNET, save_classifier

pytestmark = pytest.mark.slow  # trains a classifier

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def run(source: Paths, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = linked(source, tmp_path_factory.mktemp("run"))
    for name in ("params.yaml", "dvc.yaml", "conf"):
        (paths.root / name).symlink_to(CHECKOUT / name)
    for stage in (train, evaluate, screen):
        stage.run(composed(), paths)
    return paths


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures_and_a_broken_one(tmp_path_factory.mktemp("new"), 12)


def test_predictions_are_those_of_the_command(run: Paths, pictures: Path) -> None:
    model = fieldguide.load(run.classifier.parent)
    assert model.labels == LABELS
    told = run_command("predict", str(pictures), "--model", str(run.classifier), "--all", cwd=pictures)
    rows = list(csv.DictReader(io.StringIO(told.stdout)))
    for row, found in zip(rows, model.predict([pictures]), strict=True):
        assert (row["path"], row["label"]) == (found.name, found.label or "")
        assert row["reason"] == found.reason
        shown = [found.probability, found.p_value, *found.probabilities.values()] if found.label else []
        keys = ["probability", "p_value", *(f"probability_{label}" for label in LABELS)]
        assert [row[key] for key in keys][: len(shown)] == [f"{value:.6f}" for value in shown if value is not None]


def test_a_path_bytes_and_an_image_are_the_same_picture(run: Paths, pictures: Path) -> None:
    model = fieldguide.load(str(run.classifier))
    file = pictures / "03.png"
    rgba = Image.open(file).convert("RGBA")
    asked: list[str | Path | bytes | Image.Image] = [file, str(file), file.read_bytes(), Image.open(file), rgba]
    assert len({model.predict(picture).probability for picture in asked}) == 1
    assert [one.label for one in model.predict(asked)] == [model.predict(file.read_bytes()).label] * len(asked)
    grey = model.predict([noise(1).convert(mode) for mode in ("L", "P", "CMYK", "1", "LAB", "F", "YCbCr")])
    assert all(one.label for one in grey)
    with pytest.raises(UserError, match="is a folder: give it in a list"):
        model.predict(pictures)


def test_images_that_cannot_be_read_lose_no_others(run: Paths) -> None:
    model, whole = fieldguide.load(run.classifier), encoded(noise(1), "PNG")
    jpeg, closed = encoded(noise(1), "JPEG"), Image.open(io.BytesIO(whole))
    closed.close()
    cut = [Image.open(io.BytesIO(file[: len(file) // 2])) for file in (whole, jpeg)]
    bad: list[Any] = [*cut, closed, Image.new("RGB", (0, 0)), Image.new("F", (0, 5)), b""]
    first, *others, last = model.predict([noise(1), *bad, noise(1)])
    assert first.label and first.probability == last.probability
    assert [one.label for one in others] == [None] * len(bad)
    assert all(one.reason and one.picture() is None for one in others)
    assert model.predict(Image.new("RGB", (0, 0))).reason == "the image cannot be read (cannot write empty image)"


def test_what_is_no_picture_is_one_line_and_a_hyphen_is_a_file(
    run: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fieldguide.load(run.classifier)
    others: list[Any] = [5, None, io.BytesIO(b"x"), np.zeros((8, 8, 3), np.uint8), [noise(1), 5], bytearray(b"x")]
    for other in others:
        with pytest.raises(UserError, match=r"is of the type .*: give a file's path or bytes, or a Pillow image"):
            model.predict(other)
    monkeypatch.chdir(tmp_path)
    assert model.predict("-").reason == "No such file or directory"
    (tmp_path / "-").write_bytes(encoded(noise(1), "PNG"))
    assert model.predict("-").label == model.predict(["-"])[0].label == model.predict(noise(1)).label


def test_a_screen_belongs_to_the_classifier_beside_it_alone(run: Paths, tmp_path: Path) -> None:
    for file in run.classifier.parent.iterdir():
        (tmp_path / file.name).symlink_to(file)
        if file.stem == "classifier":
            (tmp_path / file.name.replace("classifier", "bears")).symlink_to(file)
    picture = put(tmp_path / "picture.png", noise(1))
    for named, screened in ((tmp_path, True), (tmp_path / "bears.safetensors", False)):
        assert (fieldguide.load(named).predict(picture).p_value is not None) == screened
        told = run_command("predict", str(picture), "--model", str(named), "--format", "csv", cwd=tmp_path)
        assert ("p_value" in told.stdout) == screened, told.stderr


def test_an_image_with_an_orientation_is_turned_upright(run: Paths) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    content = encoded(noise(2), "PNG", exif=exif)
    model = fieldguide.load(run.classifier)
    opened = Image.open(io.BytesIO(content))
    assert model.predict(opened).probability == model.predict(content).probability
    assert model.predict(noise(2)).probability != model.predict(content).probability


def test_screening_gives_the_verdict_of_the_command(run: Paths, pictures: Path) -> None:
    told = run_command("screen", str(pictures), "--model", str(run.classifier), cwd=pictures)
    found = fieldguide.load(run.classifier.parent).screen(pictures)
    verdict = next(line for line in told.stderr.splitlines() if line.startswith("fieldguide: "))
    assert verdict == f"fieldguide: {found.verdict}"
    assert found.shifted == (told.returncode == 3)
    assert len(found.predictions) == 13 and {one.out_of_domain for one in found.alarms} <= {True}
    few = fieldguide.load(run.classifier.parent).screen(pictures / "00.png")
    assert few.shifted is None and "too few" in few.verdict
    with pytest.raises(UserError, match="no picture to screen"):
        fieldguide.load(run.classifier.parent).screen([b"no picture"])


def test_a_notebook_shows_picture_bars_and_reason(run: Paths, pictures: Path) -> None:
    model = fieldguide.load(run.classifier.parent)
    page = model.predict([pictures / "00.png", pictures / "broken.png"])._repr_html_()
    assert page.count("data:image/jpeg;base64,") == 1
    assert all(f"{label} " in page for label in LABELS)
    assert "not read" in page
    shown = model.screen(pictures)._repr_html_()
    assert "pictures" in shown and "out of domain" in shown
    assert not re.search(r"https?://|<script", page + shown)


def test_a_single_prediction_shows_what_speaks_for_it(tmp_path: Path) -> None:
    save_classifier(tmp_path, RESNET, size=64)
    file = put(tmp_path / "a.png", noise(1))
    one = fieldguide.load(tmp_path).predict(file)
    looking = one.looking()
    assert looking is not None and looking.where.startswith(("most ", "nowhere"))
    other = one.looking(next(label for label in one.probabilities if label != one.label))
    assert other is not None and other.picture.tobytes() != looking.picture.tobytes()
    page = one._repr_html_()
    assert page.count("data:image/jpeg;base64,") == 2
    assert f"what speaks for {one.label}: {looking.where}" in page
    with pytest.raises(UserError, match="no label 'lion'; known: "):
        one.looking("lion")
    file.unlink()
    assert one.looking() is None


def test_hostile_labels_and_names_are_shown_as_text(tmp_path: Path) -> None:
    save_classifier(tmp_path, RESNET)
    description = tmp_path / "classifier.json"
    content = json.loads(description.read_text(encoding="utf-8"))
    description.write_text(json.dumps({**content, "vocabulary": [SCRIPT, "b\u202ee", "c"]}), encoding="utf-8")
    model = fieldguide.load(tmp_path)
    put(tmp_path / "<img src=x onerror=alert(1)>.png", noise(1))
    page = model.predict([tmp_path / "<img src=x onerror=alert(1)>.png", b"x"])._repr_html_()
    assert "<script" not in page and "<img src=x" not in page and "\u202e" not in page
    assert "&lt;script&gt;" in page
    with pytest.raises(UserError, match=r"no screen\.safetensors beside"):
        model.screen(noise(1))


def test_a_picture_that_has_gone_is_shown_without_it(run: Paths, tmp_path: Path) -> None:
    file = put(tmp_path / "a.png", noise(1))
    found = fieldguide.load(run.classifier).predict(str(file))
    file.unlink()
    assert found.picture() is None and "a.png" in found._repr_html_()


def test_a_run_gives_its_tables(run: Paths, tmp_path: Path) -> None:
    opened = fieldguide.open_run(run.root)
    assert len(opened.pictures) == 45
    assert set(opened.predictions["label"]) == set(LABELS)
    assert {"id", "picture", "why"} <= set(opened.queue.columns)
    assert len(opened.screening) == 45
    with pytest.raises(UserError, match="is missing"):
        opened.metrics("clean")
    with pytest.raises(UserError):
        fieldguide.open_run(tmp_path)


def test_the_notebook_of_the_documentation_runs(run: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell, and its last line is shown as a notebook would."""
    monkeypatch.chdir(run.root)
    names: dict[str, Any] = {}
    shown = []
    for cell in json.loads((CHECKOUT / "docs" / "python.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            *lines, last = ast.parse("".join(cell["source"])).body
            assert isinstance(last, ast.Expr) and not cell["outputs"]
            exec(compile(ast.Module(lines, []), "cell", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
            shown.append(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))
    assert len(shown) >= 8 and all(shown)
    assert sum("data:image/jpeg" in one for one in shown) >= 2


def test_importing_it_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys, fieldguide; print(fieldguide.__version__, sorted({'numpy', 'PIL', 'torch'} & set(sys.modules)))"
    assert run_python("-c", code, cwd=tmp_path).stdout == f"{fieldguide.__version__} []\n"
    with pytest.raises(UserError, match="no model at"):
        fieldguide.load(tmp_path)
