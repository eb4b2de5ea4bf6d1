"""Classifiers with random weights, for tests that need one and not its training."""

from pathlib import Path

import pytest
import torch

from fieldguide.base.files import write_json
from fieldguide.data.resizing.pad import PadMode
from fieldguide.model.description import Preprocessing, describe_classifier
from fieldguide.model.network import Architecture, Normalization, build_body, build_classifier, count_features
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
    """A classifier with random weights that tells pictures apart, in the two files that training writes."""
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
    save_weights(network, folder / "classifier.safetensors")
    write_json(folder / "classifier.json", describe_classifier(architecture, LABELS, preprocessing, TEMPERATURE))
    return network
