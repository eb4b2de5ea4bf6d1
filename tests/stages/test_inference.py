"""One answer for everything: ONNX Runtime says what PyTorch says, whatever the cores, the batch, or who asks."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray

from conftest import CHECKOUT, noise, run_command, run_python
from fieldguide.base.errors import UserError
from fieldguide.model import gpu
from fieldguide.model.architecture import Architecture
from fieldguide.model.asking import FEATURE_MAP, FEATURES, LAYOUT, LOGITS, Network
from fieldguide.model.description import read_description
from fieldguide.model.feature_maps import maps_of
from fieldguide.model.inference import load_classifier, predict, to_input
from fieldguide.model.network import build_body, build_classifier, count_features
from fieldguide.model.onnx_export import export_network
from fieldguide.model.onnx_network import OnnxNetwork
from fieldguide.model.torch_network import MIN_SIDE, ObservedNetwork, TorchNetwork
from untrained import LABELS, NORMALIZATION, RESNET, save_classifier, write_files

pytestmark = pytest.mark.slow  # importing PyTorch and timm takes seconds

MODELS = sorted((CHECKOUT / "conf" / "model").glob("*.yaml"))
OTHERS = [
    Architecture("timm", "test_vit", {"dynamic_img_size": True}),
    Architecture("torchvision", "shufflenet_v2_x0_5", {}),
]
LARGE = [Architecture("torchvision", "vit_b_16", {"image_size": 96}), Architecture("torchvision", "swin_t", {})]


def observed(architecture: Architecture, size: int) -> ObservedNetwork:
    """A classifier with random weights, normalized as if it had been trained: else many explode or vanish."""
    torch.manual_seed(0)
    body = build_body(architecture)
    network = build_classifier(body, count_features(body, size), len(LABELS))
    for module in body.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # take the statistics of what follows as they are
    with torch.no_grad():
        body.train()((torch.from_numpy(squares(8, size)) - 0.45) / 0.22)
    return ObservedNetwork(body, network.get_submodule("head"), NORMALIZATION, size)


def squares(count: int, size: int) -> NDArray[np.float32]:
    return np.stack([np.asarray(noise(seed, size, size), np.float32).transpose(2, 0, 1) / 255 for seed in range(count)])


def answers(network: Network, pictures: NDArray[np.float32], *outputs: str) -> dict[str, NDArray[np.float32]]:
    rows = zip(*network.ask(list(pictures), outputs), strict=True)
    return {name: np.stack(row) for name, row in zip(outputs, rows, strict=True)}


def architecture_of(option: Path) -> tuple[Architecture, int]:
    """Of an option file, with few layers where all are alike, and a size that fits its patches."""
    content = yaml.safe_load(option.read_text(encoding="utf-8"))
    few = {"depth": 2} if content["arch"].startswith("vit") else {}
    size = 112 if "patch14" in content["arch"] else 96
    return Architecture(content.get("library", "timm"), content["arch"], {**content.get("options", {}), **few}), size


@pytest.mark.parametrize(
    ("architecture", "size"),
    [
        *map(architecture_of, MODELS),
        *((one, 96) for one in OTHERS),
        *(pytest.param(one, 96, marks=pytest.mark.exhaustive) for one in LARGE),
    ],
    ids=lambda value: getattr(value, "arch", str(value)),
)
def test_every_architecture_answers_as_in_pytorch(architecture: Architecture, size: int) -> None:
    network = observed(architecture, size)
    by_onnx, by_torch = OnnxNetwork(export_network(network)), TorchNetwork(network, "cpu")
    assert by_onnx.size == size
    names, pictures = network.names, squares(3, size)
    found, wanted = answers(by_onnx, pictures, *names), answers(by_torch, pictures, *names)
    for name in names:
        assert found[name].shape == (3, *by_onnx.shapes[name]) == (3, *network.shapes[name])
        scale = np.abs(wanted[name]).max()
        assert np.abs(found[name] - wanted[name]).max() < 1e-4 * scale, name
        assert wanted[name].std(axis=0).max() > 0, f"{name} is the same for all pictures"


@pytest.mark.parametrize("architecture", [RESNET, *OTHERS], ids=lambda one: one.arch)
def test_answers_depend_neither_on_the_number_of_threads_nor_on_the_other_pictures(architecture: Architecture) -> None:
    network = observed(architecture, 64)
    content, names, pictures = export_network(network), network.names, squares(9, 64)
    wanted = answers(OnnxNetwork(content, threads=1), pictures, *names)
    for threads in (1, 2, 4):
        asked = OnnxNetwork(content, threads=threads)
        for batch in (1, 2, 5, 9):
            parts = [answers(asked, pictures[start : start + batch], *names) for start in range(0, 9, batch)]
            for name in names:
                assert np.concatenate([part[name] for part in parts]).tobytes() == wanted[name].tobytes()


def test_the_layout_is_the_last_wide_map_averaged_and_the_feature_map_explains_the_logits() -> None:
    network = observed(Architecture("timm", "resnet10t", {}), 160)
    found = answers(OnnxNetwork(export_network(network)), squares(2, 160), LOGITS, FEATURES, LAYOUT, FEATURE_MAP)
    with torch.inference_mode():
        inputs = (torch.from_numpy(squares(1, 160)) - network.mean) / network.std
        maps, _ = maps_of(network.body, inputs)
        wide = [one for one in maps if one.side >= MIN_SIDE][-1]
        assert wide.side == 10 and wide.place == network.layout
        pooled = torch.nn.functional.adaptive_avg_pool2d(wide.values, 4).numpy()
    np.testing.assert_allclose(found[LAYOUT][:1], pooled, rtol=1e-4, atol=1e-5)
    assert found[FEATURE_MAP].shape[2:] == (5, 5)
    np.testing.assert_allclose(found[FEATURE_MAP].mean(axis=(2, 3)), found[FEATURES], rtol=1e-4, atol=1e-5)
    assert isinstance(network.head, torch.nn.Linear)
    weight, bias = (value.detach().numpy() for value in (network.head.weight, network.head.bias))
    activation = np.einsum("lf,nfyx->nlyx", weight, found[FEATURE_MAP])  # a class activation map
    np.testing.assert_allclose(activation.mean(axis=(2, 3)) + bias, found[LOGITS], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("architecture", "size", "side"),
    [
        (OTHERS[0], 160, 10),  # tokens of timm, one of which stands for no place
        pytest.param(LARGE[0], 96, 6, marks=pytest.mark.exhaustive),  # of torchvision
        pytest.param(LARGE[1], 96, 12, marks=pytest.mark.exhaustive),  # channels last
        (Architecture("timm", "vit_small_patch14_reg4_dinov2.lvd142m", {"dynamic_img_size": True, "depth": 1}), 112, 8),
    ],
    ids=lambda value: getattr(value, "arch", str(value)),
)
def test_the_layout_of_a_transformer_is_that_of_its_tokens(architecture: Architecture, size: int, side: int) -> None:
    """Its upper left changes with the picture's upper left, and most of all there."""
    network = observed(architecture, size)
    assert network.layout is not None
    assert network.layout.side == side
    assert "attn" not in network.layout.module.split(".")[:-1]
    plain = squares(1, size)
    other = plain.copy()
    other[:, :, : size // 4, : size // 4] = 1 - other[:, :, : size // 4, : size // 4]
    moved = np.abs(np.subtract(*(answers(TorchNetwork(network, "cpu"), one, LAYOUT)[LAYOUT] for one in (plain, other))))
    by_place = moved.mean(axis=(0, 1))
    assert by_place.argmax() == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_classifier(tmp_path)
    return tmp_path


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "classifier.safetensors", folder / "classifier.json"


def test_a_folder_from_before_is_told_what_to_do_and_then_answers(folder: Path) -> None:
    wanted = predict(load_classifier(*files(folder)), [noise(1), noise(2)])
    written = (folder / "classifier.onnx").read_bytes()
    (folder / "classifier.onnx").unlink()
    with pytest.raises(UserError, match=r"classifier\.onnx is missing, .*: run `fieldguide export onnx --model "):
        load_classifier(*files(folder))
    assert run_command("export", "onnx", "--model", str(folder), cwd=folder).returncode == 0
    assert (folder / "classifier.onnx").read_bytes() == written
    assert (predict(load_classifier(*files(folder)), [noise(1), noise(2)]) == wanted).all()


def test_a_network_of_other_weights_or_another_description_is_refused(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(9)
    body = build_body(RESNET)
    preprocessing = read_description(files(folder)[1]).preprocessing
    network = build_classifier(body, count_features(body, 32), 3)
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    write_files(network, RESNET, preprocessing, files(folder)[0])
    (folder / "classifier.safetensors").write_bytes(kept["classifier.safetensors"])
    with pytest.raises(UserError, match=r"classifier\.onnx was not made from classifier\.safetensors: run `fieldguide"):
        load_classifier(*files(folder))
    write_files(build_classifier(body, count_features(body, 32), 2), RESNET, preprocessing, files(folder)[0])
    (folder / "classifier.json").write_bytes(kept["classifier.json"])
    with pytest.raises(UserError, match=r"is not the network of classifier\.json, of 3 labels"):
        load_classifier(*files(folder))


@pytest.fixture
def without_gpu_known() -> Iterator[None]:
    gpu.has_gpu.cache_clear()
    yield
    gpu.has_gpu.cache_clear()


def test_a_gpu_is_looked_for_only_where_a_driver_is_loaded(
    without_gpu_known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def is_available() -> bool:
        asked.append("torch")
        return True

    monkeypatch.setattr("torch.cuda.is_available", is_available)
    monkeypatch.setattr(gpu, "DRIVERS", (tmp_path / "none",))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert not gpu.has_gpu() and not asked
    gpu.has_gpu.cache_clear()
    monkeypatch.setattr(gpu, "DRIVERS", (tmp_path / "none", tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not gpu.has_gpu() and not asked
    gpu.has_gpu.cache_clear()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert gpu.has_gpu() and asked


def test_where_a_gpu_computes_pytorch_answers_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU PyTorch computes on the processor here; all else is as it is there."""
    pictures = [noise(seed) for seed in range(70)]  # more than a batch
    wanted = predict(load_classifier(*files(folder)), pictures)
    monkeypatch.setattr("fieldguide.model.inference.has_gpu", lambda: True)
    monkeypatch.setattr("fieldguide.model.torch_classifier.TorchNetwork", partial(TorchNetwork, device="cpu"))
    (folder / "classifier.onnx").unlink()  # it needs the weights alone
    classifier = load_classifier(*files(folder))
    assert isinstance(classifier.network, TorchNetwork)
    np.testing.assert_allclose(predict(classifier, pictures), wanted, atol=1e-5)


def test_what_a_network_sees_of_a_picture_is_what_training_shows_it(folder: Path) -> None:
    preprocessing = load_classifier(*files(folder)).preprocessing
    square = to_input(noise(1, 90, 40), preprocessing)
    wanted = np.asarray(preprocessing.resize.square(noise(1, 90, 40), 32), np.float32) / np.float32(255)
    assert square.dtype == np.float32 and square.flags.c_contiguous
    assert (square == wanted.transpose(2, 0, 1)).all()


LIGHT = (
    *("fieldguide.stages.evaluate", "fieldguide.stages.screen", "fieldguide.stages.report"),
    *("fieldguide.prediction.answers", "fieldguide.prediction.predict_command", "fieldguide.prediction.screen_command"),
    *("fieldguide.prediction.serving", "fieldguide.release.gate.command", "fieldguide.retraining.label_checks"),
    *("fieldguide.reviewing.explain", "fieldguide.screening.label_probabilities", "fieldguide.model.features"),
)


def test_who_asks_a_network_imports_neither_pytorch_nor_what_only_training_needs(tmp_path: Path) -> None:
    code = f"import sys, {', '.join(LIGHT)}\nprint(*sys.modules)"
    done = run_python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "fieldguide.model.onnx_network" in loaded
    assert not {"torch", "torchvision", "timm", "fastai", "onnx", "great_expectations", "cleanlab"} & loaded
