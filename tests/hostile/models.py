"""Model files that lie: each is refused in one line, by `fieldguide predict` too, without much memory."""

import copy
import json
import resource
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import onnx

from conftest import noise, put, run_command
from hostile.case import Result, tell
from onnx_files import CASES, bombs
from stages.test_hostile_models import DESCRIPTIONS, WEIGHTS
from untrained import save_classifier

GROWTH = 600 * 2**20  # bytes by which the process may grow over one of them
NESTED = "[" * 5000 + "]" * 5000


@dataclass(frozen=True)
class ModelCase:
    """The files of a classifier; None where the whole one stays. `right` is whether it loads.

    Where `weights` are given, PyTorch is asked, as for an export; else `fieldguide predict`, which takes the ONNX file.
    """

    name: str
    description: bytes | None = None
    weights: bytes | None = None
    onnx: bytes | None = None
    right: bool | None = False  # None: it may


def descriptions(whole: dict[str, Any]) -> Iterator[ModelCase]:
    """Every value replaced by others, and JSON that is none."""
    for name, (edit, _) in DESCRIPTIONS.items():
        changed = edit(copy.deepcopy(whole))
        # An ONNX file is asked whatever the architecture's name; a library or options that are none are refused.
        is_plain = isinstance(changed, dict) and {**changed, "architecture": 0} == {**whole, "architecture": 0}
        plain_name = is_plain and name not in ("library", "options that are none")
        yield ModelCase(f"edit: {name}", json.dumps(changed).encode(), right=plain_name)
    fields = [
        *(("architecture", name) for name in ("library", "arch", "options")),
        *(("preprocessing", name) for name in ("max_megapixels", "max_side", "method", "pad_mode", "size")),
        *(("preprocessing", "normalization", name) for name in ("mean", "std")),
        *(("vocabulary",), ("temperature",), ("architecture",), ("preprocessing",)),
    ]
    values: dict[str, Any] = {
        "nothing": None,
        "true": True,
        "below zero": -1,
        "a large number": 10**40,
        "a text": "\x1b[31m",
        "a list": [[], {}],
        "a mapping": {"__class__": "os.system"},
        "no number": float("nan"),
        "infinity": float("inf"),
    }
    for field in fields:
        for name, value in values.items():
            told = json.dumps(_with(whole, field, value)).encode()
            # A text and a mapping are as good as any for the architecture, which an ONNX file does not need.
            right = None if field[0] == "architecture" else False
            yield ModelCase(f"description: {'.'.join(field)} is {name}", told, right=right)
        yield ModelCase(f"description: {'.'.join(field)} is missing", json.dumps(_without(whole, field)).encode())
    text = json.dumps(whole)
    for name, content in {
        "empty": "",
        "cut": text[:-1],
        "twice": text * 2,
        "nested": NESTED,
        "a nested value": text.replace("{}", NESTED, 1),
        "a number of 10,000 digits": text.replace(str(whole["preprocessing"]["size"]), "3" * 10_000, 1),
        "a comment": f"// a\n{text}",
        "one quote": text.replace('"', "'"),
        "a byte order mark": f"\ufeff{text}",
        "zeros": "\0" * 500,
        "a text": '"text"',
    }.items():
        yield ModelCase(f"description: {name}", content.encode())
    yield ModelCase("description: UTF-16", text.encode("utf-16"))
    yield ModelCase("description: no UTF-8", text.encode().replace(b"black", b"bl\xffck"))
    yield ModelCase("description: half a surrogate", text.replace("black", "\\ud800").encode())
    yield ModelCase("description: more keys", json.dumps({**whole, "more": NESTED}).encode(), right=True)
    yield ModelCase("description: a key twice", text.replace("{", '{"temperature": "x", ', 1).encode(), right=True)
    yield ModelCase("description: as it is", text.encode(), right=True)


def weights(whole: bytes) -> Iterator[ModelCase]:
    """The header of a safetensors file and what it says of the rest."""
    for name, change in WEIGHTS.items():
        yield ModelCase(f"file: {name}", weights=change(whole))
    end = 8 + struct.unpack("<Q", whole[:8])[0]
    header, rest = json.loads(whole[8:end]), whole[end:]
    head = "head.weight"
    lies: dict[str, Any] = {
        "another dtype": {"dtype": "F64"},
        "no dtype": {"dtype": None},
        "an unknown dtype": {"dtype": "F7"},
        "text": {"dtype": "<script>"},
        "a shape of floats": {"shape": [3.5, 96]},
        "a shape below zero": {"shape": [-3, -96]},
        "a flat shape": {"shape": [288]},
        "a shape of 2**63": {"shape": [2**63, 2]},
        "a shape that overflows": {"shape": [2**33, 2**33]},
        "no shape": {"shape": []},
        "a deep shape": {"shape": [1] * 5000 + [3, 96]},
        "turned": {"shape": [96, 3]},
        "no offsets": {"data_offsets": []},
        "offsets below zero": {"data_offsets": [-1152, 0]},
        "offsets beyond": {"data_offsets": [10**12, 10**12 + 1152]},
        "offsets backwards": {"data_offsets": [1152, 0]},
        "offsets of another": {"data_offsets": [4, 1156]},
    }
    for name, lie in lies.items():
        yield ModelCase(f"weights: {name}", weights=_packed({**header, head: {**header[head], **lie}}, rest))
    headers: dict[str, Any] = {
        "an extra tensor": {**header, "extra": {"dtype": "F32", "shape": [0], "data_offsets": [len(rest), len(rest)]}},
        "two tensors in one place": {**header, "extra": header[head]},
        "a tensor missing": {name: value for name, value in header.items() if name != head},
        "a list": [header],
        "a text": "header",
        "nothing": None,
        "tensors that are lists": {name: [] for name in header},
        "metadata that is a list": {**header, "__metadata__": [1]},
        "metadata of numbers": {**header, "__metadata__": {"a": 1}},
        "other names": {f"x.{name}": value for name, value in header.items()},
        "100,000 tensors": {
            str(number): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(100_000)
        },
    }
    for name, changed in headers.items():
        yield ModelCase(f"weights: {name}", weights=_packed(changed, rest))
    yield ModelCase("weights: more behind", weights=whole + b"tail")
    yield ModelCase("weights: a nested header", weights=struct.pack("<Q", len(NESTED)) + NESTED.encode())
    yield ModelCase("weights: a header of spaces", weights=struct.pack("<Q", 99) + b" " * 99)
    yield ModelCase("weights: no UTF-8", weights=struct.pack("<Q", 99) + b"\xff" * 99)
    yield ModelCase("weights: zip", weights=b"PK\3\4" + bytes(200))
    yield ModelCase("weights: infinity", weights=whole[:-4] + struct.pack("<f", float("inf")))
    yield ModelCase(
        "weights: with metadata", weights=_packed({"__metadata__": {"a": "\x1b[31m"}, **header}, rest), right=True
    )
    yield ModelCase("weights: as they are", weights=whole, right=True)


def networks(whole: bytes) -> Iterator[ModelCase]:
    """ONNX files that hold more than a network, ask for too much, or are none."""
    for name, (edit, _) in CASES.items():
        model = onnx.load_model_from_string(whole)
        with suppress(IndexError):  # of networks without such a part
            edit(model)
            yield ModelCase(f"onnx: {name}", onnx=model.SerializeToString())
    for name, content in bombs().items():
        yield ModelCase(f"onnx: {name}", onnx=content)
    for share in (0, 0.1, 0.5, 0.999):
        yield ModelCase(f"onnx: cut after {share:.1%}", onnx=whole[: int(share * len(whole))])
    for place in range(0, len(whole), len(whole) // 40):
        damaged = whole[:place] + b"\xff" * 4 + whole[place + 4 :]
        yield ModelCase(f"onnx: damaged at {place}", onnx=damaged, right=None)
    yield ModelCase("onnx: as it is", onnx=whole, right=True)


def _packed(header: Any, rest: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


def _with(whole: dict[str, Any], field: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(whole)
    place = changed
    for key in field[:-1]:
        place = place[key]
    place[field[-1]] = value
    return changed


def _without(whole: dict[str, Any], field: tuple[str, ...]) -> dict[str, Any]:
    changed = _with(whole, field, None)
    place = changed
    for key in field[:-1]:
        place = place[key]
    del place[field[-1]]
    return changed


def run(folder: Path) -> Result:
    """Ask each model about a picture."""
    model, picture = folder / "models", put(folder / "picture.png", noise(1))
    save_classifier(model)
    description, safetensors = model / "classifier.json", model / "classifier.safetensors"
    network = model / "classifier.onnx"
    whole = json.loads(description.read_text(encoding="utf-8")), safetensors.read_bytes(), network.read_bytes()
    cases = [*descriptions(whole[0]), *weights(whole[1]), *networks(whole[2])]
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), "two cases have one name"
    ask = partial(run_command, "predict", str(picture), "--model", str(model), "--format", "csv", cwd=folder)
    export = partial(run_command, "export", "onnx", "--model", str(model), "--out", str(folder / "x.onnx"), cwd=folder)
    ask()
    export()
    wrong: list[str] = []
    most = (0, "")
    for case in cases:
        description.write_bytes(json.dumps(whole[0]).encode() if case.description is None else case.description)
        safetensors.write_bytes(whole[1] if case.weights is None else case.weights)
        network.write_bytes(whole[2] if case.onnx is None else case.onnx)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            done = ask() if case.weights is None else export()
        except Exception as error:
            tell(wrong, f"{case.name}: {type(error).__name__}: {error}"[:300])
            continue
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        most = max(most, (grown, case.name))
        said = done.stderr.rstrip("\n")
        if case.right is not None and (done.returncode == 0) != case.right:
            tell(wrong, f"{case.name}: exit code {done.returncode} {said[:200]}")
        elif done.returncode and (not said.startswith("fieldguide: ") or not said.isprintable() or len(said) > 900):
            tell(wrong, f"{case.name}: {said[:300]!r}")
        elif grown > GROWTH:
            tell(wrong, f"{case.name}: {grown / 1e6:.0f} MB of memory")
    assert list(folder.glob("trace")) == []  # what a pickle would have made
    return Result("models", len(cases), wrong, f"{most[0] / 1e6:.0f} MB ({most[1]})")
