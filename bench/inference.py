"""What an answer costs: ONNX Runtime as fieldguide asks it, against PyTorch: `python bench/inference.py`.

PyTorch as fieldguide asked it before: channels last, 64 pictures a batch, all cores on one call. Both begin with opened
pictures and end with logits.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from common import ROOT, Figure, cores, in_turn, ratio_of, report, seconds
from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture, Normalization
from fieldguide.model.description import Preprocessing
from fieldguide.model.inference import Classifier, predict_logits, to_input
from fieldguide.model.network import build_body, build_classifier, count_features
from fieldguide.model.older_files import write_classifier_onnx
from fieldguide.model.onnx_export import export_network
from fieldguide.model.onnx_network import OnnxNetwork
from fieldguide.model.torch_network import ObservedNetwork
from fieldguide.model.weights import save_weights

COMPARED = "pictures of 224 px a second by ONNX Runtime, one a call on one core, against PyTorch in batches of 64"
ARCHITECTURES = {"mobilenetv2_100": 2.0, "efficientnet_b0": 2.0, "resnet18": None}
SIZE, PICTURES, ROUNDS, STARTS = 224, 32, 5, 5
FIRST_ANSWER = 0.8  # seconds
LABELS = ["black", "grizzly", "teddy"]
PREPROCESSING = Preprocessing(150.0, 320, "squish", "zeros", SIZE, Normalization(IMAGENET_MEAN, IMAGENET_STD))


def measure() -> list[Figure]:
    """How many times as many pictures a second, for each network; and seconds until `fieldguide predict` answers."""
    chance = np.random.default_rng(0)
    pictures = [Image.fromarray(chance.integers(0, 256, (240, 320, 3), dtype=np.uint8)) for _ in range(PICTURES)]
    return [*(throughput(name, goal, pictures) for name, goal in ARCHITECTURES.items()), *first_answer(pictures[0])]


def network_of(name: str) -> ObservedNetwork:
    """A classifier with random weights."""
    torch.manual_seed(0)
    body = build_body(Architecture("timm", name, {}))
    head = build_classifier(body, count_features(body, SIZE), len(LABELS)).get_submodule("head")
    return ObservedNetwork(body, head, PREPROCESSING.normalization, SIZE)


def throughput(name: str, goal: float | None, pictures: list[Image.Image]) -> Figure:
    """Of one network."""
    network = network_of(name)
    asked = Classifier(OnnxNetwork(export_network(network)), LABELS, PREPROCESSING, 1.0)
    plain = torch.nn.Sequential(network.body, network.head).to(memory_format=torch.channels_last)
    torch.set_num_threads(cores())

    def by_torch() -> None:
        batch = torch.from_numpy(np.stack([to_input(picture, PREPROCESSING) for picture in pictures]))
        with torch.inference_mode():
            plain(((batch - network.mean) / network.std).to(memory_format=torch.channels_last))

    predict_logits(asked, pictures)
    by_torch()
    pairs = in_turn(lambda: seconds(lambda: predict_logits(asked, pictures)), lambda: seconds(by_torch), ROUNDS)
    ours, theirs = (PICTURES / statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        f"{name}, {cores()} cores", ratio_of(pairs), goal, detail=f"{ours:.0f} against {theirs:.0f} pictures/s"
    )


def first_answer(picture: Image.Image) -> list[Figure]:
    """Seconds that `fieldguide predict` takes for one picture, beside those of its parts."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        picture.save(folder / "picture.png")
        write_model(folder)
        commands = {
            "first answer of fieldguide predict": ["-m", "fieldguide.cli", "predict", "picture.png", "--model", "."],
            "import numpy, PIL, onnxruntime": ["-c", "import numpy, PIL.Image, onnxruntime"],
            "import torch, timm": ["-c", "import torch, timm"],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(STARTS):
            for name, command in commands.items():
                taken[name].append(seconds(lambda command=command: start(command, folder)))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    goals = {next(iter(commands)): FIRST_ANSWER}
    return [
        Figure(
            name,
            value,
            goals.get(name),
            at_most=True,
            unit="s",
            detail=f"median of {STARTS}, fastest {min(taken[name]):.2f}",
        )
        for name, value in medians.items()
    ]


def write_model(folder: Path) -> None:
    """A mobilenetv2_100 with random weights as the files of a classifier."""
    from fieldguide.base.files import write_json
    from fieldguide.model.description import describe_classifier

    network, weights = network_of("mobilenetv2_100"), folder / "classifier.safetensors"
    save_weights(build_classifier_of(network), weights)
    description = describe_classifier(Architecture("timm", "mobilenetv2_100", {}), LABELS, PREPROCESSING, 1.0)
    write_json(weights.with_suffix(".json"), description)
    write_classifier_onnx(weights, weights.with_suffix(".onnx"))


def build_classifier_of(network: ObservedNetwork) -> torch.nn.Module:
    """Its body and head under the names that the file of weights has."""
    whole = torch.nn.Module()
    whole.body, whole.head = network.body, network.head
    return whole


def start(command: list[str], folder: Path) -> None:
    """Run this Python with a command, and with the source of this checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    report(measure)
