"""Classifiers with random weights, for tests that need one and not its training."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fieldguide.base.files import write_json
from fieldguide.data.resizing.pad import PadMode
from fieldguide.model.architecture import Architecture, Normalization
from fieldguide.model.description import Preprocessing, describe_classifier
from fieldguide.model.network import build_body, build_classifier, count_features
from fieldguide.model.onnx_export import export_network, facts_of, with_probabilities, write_onnx
from fieldguide.model.torch_network import ObservedNetwork
from fieldguide.model.weights import save_weights

LABELS = ["black", "grizzly", "teddy"]
NORMALIZATION = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TEMPERATURE = 4.0
RESNET = Architecture("timm", "test_resnet", {})


def untrained_folder(temporary: pytest.TempPathFactory) -> Path:
    """A folder with such a classifier, for fixtures of a module."""
    folder = temporary.mktemp("model")
    save_classifier(folder)
    return folder


def save_classifier(
    folder: Path,
    architecture: Architecture = RESNET,
    method: str = "squish",
    pad_mode: PadMode = "zeros",
    size: int = 32,
    preprocessing: Preprocessing | None = None,
) -> torch.nn.Module:
    """A classifier with random weights that tells pictures apart, in the files that training writes."""
    torch.manual_seed(3)
    body = build_body(architecture)
    network = build_classifier(body, count_features(body, size), len(LABELS))
    coarse = torch.nn.functional.interpolate(torch.randn(64, 3, 6, 6), size=(size, size), mode="bilinear")
    with torch.no_grad():
        for module in body.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # take the statistics of what follows as they are
        network.train()(coarse)
        logits = network.eval()(coarse)
        head = network.get_submodule("head")
        assert isinstance(head, torch.nn.Linear)
        head.weight.div_(logits.std(dim=0, keepdim=True).T)
        head.bias.sub_(network(coarse).mean(dim=0))
    preprocessing = preprocessing or Preprocessing(150.0, 320, method, pad_mode, size, NORMALIZATION)
    write_files(network, architecture, preprocessing, folder / "classifier.safetensors")
    return network


def write_files(
    network: torch.nn.Module,
    architecture: Architecture,
    preprocessing: Preprocessing,
    weights: Path,
    temperature: float = TEMPERATURE,
    labels: list[str] = LABELS,
    **record: Any,
) -> None:
    """The files that training writes, of a body and a head."""
    body, head = network.get_submodule("body"), network.get_submodule("head")
    save_weights(network, weights)
    exported = export_network(ObservedNetwork(body, head, preprocessing.normalization, preprocessing.size))
    calibrated = with_probabilities(exported, temperature)
    write_onnx(calibrated, weights.with_suffix(".onnx"), weights, facts_of(labels, preprocessing))
    description = describe_classifier(architecture, labels, preprocessing, temperature)
    write_json(weights.with_suffix(".json"), {**description, **record})
