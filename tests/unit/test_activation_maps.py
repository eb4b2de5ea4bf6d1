"""Where a classifier looks: class activation maps, whose mean is the logit, and Grad-CAM against maps made by hand."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from safetensors.numpy import load_file

from conftest import CHECKOUT, noise
from fieldguide.base.errors import UserError
from fieldguide.model.activation_maps import (
    CLASS_ACTIVATION,
    GRAD_CAM,
    ActivationMaps,
    activation_maps,
    drift_of,
    head_weights,
    maps_or_reason,
)
from fieldguide.model.activation_overlay import colour_scale, overlay, where_in_words
from fieldguide.model.architecture import Architecture
from fieldguide.model.asking import FEATURE_MAP, LOGITS, Square
from fieldguide.model.grad_cam import grad_cam_of
from fieldguide.model.inference import Classifier, load_classifier, to_input
from fieldguide.model.network import build_body, count_features
from fieldguide.model.torch_network import ObservedNetwork
from untrained import LABELS, NORMALIZATION, save_classifier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_classifier(folder, size=96)  # so large that its last map has several places
    return folder


@pytest.fixture(scope="module")
def weights(folder: Path) -> Path:
    return folder / "classifier.safetensors"


@pytest.fixture(scope="module")
def classifier(weights: Path) -> Classifier:
    return load_classifier(weights, weights.with_suffix(".json"))


@pytest.fixture(scope="module")
def maps(classifier: Classifier, weights: Path) -> ActivationMaps:
    return activation_maps(classifier, weights)


def test_the_mean_of_the_map_times_the_head_is_the_logit(
    maps: ActivationMaps, classifier: Classifier, weights: Path
) -> None:
    head, bias = head_weights(weights), load_file(weights)["head.bias"]
    assert maps.method == CLASS_ACTIVATION and head.shape[0] == len(LABELS)
    for seed in range(3):
        square = to_input(noise(seed), classifier.preprocessing)
        ((logits, found),) = classifier.network.ask([square], [LOGITS, FEATURE_MAP])
        added = np.tensordot(head, found, 1)  # (labels, height, width)
        np.testing.assert_allclose(added.mean(axis=(1, 2)) + bias, logits, rtol=1e-4, atol=1e-4)
        for label in range(len(LABELS)):
            places = maps.places(noise(seed), label)
            beside = added[label] - added.mean(axis=0)
            assert places.min() >= 0 and places.max() in (0, pytest.approx(1))
            assert np.array_equal(places > 0, beside > 0) or np.abs(beside[(places > 0) != (beside > 0)]).max() < 1e-4


def untrained(option: str, size: int) -> tuple[ObservedNetwork, Square]:
    """A network of conf/model/ with random weights, and a square that it takes."""
    found = yaml.safe_load((CHECKOUT / "conf" / "model" / f"{option}.yaml").read_text(encoding="utf-8"))
    torch.manual_seed(1)
    body = build_body(Architecture("timm", found["arch"], found.get("options", {})))
    head = torch.nn.Linear(count_features(body, size), len(LABELS))
    square = np.asarray(noise(4).resize((size, size)), np.float32).transpose(2, 0, 1) / 255
    return ObservedNetwork(body, head, NORMALIZATION, size), np.ascontiguousarray(square)


def weights_beside(network: ObservedNetwork, label: int) -> NDArray[np.float64]:
    """The head's weights (f,) for a label less their mean over all labels."""
    assert isinstance(network.head, torch.nn.Linear)
    weights: NDArray[np.float64] = network.head.weight.detach().double().numpy()
    return weights[label] - weights.mean(axis=0)


def test_of_a_network_with_a_pooled_map_and_a_linear_head_it_is_the_class_activation_map() -> None:
    network, square = untrained("tiny", 96)
    found = grad_cam_of(network)
    values = found.values(square).astype(np.float64)
    for label in range(len(LABELS)):
        wanted = np.tensordot(weights_beside(network, label), values, 1) / values[0].size
        np.testing.assert_allclose(found.added(square, label), wanted, rtol=1e-3, atol=1e-6)


def test_of_a_convnext_it_is_what_the_norm_behind_the_pooling_makes_of_the_head() -> None:
    """The gradient of its layer norm, by hand."""
    network, square = untrained("convnext_atto", 96)
    found = grad_cam_of(network)
    values, norm = found.values(square).astype(np.float64), network.body.get_submodule("head.norm")
    assert isinstance(norm.weight, torch.Tensor) and isinstance(norm.eps, float)
    mean = values.mean(axis=(1, 2))
    spread = np.sqrt(mean.var() + norm.eps)
    plain = (mean - mean.mean()) / spread
    for label in range(len(LABELS)):
        scaled = weights_beside(network, label) * norm.weight.detach().double().numpy()
        slope = (scaled - scaled.mean() - plain * (scaled * plain).mean()) / spread
        wanted = np.tensordot(slope, values, 1) / values[0].size
        np.testing.assert_allclose(found.added(square, label), wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max())


def test_of_a_vision_transformer_it_is_about_what_the_last_attention_reads() -> None:
    """Its tokens are changed one channel after the other, and the rest of the network is computed again, by hand."""
    network, square = untrained("vit_small", 64)
    found = grad_cam_of(network)
    assert found.place.module == "blocks.11.norm1"
    before: list[torch.Tensor] = []
    body: Any = network.body
    block = body.blocks[11]
    handle = block.register_forward_pre_hook(lambda _module, inputs: before.append(inputs[0]))
    found.network(torch.from_numpy(square)[None])
    handle.remove()
    network.double()
    start, step = before[0].detach().double(), 1e-4

    def answers(normed: torch.Tensor, label: int) -> torch.Tensor:
        seen = start + block.attn(normed)
        seen = seen + block.mlp(block.norm2(seen))
        assert network.head is not None
        logits = network.head(body.norm(seen)[:, 0])
        return logits[:, label] - logits.mean(dim=1)

    with torch.no_grad():
        normed = block.norm1(start)
        channels = normed.shape[2]
        change = torch.zeros(channels, *normed.shape[1:], dtype=torch.float64)
        change[:, 1:] = step * torch.eye(channels, dtype=torch.float64)[:, None]  # the tokens behind the class token
        tokens = normed[0, 1:].numpy()
        for label in range(len(LABELS)):
            slope = (answers(normed + change, label) - answers(normed - change, label)).numpy() / (2 * step)
            wanted = (tokens @ slope / len(tokens)).reshape(4, 4)
            network.float()
            np.testing.assert_allclose(found.added(square, label), wanted, rtol=0, atol=1e-3 * np.abs(wanted).max())
            network.double()


@pytest.mark.parametrize(("astray", "drift"), [(0, 0.0), (16, -0.109), (-16, 0.109)])
def test_how_far_a_network_looks_from_where_its_map_is_drawn(astray: int, drift: float) -> None:
    """A map of 4 x 4 means of 32 x 32 pixels, moved by half a place; the picture ends before the first or last one."""

    def values(square: Square) -> NDArray[np.float32]:
        wide = np.pad(square, ((0, 0), (16, 16), (16, 16)))[:, 16 - astray : 144 - astray, 16 - astray : 144 - astray]
        means: NDArray[np.float32] = wide.reshape(3, 4, 32, 4, 32).mean(axis=(2, 4))
        return means

    assert drift_of(values, 128) == pytest.approx(drift, abs=0.02)


def test_the_method_follows_from_the_network_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_classifier(tmp_path, Architecture("timm", "test_vit", {"dynamic_img_size": True}), size=64)
    weights = tmp_path / "classifier.safetensors"
    classifier = load_classifier(weights, weights.with_suffix(".json"))
    maps = activation_maps(classifier, weights)
    assert maps.method == GRAD_CAM and maps.places(noise(1), 0).shape == (4, 4)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "fieldguide.model.grad_cam")
    nothing, reason = maps_or_reason(classifier, weights)
    assert nothing is None and "Grad-CAM, which needs torch: pip install 'fieldguide[train]'" in reason
    assert "\n" not in reason


def test_the_overlay_shows_what_the_network_sees(maps: ActivationMaps) -> None:
    """A stretched picture in its own shape, else the square."""
    picture = noise(1, 90, 60)
    first, second = (overlay(maps, picture, label, 64) for label in (0, 1))
    assert (first.picture.size, first.picture.mode) == ((64, 43), "RGB")
    assert first.picture.tobytes() != second.picture.tobytes()
    assert first.where == where_in_words(maps.places(picture, 0), maps.drift)
    cropping = replace(maps.classifier.preprocessing, method="crop")
    cropped = replace(maps, classifier=replace(maps.classifier, preprocessing=cropping))
    assert overlay(cropped, picture, 0, 64).picture.size == (64, 64)


def test_its_colours_become_brighter_and_are_told_in_words() -> None:
    scale = np.asarray(colour_scale(64, 4).convert("L"), int)
    assert (np.diff(scale[0]) >= 0).all() and scale[0, -1] - scale[0, 0] > 80
    places = np.zeros((4, 4))
    assert where_in_words(places, 0.0) == "nowhere"
    for at, words in (
        ((0, 3), "most at the top right"),
        ((2, 1), "most in the middle"),
        ((3, 2), "most at the bottom"),
    ):
        one = places.copy()
        one[at] = 1
        assert where_in_words(one, 0.0) == words


def test_a_file_without_a_head_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"x.safetensors cannot be read") as caught:
        head_weights(tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value)
