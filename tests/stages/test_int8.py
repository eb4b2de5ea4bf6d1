"""`fieldguide export onnx --int8`: a smaller file that is not worse, or none."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import fieldguide
from conftest import CHECKOUT, run_command
from fieldguide.base.paths import Paths
from fieldguide.model.inference import load_classifier, open_all, to_input
from fieldguide.model.onnx_check import check_onnx
from fieldguide.model.onnx_network import read_onnx
from fieldguide.release import int8
from fieldguide.stages import train
from stages.training import composed, linked

pytestmark = pytest.mark.slow  # trains a classifier


@pytest.fixture(scope="module")
def run(source: Paths, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = linked(source, tmp_path_factory.mktemp("int8"))
    for name in ("params.yaml", "dvc.yaml", "conf"):
        (paths.root / name).symlink_to(CHECKOUT / name)
    train.run(composed("train.epochs=6"), paths)
    return paths


def gate(run: Paths, monkeypatch: pytest.MonkeyPatch, **settings: float) -> None:
    """Nine valid and nine test pictures can show only a wide margin."""
    cfg = composed()
    for name, value in settings.items():
        setattr(cfg.gate, name, value)
    monkeypatch.setattr(int8, "compose", lambda paths: cfg)


def test_it_is_written_where_it_is_not_worse(run: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gate(run, monkeypatch, margin=0.9, class_margin=0.9, log_loss_margin=2.0)
    done = run_command("export", "onnx", "--int8", cwd=run.root)
    assert done.returncode == 0, done.stderr
    written = run.classifier.with_name("classifier.int8.onnx")
    assert re.search(r"MB, float32 has .* MB\nverdict .* than float32 on 18 pictures.*\nspeed .* ms", done.stdout)
    run_command("export", "onnx", "--int8", "--out", str(tmp_path / "again.onnx"), cwd=run.root)
    assert (tmp_path / "again.onnx").read_bytes() == written.read_bytes()

    picture = next(run.clean.rglob("*.png"))
    used = run_command("predict", str(picture), "--model", str(written), "--format", "csv", cwd=run.root)
    assert used.returncode == 0 and str(picture) in used.stdout, used.stderr
    assert f"--model {written}, with classifier.json beside it" in done.stdout
    assert fieldguide.load(written).predict(picture).label

    check_onnx(written.read_bytes(), "int8")
    names = {node.op_type for node in onnx.load(written).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= names
    whole = load_classifier(run.classifier, run.classifier.with_suffix(".json"))
    files = sorted(run.clean.rglob("*.png"))
    squares = [to_input(picture, whole.preprocessing) for picture in open_all(whole, files, "x")]
    asked = [read_onnx(file).ask(squares, ["probabilities"]) for file in (run.classifier.with_suffix(".onnx"), written)]
    found = [np.array([probabilities for (probabilities,) in each]) for each in asked]
    assert 0 < np.abs(found[0] - found[1]).max() < 0.2


def test_where_too_little_shows_that_it_is_not_worse_nothing_is_written(
    run: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate(run, monkeypatch, margin=0.01)
    done = run_command("export", "onnx", "--int8", "--out", str(tmp_path / "int8.onnx"), cwd=run.root)
    assert done.returncode == 1
    assert "int8 against float32: not enough evidence" in done.stderr and "nothing was written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_rounding_spoils_is_worse(run: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Calibrated on what is no picture, it answers by chance."""
    gate(run, monkeypatch, margin=0.01, class_margin=0.05)
    monkeypatch.setattr(int8, "open_all", lambda *_: [Image.new("RGB", (32, 32))] * 3)
    done = run_command("export", "onnx", "--int8", "--out", str(tmp_path / "int8.onnx"), cwd=run.root)
    assert done.returncode == 1 and "int8 against float32: " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_takes_the_checkouts_own_classifier(run: Paths, tmp_path: Path) -> None:
    done = run_command("export", "onnx", "--int8", "--model", str(run.classifier), cwd=run.root)
    assert done.returncode == 1 and "no --model" in done.stderr
    done = run_command("export", "onnx", "--int8", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
