"""`fieldguide export onnx`: the file answers as the classifier does, says how to use it, and is the same every time."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import noise
from fieldguide.base.files import sha256_of_file
from fieldguide.cli import main
from fieldguide.data.resizing.pad import Pad
from fieldguide.model.architecture import Architecture
from fieldguide.model.asking import FEATURES
from fieldguide.model.inference import load_classifier, predict, to_input
from fieldguide.model.onnx_network import WEIGHTS, read_onnx
from fieldguide.model.weights import save_weights
from untrained import LABELS, save_classifier

pytestmark = pytest.mark.slow  # importing PyTorch and timm takes seconds


def test_the_file_answers_as_the_classifier_does_and_is_the_same_every_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnx
    import onnxruntime

    save_classifier(tmp_path, method="pad", pad_mode="border", size=48)
    main(["export", "onnx", "--model", str(tmp_path)])
    said = capsys.readouterr().out
    assert said.startswith(f"{tmp_path}/classifier.onnx: ")
    assert "input   pictures: float32 (n, 3, 48, 48), RGB from 0 to 1\n" in said
    assert "calibrated: black, grizzly, teddy\n" in said

    classifier = load_classifier(tmp_path / "classifier.safetensors", tmp_path / "classifier.json")
    session = onnxruntime.InferenceSession(tmp_path / "classifier.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 3, 7):
        pictures = [noise(seed, 60, 40) for seed in range(count)]
        squares = [np.asarray(Pad("pad", "border").square(picture, 48), dtype=np.float32) / 255 for picture in pictures]
        found = session.run(["probabilities"], {"pictures": np.stack(squares).transpose(0, 3, 1, 2)})[0]
        wanted = predict(classifier, pictures)
        assert found.shape == (count, len(LABELS))
        assert np.abs(found - wanted).max() < 1e-5
    assert wanted.std(axis=0).max() > 0.05

    facts = {entry.key: entry.value for entry in onnx.load(tmp_path / "classifier.onnx").metadata_props}
    assert json.loads(facts["labels"]) == LABELS
    assert (facts["method"], facts["pad_mode"], facts["size"], facts["max_side"]) == ("pad", "border", "48", "320")

    main(["export", "onnx", "--model", str(tmp_path / "classifier.safetensors"), "--out", str(tmp_path / "again.onnx")])
    content = (tmp_path / "classifier.onnx").read_bytes()
    assert content == (tmp_path / "again.onnx").read_bytes()
    for path in (tmp_path, Path(sys.prefix), Path.cwd()):
        assert str(path).encode() not in content
    assert b".py" not in content


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture("timm", "test_vit", {"dynamic_img_size": True}),
        Architecture("torchvision", "shufflenet_v2_x0_5", {}),
    ],
    ids=lambda architecture: architecture.arch,
)
def test_other_architectures_are_exported(
    architecture: Architecture, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_classifier(tmp_path, architecture)
    main(["export", "onnx", "--model", str(tmp_path)])  # compares its answers itself, and fails where they differ
    assert "differ from PyTorch's by at most" in capsys.readouterr().out


def test_without_the_package_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_classifier(tmp_path)
    (tmp_path / "classifier.onnx").unlink()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SystemExit) as end:
        main(["export", "onnx", "--model", str(tmp_path)])
    assert end.value.code == "fieldguide: the package onnx is missing: pip install 'fieldguide[train]'"
    assert not (tmp_path / "classifier.onnx").exists()


def test_a_folder_from_before_gets_the_starting_weights_as_onnx_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = save_classifier(tmp_path)
    (tmp_path / "classifier.onnx").unlink()
    backbone = tmp_path / "backbone.safetensors"
    save_weights(network.get_submodule("body"), backbone)
    main(["export", "onnx", "--model", str(tmp_path)])
    assert "backbone.onnx: " in capsys.readouterr().out
    made = read_onnx(backbone.with_suffix(".onnx"))
    assert made.facts[WEIGHTS] == sha256_of_file(backbone)
    classifier = load_classifier(tmp_path / "classifier.safetensors", tmp_path / "classifier.json")
    squares = [to_input(noise(1), classifier.preprocessing)]
    (wanted,), (found,) = (next(asked.ask(squares, [FEATURES])) for asked in (classifier.network, made))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
