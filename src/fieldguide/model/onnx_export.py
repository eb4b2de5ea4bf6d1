"""A network as an ONNX file: the same network gives the same bytes, on whatever path of whatever machine."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.files import replace_file, sha256_of_file
from fieldguide.base.silence import without_warnings
from fieldguide.model.asking import LOGITS
from fieldguide.model.description import Preprocessing
from fieldguide.model.libraries import without_compiler
from fieldguide.model.network import one_thread
from fieldguide.model.onnx_network import INPUT, WEIGHTS, OnnxNetwork
from fieldguide.model.torch_network import ObservedNetwork

OPSET = 18
PROBABILITIES = "probabilities"
MAX_DIFFERENCE = 1e-4  # of the answers, where they are about 1
MOST_ROUNDING = 10  # times what float32 itself rounds away


def export_network(network: ObservedNetwork) -> bytes:
    """The network as ONNX: float32 `pictures` (n, 3, size, size) in, its outputs out.

    Raises UserError if it cannot be exported, or if ONNX Runtime's answers differ from PyTorch's: by more than 1e-4 of
    the largest, and by more than ten times what float32 rounds away in PyTorch's own.
    """
    content, names, size = io.BytesIO(), network.names, network.size
    messages = io.StringIO()  # where it fails, the exporter prints the whole graph
    try:
        with (
            one_thread(),
            without_warnings(),
            without_compiler(),
            redirect_stdout(messages),
            _constant_embeddings(network),
            _without_fast_path(),
        ):
            torch.onnx.export(
                network,
                (torch.zeros(2, 3, size, size),),  # of one picture alone the exporter would make a constant
                content,  # type: ignore[arg-type]  # whose annotation leaves files in memory out
                input_names=[INPUT],
                output_names=names,
                dynamic_axes={name: {0: "n"} for name in (INPUT, *names)},
                opset_version=OPSET,
                dynamo=False,  # the other exporter takes ten times as long
            )
    except Exception as error:  # the exporter raises many kinds for one fact
        raise UserError(
            f"model: arch: PyTorch cannot export this network to ONNX ({first_line(error)}): choose another"
        ) from None
    exported = _plain(content.getvalue(), network)
    differ = difference(exported, network)
    if not differ <= MAX_DIFFERENCE and not differ <= MOST_ROUNDING * _rounding(network):
        raise UserError(f"model: arch: as ONNX this network answers otherwise (by {differ:.1e}): choose another")
    return exported


def difference(content: bytes, network: ObservedNetwork) -> float:
    """The largest difference between ONNX Runtime and PyTorch in the first output for noise; relative where large."""
    pictures = _noise(network.size)
    asked = OnnxNetwork(content).ask(list(pictures.numpy()), network.names[:1])
    found: NDArray[np.float32] = np.stack([answers[0] for answers in asked])
    with one_thread(), torch.inference_mode():
        return _largest(torch.from_numpy(found), network(pictures)[0])


def _rounding(network: ObservedNetwork) -> float:
    """The same between PyTorch's own answers in float32 and in float64: large for some networks of random weights."""
    pictures = _noise(network.size)
    with torch.inference_mode():
        found = network(pictures)[0]
    with torch.no_grad():
        wanted = network.double()(pictures.double())[0].float()
    network.float()
    return _largest(found, wanted)


def _noise(size: int) -> torch.Tensor:
    coarse = torch.from_numpy(np.random.default_rng(0).random((3, 3, 8, 8), dtype=np.float32))
    return functional.interpolate(coarse, size=(size, size), mode="bilinear")


def _largest(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).abs().max()) / max(1.0, float(wanted.abs().max()))


def write_onnx(content: bytes, path: Path, weights: Path, facts: Mapping[str, str]) -> None:
    """Write what `export_network` gave, atomically, with what the file says of itself.

    That is `facts` and the sha256 of the file `weights`, which the network was made from.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(model, {**facts, WEIGHTS: sha256_of_file(weights)})
    with replace_file(path) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))


def with_probabilities(content: bytes, temperature: float) -> bytes:
    """A classifier's network with one more output, `probabilities` (n, labels): its calibrated answers."""
    import onnx

    model = onnx.load_model_from_string(content)
    graph, logits = model.graph, next(one for one in model.graph.output if one.name == LOGITS)
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(temperature, np.float32), "temperature"))
    graph.node.append(onnx.helper.make_node("Div", [LOGITS, "temperature"], ["calibrated_logits"], "calibrate"))
    graph.node.append(onnx.helper.make_node("Softmax", ["calibrated_logits"], [PROBABILITIES], "softmax", axis=1))
    output = onnx.ValueInfoProto()
    output.CopyFrom(logits)
    output.name = PROBABILITIES
    graph.output.append(output)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def facts_of(vocabulary: Sequence[str], preprocessing: Preprocessing) -> dict[str, str]:
    """What a program must know to use a classifier's file, as ONNX's metadata: values that are not text are JSON."""
    facts = {key: value for key, value in preprocessing.as_dict().items() if key != "normalization"}
    return {
        "labels": json.dumps(list(vocabulary), ensure_ascii=False),
        **{key: value if isinstance(value, str) else json.dumps(value) for key, value in facts.items()},
    }


@contextmanager
def _constant_embeddings(network: ObservedNetwork) -> Iterator[None]:
    """Within it whatever is interpolated, and does not depend on the picture, is a constant.

    Transformers fit their embedding of positions to the size of the picture by a way of interpolating that ONNX does
    not know; for pictures of one size it is always the same.
    """
    interpolate, made = functional.interpolate, list[torch.Tensor | None]()
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]

    def record(*arguments: Any, **options: Any) -> torch.Tensor:
        value: torch.Tensor = interpolate(*arguments, **options)
        made.append(None if value.requires_grad else value.detach().clone())
        return value

    def repeat(*arguments: Any, **options: Any) -> torch.Tensor:
        known = next(constants)
        return interpolate(*arguments, **options) if known is None else known

    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        functional.interpolate = record
        network(torch.zeros(1, 3, network.size, network.size, requires_grad=True))
        constants = iter(made)
        functional.interpolate = repeat
        yield
    finally:
        functional.interpolate = interpolate
        for parameter in learning:
            parameter.requires_grad_(True)


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Within it torch's attention consists of plain operations, as ONNX knows them."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _plain(content: bytes, network: ObservedNetwork) -> bytes:
    """What was exported, with the shapes of its outputs, and without notes on source files: paths of this machine."""
    import onnx

    model = onnx.load_model_from_string(content)
    for output in model.graph.output:
        shape = ("n", *network.shapes[output.name])
        output.CopyFrom(onnx.helper.make_tensor_value_info(output.name, onnx.TensorProto.FLOAT, shape))
    for graph in [model.graph, *model.functions]:
        for part in [graph, *graph.node, *graph.value_info]:
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        value.ClearField("metadata_props")
        value.ClearField("doc_string")
    return bytes(model.SerializeToString(deterministic=True))
