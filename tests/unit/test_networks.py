"""The networks of conf/model/ build, take pictures of the size that their file names, and keep their normalization."""

import re
from pathlib import Path

import pytest
import torch

from conftest import run_python
from fieldguide.base.config import ModelConfig
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.model.architecture import Architecture
from fieldguide.model.network import build_body, count_features, normalization_of
from fieldguide.model.weights import random_body
from source_graph import ROOT

CONF = ROOT / "conf" / "model"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
IMAGENET, HALVES = (0.485, 0.456, 0.406), (0.5, 0.5, 0.5)
OTHER_MEANS = {"clip_base": (0.48145466, 0.4578275, 0.40821073), "siglip_base": HALVES, "vit_small": HALVES}


def chosen(name: str) -> ModelConfig:
    return compose(Paths(ROOT), [f"model={name}"]).model


def architecture_of(name: str) -> Architecture:
    model = chosen(name)
    return Architecture(model.library, model.arch, model.options)


def recommended_size(path: Path) -> int:
    found = re.search(r"`train\.size: (\d+)`", path.read_text(encoding="utf-8"))
    return int(found[1]) if found else 224


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_a_network_takes_pictures_of_the_size_that_its_file_recommends(name: str) -> None:
    """On PyTorch's meta device: shapes are computed, numbers are not, so that large networks cost nothing."""
    architecture = architecture_of(name)
    size = recommended_size(CONF / f"{name}.yaml")
    with torch.device("meta"):
        body = build_body(architecture)
        widths = {count_features(body, size) for size in (size, size // 2)}
    assert len(widths) == 1
    assert widths.pop() >= 256
    assert normalization_of(architecture, body).mean == OTHER_MEANS.get(name, IMAGENET)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv4_small", "dinov2_small"])
def test_a_network_with_random_weights_gives_features(name: str) -> None:
    body = random_body(architecture_of(name), seed=0).eval()
    with torch.inference_mode():
        features = body(torch.rand(2, 3, 112, 112))
    assert features.shape[0] == 2
    assert features.isfinite().all()
    assert features.std() > 0


WITHOUT_COMPILER = """
import sys
from pathlib import Path
import torch
from PIL import Image
from fieldguide.model.architecture import Architecture
from fieldguide.model.network import build_body, build_bounded
from fieldguide.screening.out_of_fold import out_of_fold_from_pictures
NETWORKS = (("timm", "test_resnet"), ("timm", "test_vit"), ("torchvision", "resnet18"))
for library, arch in NETWORKS:
    build_body(Architecture(library, arch, {}))
import fieldguide.training.train_classifier  # and with it fastai
assert not {"torch._dynamo", "sympy", "triton"} & set(sys.modules)
for library, arch in NETWORKS:
    build_bounded(Architecture(library, arch, {}), 10**8)
files = [Path(f"{number}.png") for number in range(12)]
for number, file in enumerate(files):
    Image.new("RGB", (64, 64), (20 * number, 0, 0)).save(file)
out_of_fold_from_pictures(files, ["a", "b"] * 6, list("abcdefghijkl"), 0)  # trains
assert not {"torch._dynamo", "triton"} & set(sys.modules)
"""
WITH_COMPILER = """
import torch
from fieldguide.model.architecture import Architecture
from fieldguide.model.network import build_body
for library, arch in (("timm", "test_vit"), ("torchvision", "resnet18")):  # imports them without the compiler
    build_body(Architecture(library, arch, {}))
from timm.models.naflexvit import NaFlexRopeIterator  # marks methods
from torchvision.ops import roi_align  # asks the question
assert roi_align(torch.ones(1, 1, 9, 9), torch.tensor([[0.0, 0, 0, 5, 5]]), (2, 2)).eq(1).all()
assert torch.compiler.disable(len)("four") == 4
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)) == 2
"""


@pytest.mark.slow
def test_building_and_training_networks_does_without_the_compiler(tmp_path: Path) -> None:
    """It is most of what importing timm and torchvision takes; training imports neither, by fastai, any other way."""
    done = run_python("-W", "ignore", "-c", WITHOUT_COMPILER, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.exhaustive
def test_the_compiler_can_still_be_used(tmp_path: Path) -> None:
    done = run_python("-W", "ignore", "-c", WITH_COMPILER, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
