"""Model files from strangers: each is refused in one line; none runs code, opens other files, or takes much memory."""

import json
import os
import pickle
import resource
import shutil
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from conftest import CHECKOUT
from fieldguide.base.errors import UserError
from fieldguide.model.torch_classifier import load_observed
from untrained import untrained_folder

pytestmark = pytest.mark.slow  # importing PyTorch and timm takes seconds

Edit = Callable[[dict[str, Any]], Any]


def changed(*keys: str, to: Any) -> Edit:
    """The description with one value replaced."""

    def edit(content: dict[str, Any]) -> dict[str, Any]:
        place = content
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to
        return content

    return edit


def arch(name: str, library: str = "timm", **options: Any) -> Edit:
    return changed("architecture", to={"library": library, "arch": name, "options": options})


DESCRIPTIONS: dict[str, tuple[Edit, str]] = {
    "hub": (arch("hf-hub:stranger/model"), "lists no such architecture"),
    "old hub": (arch("hf_hub:stranger/model"), "lists no such architecture"),
    "folder": (arch("local-dir:/tmp"), "lists no such architecture"),
    "path": (arch("/etc/passwd"), "lists no such architecture"),
    "tag that is a path": (arch("test_resnet.../../etc"), "lists no such architecture"),
    "torch hub": (arch("deeplabv3_resnet50", "torchvision"), "lists no such architecture"),
    "quantized": (arch("quantized_resnet18", "torchvision"), "lists no such architecture"),
    "library": (arch("test_resnet", "os"), "architecture.library"),
    "pretrained": (arch("test_resnet", pretrained=True), "pretrained is not allowed there"),
    "checkpoint": (arch("test_resnet", checkpoint_path="/etc/passwd"), "checkpoint_path is not allowed there"),
    "pretrained_cfg": (
        arch("test_resnet", pretrained_cfg={"file": "/etc/passwd"}),
        "pretrained_cfg is not allowed there",
    ),
    "overlay": (
        arch("test_resnet", pretrained_cfg_overlay={"file": "x"}),
        "pretrained_cfg_overlay is not allowed there",
    ),
    "weights": (arch("resnet18", "torchvision", weights="DEFAULT"), "weights is not allowed there"),
    "backbone": (arch("resnet18", "torchvision", weights_backbone="DEFAULT"), "weights_backbone is not allowed there"),
    "path in options": (arch("test_resnet", act_layer="/etc/passwd"), "expected numbers up to"),
    "huge channels": (arch("resnet10t", channels=[10**9] * 4), "expected numbers up to"),
    "large channels": (arch("resnet10t", channels=[60_000] * 4), "network that is larger than the weights"),
    "many layers": (arch("resnet10t", layers=[60_000] * 4), "network that is larger than the weights"),
    "large pictures": (
        arch("test_vit", img_size=60_000, patch_size=1, embed_dim=60_000),
        "network that is larger than the weights",
    ),
    "large torchvision": (arch("resnet18", "torchvision", width_per_group=60_000), "does not build"),
    "deep options": (arch("test_resnet", channels=[[[[[[1]]]]]]), "expected numbers up to"),
    "unknown option": (arch("test_resnet", wings=2), "does not build"),
    "another network": (arch("resnet10t"), "does not hold the weights of this network"),
    "options that are none": (changed("architecture", "options", to=[1]), "architecture.options"),
    "size": (changed("preprocessing", "size", to=10**9), "preprocessing.size"),
    "size that is text": (changed("preprocessing", "size", to="32"), "preprocessing.size"),
    "no size": (changed("preprocessing", "size", to=0), "preprocessing.size"),
    "side": (changed("preprocessing", "max_side", to=10**9), "preprocessing.max_side"),
    "megapixels": (changed("preprocessing", "max_megapixels", to=1e300), "preprocessing.max_megapixels"),
    "method": (changed("preprocessing", "method", to="stretch"), "preprocessing.method"),
    "padding": (changed("preprocessing", "pad_mode", to="x"), "preprocessing.pad_mode"),
    "mean": (changed("preprocessing", "normalization", "mean", to=[0, 0, float("nan")]), "normalization.mean"),
    "deviation": (changed("preprocessing", "normalization", "std", to=[1, 1, 0]), "normalization.std"),
    "channels": (changed("preprocessing", "normalization", "std", to=[1, 1]), "normalization.std"),
    "temperature": (changed("temperature", to=float("nan")), "temperature"),
    "endless temperature": (changed("temperature", to=float("inf")), "temperature"),
    "cold": (changed("temperature", to=0), "temperature"),
    "many labels": (changed("vocabulary", to=[str(number) for number in range(10**6)]), "vocabulary"),
    "too much": (changed("vocabulary", to=["x" * 20_000_000, "y"]), "larger than 16 MiB"),
    "one label more": (changed("vocabulary", to=["a", "b", "c", "d"]), "no head for 4 labels"),
    "numbers": (changed("vocabulary", to=[1, 2, 3]), "vocabulary.0"),
    "twice": (changed("vocabulary", to=["a", "b", "a"]), "a label is in it twice"),
    "no labels": (changed("vocabulary", to="abc"), "vocabulary"),
    "list": (lambda content: [content], "does not describe a classifier"),
    "nothing": (lambda _: {}, "does not describe a classifier"),
}


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def with_header(header: dict[str, Any]) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


WEIGHTS: dict[str, Callable[[bytes], bytes]] = {
    "pickle": lambda _: pickle.dumps(Hostile(Path("trace"))),
    "nothing": lambda _: b"",
    "cut off": lambda whole: whole[:-100],
    "cut off in the header": lambda whole: whole[:100],
    "header damaged": lambda whole: whole[:20] + b"\xff" + whole[21:],
    "header without end": lambda whole: struct.pack("<Q", 2**63) + whole[8:],
    "header of a gigabyte": lambda whole: struct.pack("<Q", 2**30) + whole[8:],
    "huge tensor": lambda _: with_header(
        {"head.weight": {"dtype": "F32", "shape": [3, 10**12], "data_offsets": [0, 12 * 10**12]}}
    ),
    "huge shape over few bytes": lambda _: (
        with_header({"head.weight": {"dtype": "F32", "shape": [3, 2**62], "data_offsets": [0, 12]}}) + bytes(12)
    ),
    "no tensors": lambda _: with_header({}),
    "not a number": lambda whole: whole[:-4] + struct.pack("<f", float("nan")),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_folder(tmp_path_factory)


@pytest.fixture
def files(whole: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A classifier's weights and description, which a test may damage."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return tmp_path / "classifier.safetensors", tmp_path / "classifier.json"


OPENED: list[str] = []  # what was opened, connected to, or started while `watched` was on
WATCHING = False
READABLE = tuple(
    str(Path(path).resolve())
    for path in (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), CHECKOUT)
)


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not WATCHING:
        return
    if event == "open" and isinstance(arguments[0], str | bytes):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if not path.startswith(READABLE):  # the libraries' own modules
            OPENED.append(path)
    elif event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.mkdir", "urllib.", "pickle.")):
        OPENED.append(event)


@pytest.fixture(scope="module")
def hooked() -> None:
    sys.addaudithook(watch)  # cannot be taken off again, only be silent


@pytest.fixture
def watched(hooked: None) -> Iterator[list[str]]:
    global WATCHING
    OPENED.clear()
    WATCHING = True
    yield OPENED
    WATCHING = False


def refusal(weights: Path, description: Path) -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError) as refused:
        load_observed(weights, description)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    unit = 1 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes on macOS, in KiB elsewhere
    assert grown * unit < 400 * 2**20
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600
    return str(refused.value)


def test_a_whole_model_opens_its_two_files_and_no_other(files: tuple[Path, Path], watched: list[str]) -> None:
    load_observed(*files)
    assert set(watched) <= {str(file.resolve()) for file in files}
    assert str(files[1].resolve()) in watched


@pytest.mark.parametrize("case", DESCRIPTIONS)
def test_a_hostile_description_is_refused(case: str, files: tuple[Path, Path], watched: list[str]) -> None:
    edit, message = DESCRIPTIONS[case]
    files[1].write_text(json.dumps(edit(json.loads(files[1].read_text()))))
    watched.clear()
    assert message in refusal(*files)
    assert set(watched) <= {str(file.resolve()) for file in files}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "\ufeff{}", "", "\x00" * 100])
def test_json_that_is_none_or_nested_without_end_is_refused(
    text: str, files: tuple[Path, Path], watched: list[str]
) -> None:
    files[1].write_text(text)
    assert "does not describe a classifier" in refusal(*files)


@pytest.mark.parametrize("case", WEIGHTS)
def test_hostile_weights_are_refused(
    case: str, files: tuple[Path, Path], watched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files[0].parent)
    files[0].write_bytes(WEIGHTS[case](files[0].read_bytes()))
    watched.clear()
    assert "classifier.safetensors" in refusal(*files)
    assert set(watched) <= {str(file.resolve()) for file in files}
    assert not Path("trace").exists()


def test_any_bit_that_flips_in_the_header_is_refused_or_changes_nothing(files: tuple[Path, Path]) -> None:
    whole = files[0].read_bytes()
    wanted = load_file(files[0])
    end = 8 + struct.unpack("<Q", whole[:8])[0]
    for position in range(0, end, 97):
        files[0].write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        try:
            found = load_observed(*files).state_dict()
        except UserError as error:
            assert "\n" not in str(error)
        else:
            assert all(torch.equal(found[name], value) for name, value in wanted.items() if name in found)


def test_tensors_of_another_shape_or_kind_are_refused(files: tuple[Path, Path]) -> None:
    state = load_file(files[0])
    for name, tensor, message in (
        ("head.weight", torch.zeros(3), "no head for 3 labels"),
        ("head.weight", torch.zeros(3, 7), "the body gives 96 features, the head takes 7"),
        ("more", torch.zeros(1), "does not hold the weights of this network"),
    ):
        save_file({**state, name: tensor}, files[0])
        assert message in refusal(*files)
