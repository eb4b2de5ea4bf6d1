"""`fieldguide predict`: its answers are fastai's, whatever it is given it answers, and it imports little."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import CHECKOUT, encoded, noise, put, run_command, run_python
from fieldguide.base.paths import Paths
from fieldguide.cli import main
from fieldguide.configuration.compose import compose
from fieldguide.model.architecture import Architecture
from untrained import LABELS, NORMALIZATION, RESNET, TEMPERATURE, save_classifier, untrained_folder

pytestmark = pytest.mark.slow  # importing PyTorch and timm takes seconds

METHODS = ["crop", "pad", "pad_border", "pad_reflection", "squish", "random_crop"]
ARCHITECTURES = [
    Architecture("timm", "test_vit", {"dynamic_img_size": True}),
    Architecture("timm", "test_efficientnet", {}),
    Architecture("torchvision", "shufflenet_v2_x0_5", {}),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_folder(tmp_path_factory)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """37 pictures of many shapes: one batch and a part of another."""
    folder = tmp_path_factory.mktemp("pictures")
    chance = np.random.default_rng(1)
    for number in range(37):
        width, height = (int(side) for side in chance.integers(20, 90, 2))
        put(folder / f"{number:02}.png", noise(number, width, height))
    return folder


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `fieldguide predict`, run in this process."""
    with pytest.raises(SystemExit) as end:
        main(["predict", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, out, err


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("architecture", "option"),
    [*((RESNET, method) for method in METHODS), *zip(ARCHITECTURES, METHODS[1:], strict=False)],
    ids=lambda value: getattr(value, "arch", value),
)
def test_its_probabilities_are_those_of_fastai(
    architecture: Architecture,
    option: str,
    pictures: Path,
    checkout: Paths,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """fastai opens, normalises and batches (5 pictures at a time, which does not divide 37) by its own means."""
    import fastai.callback.progress  # noqa: F401 - adds no_bar to the Learner
    from fastai.data.transforms import Normalize
    from fastai.learner import Learner
    from fastai.vision.core import PILImage
    from fastai.vision.data import ImageDataLoaders

    from fieldguide.training.loaders import ToSquare

    resize = compose(checkout, [f"resize={option}"]).resize
    network = save_classifier(tmp_path, architecture, resize.method, getattr(resize, "pad_mode", "zeros"))
    files = sorted(pictures.iterdir())
    loaders = ImageDataLoaders.from_path_func(
        pictures,
        files,
        lambda path: LABELS[int(path.stem) % 3],
        item_tfms=ToSquare(resize, 32),
        batch_tfms=Normalize.from_stats(NORMALIZATION.mean, NORMALIZATION.std, cuda=False),
        bs=5,
        num_workers=0,
    )
    learner = Learner(loaders, network, loss_func=torch.nn.CrossEntropyLoss())
    with learner.no_bar():
        logits, _ = learner.get_preds(dl=loaders.test_dl([PILImage.create(file) for file in files]), act=lambda x: x)
    wanted = (logits.double() / TEMPERATURE).softmax(dim=1).numpy()

    capsys.readouterr()  # what fastai's import says
    code, out, err = printed(capsys, pictures, "--model", tmp_path, "--format", "csv", "--all")
    rows = table(out)
    found = np.array([[float(row[f"probability_{label}"]) for label in LABELS] for row in rows])
    assert (code, err) == (0, "")
    assert [row["path"] for row in rows] == [str(file) for file in files]
    assert np.abs(found - wanted).max() < 1e-4
    assert found.std(axis=0).max() > 0.05  # the network tells pictures apart, so the comparison means something
    assert [row["label"] for row in rows] == [LABELS[best] for best in wanted.argmax(axis=1)]
    assert [row["probability"] for row in rows] == [f"{max(row):.6f}" for row in found]


def test_a_bad_file_is_a_row_with_a_reason_and_not_the_end(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = put(tmp_path / "b.png", noise(1))
    put(tmp_path / "a.jpg", b"\xff\xd8\xff no picture")
    put(tmp_path / "c.txt", b"hello")
    put(tmp_path / "deep" / "d.webp", encoded(noise(2), "WEBP"))
    put(tmp_path / ".hidden" / "e.png", noise(3))
    put(tmp_path / ".hidden.png", noise(3))
    os.mkfifo(tmp_path / "pipe")
    code, out, err = printed(capsys, tmp_path, tmp_path / "nowhere.png", good, "--model", model)
    rows = table(out)
    names = ["a.jpg", "b.png", "c.txt", "pipe", "deep/d.webp", "nowhere.png", "b.png"]
    assert [row["path"] for row in rows] == [str(tmp_path / name) for name in names]
    assert [bool(row["label"]) for row in rows] == [False, True, False, False, True, False, True]
    assert [not row["reason"] for row in rows] == [bool(row["probability"]) for row in rows]
    assert [not row["reason"] for row in rows] == [bool(row["label"]) for row in rows]
    assert rows[1] == rows[6]
    assert "not a picture" in rows[2]["reason"]
    assert rows[3]["reason"] == "not a file"
    assert rows[5]["reason"] == "No such file or directory"
    assert (code, err) == (1, "fieldguide: 4 could not be read\n")


def test_damage_that_decodes_is_a_reason(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = encoded(noise(1, 300, 200), "JPEG", quality=95)
    put(tmp_path / "cut.jpg", whole[: len(whole) // 2] + b"\xff\xd9")
    put(tmp_path / "end.jpg", whole[:-2])
    rows = table(printed(capsys, tmp_path, "--model", model)[1])
    assert "lost" in rows[0]["reason"] and not rows[0]["label"]
    assert rows[1]["label"] and not rows[1]["reason"]


def test_more_than_8_bits_are_read_as_in_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = untrained_folder(tmp_path_factory)
    description = json.loads((folder / "classifier.json").read_text())
    description["preprocessing"]["depth"] = 12
    (folder / "classifier.json").write_text(json.dumps(description))
    dark = np.random.default_rng(1).integers(0, 1000, (48, 64), dtype=np.uint16)
    put(tmp_path / "deep.png", encoded(Image.fromarray(dark), "PNG"))
    put(tmp_path / "plain.png", encoded(Image.fromarray((dark.astype(int) * 255 // 4095).astype(np.uint8)), "PNG"))
    deep, plain = table(printed(capsys, tmp_path, "--model", folder)[1])
    assert deep["probability"] == plain["probability"]


def test_all_formats_say_the_same(
    model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = put(tmp_path / "bad.jpg", b"")
    arguments: list[str | Path] = [
        pictures / "00.png",
        bad,
        "--all",
        "--model",
        model / "classifier.safetensors",
        "--format",
    ]
    rows = table(printed(capsys, *arguments, "csv")[1])
    columns = ["path", "label", "probability", *(f"probability_{label}" for label in LABELS), "reason"]
    assert list(rows[0]) == columns

    lines = [json.loads(line) for line in printed(capsys, *arguments, "jsonl")[1].splitlines()]
    assert [list(line) for line in lines] == [columns, columns]
    assert [lines[0]["path"], lines[0]["label"]] == [rows[0]["path"], rows[0]["label"]]
    assert [f"{lines[0][name]:.6f}" for name in columns[2:6]] == [rows[0][name] for name in columns[2:6]]
    assert lines[1] == {**dict.fromkeys(columns), "path": str(bad), "reason": "the file is empty"}

    head, first, second = printed(capsys, *arguments, "table")[1].splitlines()
    assert head.split() == columns
    assert first.split() == [rows[0]["path"], rows[0]["label"], *(f"{float(rows[0][n]):.4f}" for n in columns[2:6])]
    assert second.split(maxsplit=1) == [str(bad), "the file is empty"]
    assert second.index("the file is empty") == head.index("reason")
    assert first.index(rows[0]["label"]) == head.index("label")


def test_paths_come_from_stdin(model: Path, pictures: Path) -> None:
    command = [sys.executable, "-m", "fieldguide.cli", "predict", "-", "--model", str(model)]
    done = subprocess.run(
        command,
        input=f"{pictures}/03.png\r\n\n{pictures}\n{pictures}/01.png".encode(),
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
        capture_output=True,
        check=False,
    )
    rows = table(done.stdout.decode())
    assert [row["path"] for row in rows] == [f"{pictures}/03.png", str(pictures), f"{pictures}/01.png"]
    assert [row["reason"] for row in rows] == ["", "not a file", ""]
    assert done.returncode == 1


STRANGE = ["=1+2.png", "\x1b[2Jclear\x07.png", "two\nlines.png", "熊, ours.png", 'say "x".png', "right‮gnp.png"]


def test_names_can_break_neither_table_nor_terminal(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = sorted([*STRANGE, os.fsdecode(b"latin-\xe9.png")])
    for name in names:
        put(Path(name), noise(1))

    lines = printed(capsys, *names, "--model", model, "--format", "jsonl")[1].splitlines()
    assert [json.loads(line)["path"] for line in lines] == names
    escaped = [
        name.encode("utf-8", "backslashreplace").decode().replace("\x1b", "\\x1b").replace("\x07", "\\x07")
        .replace("\n", "\\n").replace("\u202e", "\\u202e")
        for name in names
    ]  # fmt: skip
    out = printed(capsys, *names, "--model", model, "--format", "csv")[1]
    assert [row["path"] for row in table(out)] == [f"./{name}" if name.startswith("=") else name for name in escaped]
    assert all(Path(row["path"]).exists() for row in table(out) if "\\" not in row["path"])
    shown = printed(capsys, *names, "--model", model, "--format", "table")[1]
    assert len(shown.splitlines()) == len(names) + 1
    for text in (*lines, *out.splitlines(), *shown.splitlines()):
        assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 or letter == "\u202e" for letter in text)


def test_a_name_that_is_no_utf8_goes_through_a_pipe(model: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"latin-\xe9.png")
    put(tmp_path / name, noise(1))
    command = ("-m", "fieldguide.cli", "predict", ".", "--format", "jsonl", "--model", str(model))
    done = run_python(*command, cwd=tmp_path, LC_ALL="POSIX")
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["path"] == name
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty"], "fieldguide: no files in the folder empty"),
        (["nowhere.jpg"], "fieldguide: no such file or folder: nowhere.jpg"),
        (["picture.png"], "fieldguide: no model at models/classifier.safetensors: run `dvc repro`"),
        (
            ["picture.png", "--model", "picture.png"],
            "fieldguide: picture.png is neither a .safetensors nor an .onnx file",
        ),
    ],
)
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path / "picture.png", noise(1))
    done = run_command("predict", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.replace(f"{tmp_path}/", "").startswith(message)
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_ends_it_quietly(model: Path, tmp_path: Path) -> None:
    picture = put(tmp_path / "one.png", Image.new("RGB", (8, 8)))
    names = "\n".join([str(picture)] * 3000)
    command = f'"{sys.executable}" -m fieldguide.cli predict - --model "{model}" | head -n 2'
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, "-o", "pipefail", "-c", command],
        input=names,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.count("\n") == 2
    assert (done.returncode, done.stderr) == (141, "")


def test_it_imports_neither_fastai_nor_anything_else_that_it_does_not_need(model: Path, pictures: Path) -> None:
    code = (
        "import sys; from fieldguide.cli import main\n"
        f"try: main(['predict', {str(pictures)!r}, '--model', {str(model)!r}])\n"
        "except SystemExit as end: print(end.code, *{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = run_python("-c", code, cwd=pictures)
    code_, *imported = done.stderr.split()
    assert code_ == "0"
    unneeded = {
        "fastai",
        "torch",
        "timm",
        "mlflow",
        "pandas",
        "sklearn",
        "matplotlib",
        "great_expectations",
        "hydra",
        "omegaconf",
        "scipy",
        "dvc",
    }
    assert not unneeded & set(imported)
    assert "onnxruntime" in imported


def test_with_a_screen_beside_the_classifier_every_picture_is_screened(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else changes, and a picture unlike all others says so."""
    from fieldguide.model.inference import load_classifier
    from fieldguide.retraining.unlabelled_queue import ask
    from fieldguide.screening.detectors.mahalanobis import Mahalanobis
    from fieldguide.screening.fitting import fit_screen
    from fieldguide.screening.observations import observe_pairs, observe_pictures
    from fieldguide.screening.screen_files import save_screen

    save_classifier(tmp_path)
    weights = tmp_path / "classifier.safetensors"
    put(pictures.parent / "night.png", noise(99).point(lambda value: value // 20))
    arguments = (pictures, pictures.parent / "night.png", __file__, "--model", tmp_path, "--format", "csv")
    _, plain, _ = printed(capsys, *arguments)
    assert "out_of_domain" not in plain

    classifier = load_classifier(weights, weights.with_suffix(".json"))
    feature_network = classifier.network
    seen = [Image.open(path).convert("RGB") for path in sorted(pictures.iterdir())]
    train, turned = observe_pairs(classifier, feature_network, seen)
    fitted = fit_screen(
        train,
        turned,
        np.arange(len(seen)) % 3,
        observe_pictures(classifier, feature_network, seen),
        Mahalanobis("mahalanobis"),
    )
    save_screen(fitted.screen, tmp_path / "screen.safetensors", weights, None)
    code, screened, _ = printed(capsys, *arguments)
    assert code == 1
    assert screened.startswith("path,label,probability,p_value,out_of_domain,reason\n")
    for before, after in zip(table(plain), table(screened), strict=True):
        assert (after["path"], after["label"]) == (before["path"], before["label"])
        assert after["out_of_domain"] == ("" if before["reason"] else str(float(after["p_value"]) <= 0.05).lower())
    *_, night, unread = table(screened)
    assert (night["out_of_domain"], night["reason"]) == ("true", "much darker than the training pictures")
    assert unread["reason"].startswith("not a picture")
    _, lines, _ = printed(capsys, pictures.parent / "night.png", "--model", tmp_path, "--format", "jsonl")
    assert json.loads(lines)["out_of_domain"] is True

    # A picture that calibrated is as strange as itself: the last digit decides whether it counts. So another one.
    day_file = put(pictures.parent / "day.png", noise(77))
    _, answered, _ = printed(capsys, day_file, "--model", tmp_path, "--format", "csv")
    (day,) = table(answered)
    queued = ask(weights, [day_file, pictures.parent / "night.png", pictures / "gone.png"])
    assert queued["prediction"].tolist() == [day["label"], night["label"], ""]
    assert queued["p_value"].tolist()[:2] == [float(day["p_value"]), float(night["p_value"])]
    assert queued["out_of_domain"].tolist()[1:] == [True, None] and queued["probability"].isna().tolist()[2]
    assert queued["reason"].tolist()[1:] == ["much darker than the training pictures", "No such file or directory"]

    described = json.loads((tmp_path / "screen.json").read_text())
    for name in ("calibration_pictures", "calibration_groups", "calibration_effective"):
        for value in ("1e308", "Infinity", "NaN", "1" + "0" * 400):
            text = json.dumps({**described, name: "value"}).replace('"value"', value)
            (tmp_path / "screen.json").write_text(text)
            with pytest.raises(SystemExit, match=rf"does not describe a screen \({name}: "):
                main(["predict", str(pictures), "--model", str(tmp_path)])
    (tmp_path / "screen.json").write_text("{}")
    done = run_python("-m", "fieldguide.cli", "predict", str(pictures), "--model", str(tmp_path), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not describe a screen" in done.stderr
    assert done.stderr.count("\n") == 1
