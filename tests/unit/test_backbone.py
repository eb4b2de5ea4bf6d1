"""The frozen starting network: what computes it, what it refuses, and when features that are kept are used again."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from conftest import few_daily, noise, put
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.model.architecture import Architecture
from fieldguide.model.asking import FEATURES
from fieldguide.model.backbone import Backbone
from fieldguide.model.description import Preprocessing
from fieldguide.model.features import Features, frozen_features
from fieldguide.model.onnx_export import export_network, write_onnx
from fieldguide.model.onnx_network import OnnxNetwork
from fieldguide.model.torch_network import ObservedNetwork, TorchNetwork
from fieldguide.model.weights import random_body, save_weights
from fieldguide.training.checkpoint import state_key
from untrained import NORMALIZATION, RESNET

SIZE = 32
SQUARE = np.random.default_rng(0).random((3, SIZE, SIZE), dtype=np.float32)


def write_network(weights: Path, seed: int) -> None:
    """A network of random weights, and the sha256 of `weights` as that of its own."""
    observed = ObservedNetwork(random_body(RESNET, seed), None, NORMALIZATION, SIZE)
    write_onnx(export_network(observed), weights.with_suffix(".onnx"), weights, {})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a network, which tests copy: exporting it takes a fifth of a second."""
    weights = tmp_path_factory.mktemp("backbone") / "backbone.safetensors"
    save_weights(random_body(RESNET, seed=0), weights)
    write_network(weights, seed=0)
    return weights.parent


@pytest.fixture
def backbone(made: Path, tmp_path: Path) -> Backbone:
    weights = Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True)) / "backbone.safetensors"
    return Backbone(weights, RESNET, NORMALIZATION, sha256_of_file(weights), is_pretrained=True)


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were one, which is the processor."""
    monkeypatch.setattr("fieldguide.model.backbone.has_gpu", lambda: True)
    monkeypatch.setattr("fieldguide.model.torch_network.TorchNetwork", partial(TorchNetwork, device="cpu"))


@pytest.mark.slow
@pytest.mark.usefixtures("on_a_gpu")
def test_a_gpu_computes_from_the_weights_what_the_file_gives_elsewhere(backbone: Backbone) -> None:
    ((by_torch,),) = backbone.network.ask([SQUARE], [FEATURES])
    assert isinstance(backbone.network, TorchNetwork)
    ((by_onnx,),) = OnnxNetwork(backbone.weights.with_suffix(".onnx").read_bytes()).ask([SQUARE], [FEATURES])
    np.testing.assert_allclose(by_torch, by_onnx, atol=1e-4)


@pytest.mark.usefixtures("on_a_gpu")
def test_weights_that_are_missing_are_not_needed_on_a_gpu(backbone: Backbone) -> None:
    backbone.weights.unlink()
    assert isinstance(backbone.network, OnnxNetwork)


@pytest.mark.usefixtures("on_a_gpu")
def test_other_weights_are_refused_on_a_gpu(backbone: Backbone) -> None:
    save_weights(random_body(RESNET, seed=1), backbone.weights)
    with pytest.raises(UserError, match=r"backbone\.safetensors has changed"):
        _ = backbone.network


@pytest.mark.usefixtures("on_a_gpu")
def test_an_architecture_that_is_larger_than_its_weights_is_not_built(backbone: Backbone) -> None:
    large = Architecture("timm", "resnet10t", {"channels": [60_000] * 4})
    with pytest.raises(UserError, match="network that is larger than the weights"):
        _ = replace(backbone, architecture=large).network


Change = Callable[[Backbone, pytest.MonkeyPatch], None]


def another_version(name: str) -> Change:
    def change(_: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fieldguide.model.surroundings.version", lambda one: "0" if one == name else version(one))

    return change


def on_gpu_with(name: str) -> Change:
    def change(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fieldguide.model.surroundings.has_gpu", lambda: True)
        another_version(name)(backbone, monkeypatch)

    return change


def another_file(backbone: Backbone, _: pytest.MonkeyPatch) -> None:
    write_network(backbone.weights, seed=1)


@pytest.mark.parametrize(
    ("before", "change"),
    few_daily(
        [
            (another_version(""), another_file),
            *(
                (another_version(""), another_version(name))
                for name in ("simplejpeg", "pillow", "onnxruntime", "numpy")
            ),
            *((on_gpu_with(""), on_gpu_with(name)) for name in ("torch", "timm", "torchvision")),
        ],
        7,
    ),
    ids=["file", "simplejpeg", "pillow", "onnxruntime", "numpy", "torch", "timm", "torchvision"],
)
def test_kept_features_are_computed_again_by_another_file_or_library(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: Change, change: Change
) -> None:
    picture = put(tmp_path / "picture.png", noise(1))
    named, kept = [(sha256_of_file(picture), picture)], tmp_path / "kept"

    def features() -> Features:
        again = replace(backbone)  # whose network is read anew
        preprocessing = Preprocessing(150.0, 320, "squish", "zeros", SIZE, NORMALIZATION)
        return frozen_features(again, preprocessing, named, kept)

    before(backbone, monkeypatch)
    found, known = features(), next(kept.glob("*.safetensors")).read_bytes()
    assert np.array_equal(features(), found)
    assert next(kept.glob("*.safetensors")).read_bytes() == known
    change(backbone, monkeypatch)
    assert (change is another_file) != np.array_equal(features(), found)
    assert next(kept.glob("*.safetensors")).read_bytes() != known


@pytest.mark.parametrize("name", ["simplejpeg", "pillow", "torch"])
def test_an_unfinished_training_is_not_resumed_with_another_library(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_key("same")
    monkeypatch.setattr("fieldguide.training.checkpoint.version", lambda one: "0" if one == name else version(one))
    assert state_key("same") != before
