"""ONNX files from strangers: what a plain network does not need is refused in one line, before anything runs it."""

import resource
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from fieldguide.base.errors import UserError
from fieldguide.model.onnx_check import MAX_FIELDS, check_onnx
from fieldguide.model.onnx_network import read_onnx

Edit = Callable[[onnx.ModelProto], object]


def network() -> onnx.ModelProto:
    """A small network of standard operators, with everything that a file of ours may have."""
    weight = numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "weight")
    nodes = [
        helper.make_node("Conv", ["pictures", "weight"], ["map"], "conv", kernel_shape=[1, 1], auto_pad="VALID"),
        helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.float32(2))),
        helper.make_node("Mul", ["map", "two"], ["twice"]),
        helper.make_node("ReduceMean", ["twice"], ["logits"], keepdims=0, axes=[2, 3]),
    ]
    inputs = [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, 32, 32])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4])]
    model = helper.make_model(
        helper.make_graph(nodes, "network", inputs, outputs, [weight]),
        opset_imports=[helper.make_opsetid("", 17)],
        producer_name="a test",
    )
    helper.set_model_props(model, {"labels": '["a"]'})
    return model


def elsewhere(tensor: TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def with_attribute(**attributes: object) -> Edit:
    return lambda model: model.graph.node.append(helper.make_node("Relu", ["map"], ["more"], **attributes))


def loop(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["x"], body=helper.make_graph([], "body", [], [])))


def function(model: onnx.ModelProto) -> None:
    inside = [helper.make_node("Relu", ["x"], ["y"])]
    model.functions.append(helper.make_function("", "Mine", ["x"], ["y"], inside, [helper.make_opsetid("", 17)]))


CASES: dict[str, tuple[Edit, str]] = {
    "external data": (lambda model: elsewhere(model.graph.initializer[0]), "weights in another file"),
    "external data of a constant": (
        lambda model: elsewhere(model.graph.node[1].attribute[0].t),
        "weights in another file",
    ),
    "an address without its place": (
        lambda model: model.graph.initializer[0].external_data.add(key="location", value="x"),
        "weights in another file",
    ),
    "operator of another domain": (
        lambda model: model.graph.node.append(helper.make_node("Gelu", ["map"], ["more"], domain="com.microsoft")),
        "operators beyond the standard ones (of 'com.microsoft')",
    ),
    "another set of operators": (
        lambda model: model.opset_import.append(helper.make_opsetid("\x1b[31m.evil", 1)),
        "operators beyond the standard ones",
    ),
    "a function": (function, "functions of its own"),
    "a loop": (loop, "loops or branches"),
    "branches": (with_attribute(branches=[helper.make_graph([], "a", [], [])]), "loops or branches"),
    "training": (lambda model: model.training_info.add(), "a training graph"),
    "sparse weights": (lambda model: model.graph.sparse_initializer.add(), "sparse weights"),
    "sequences": (
        lambda model: model.graph.input[0].type.sequence_type.elem_type.tensor_type.CopyFrom(
            onnx.TypeProto.Tensor(elem_type=1)
        ),
        "what a network does not need",
    ),
    "a reference to an attribute": (
        lambda model: setattr(model.graph.node[0].attribute[0], "ref_attr_name", "x"),
        "what a network does not need",
    ),
    "huge weights": (lambda model: model.graph.initializer[0].dims.append(10**9), "more weights than the file"),
    "weights below zero": (lambda model: model.graph.initializer[0].dims.append(-1), "more weights than the file"),
    "weights of many sides": (
        lambda model: model.graph.initializer[0].dims.extend([1] * 1000),
        "more weights than the file",
    ),
    "a huge constant": (
        lambda model: model.graph.node[1].attribute[0].t.dims.extend([2**40, 2**40]),
        "more weights than the file",
    ),
}


def bombs() -> dict[str, bytes]:
    """Small files of allowed operators alone that ask for hundreds of gigabytes, or give what they do not say."""

    def packed(nodes: list[onnx.NodeProto], *weights: TensorProto) -> bytes:
        model = network()
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        model.graph.initializer.extend(weights)
        return model.SerializeToString()

    def floats(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(np.ones(shape, np.float32), name)

    mean = helper.make_node("ReduceMean", ["pictures"], ["mean"], keepdims=0, axes=[1, 2, 3])
    size = numpy_helper.from_array(np.array([10**11]), "size")
    two, one = floats("two", 300_000, 1), floats("one", 1, 300_000)
    return {
        "a product without end": packed(
            [
                mean,
                helper.make_node("Mul", ["two", "mean"], ["more"]),
                helper.make_node("MatMul", ["more", "one"], ["logits"]),
            ],
            *(two, one),
        ),
        "a constant without end": packed(
            [
                mean,
                helper.make_node("ConstantOfShape", ["size"], ["more"]),
                helper.make_node("Mul", ["more", "mean"], ["logits"]),
            ],
            size,
        ),
        "another shape than it says": packed([helper.make_node("Flatten", ["pictures"], ["logits"])]),
        "no number": packed(
            [
                mean,
                helper.make_node("Sub", ["mean", "endless"], ["less"]),
                helper.make_node("Log", ["less"], ["logits"]),
            ],
            floats("endless", 1, 4),
        ),
    }


def refusal(content: bytes) -> str:
    with pytest.raises(UserError) as refused:
        check_onnx(content, "classifier.onnx")
    text = str(refused.value)
    assert text.startswith("classifier.onnx is not used: ")
    assert text.isprintable() and len(text) < 300
    return text


def test_a_plain_network_is_let_through() -> None:
    onnx.checker.check_model(network())
    check_onnx(network().SerializeToString(), "classifier.onnx")


@pytest.mark.parametrize("case", CASES)
def test_what_a_network_does_not_need_is_refused(case: str) -> None:
    edit, message = CASES[case]
    model = network()
    edit(model)
    assert message in refusal(model.SerializeToString())


@pytest.mark.parametrize("case", bombs())
def test_a_file_that_asks_for_too_much_is_refused_as_it_answers(case: str, tmp_path: Path) -> None:
    """The check lets it through; ONNX Runtime gets no memory for it."""
    file = tmp_path / "classifier.onnx"
    file.write_bytes(bombs()[case])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError) as refused:
        list(read_onnx(file).ask([np.zeros((3, 32, 32), np.float32)], ["logits"]))
    assert str(refused.value).isprintable() and str(refused.value).startswith(str(file))
    unit = 1 if sys.platform == "darwin" else 2**10
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 2 * 2**30


@pytest.mark.parametrize(
    "content",
    [b"PK\3\4" + bytes(200), b"\x80\x04\x95", b"{}", b"\xff" * 50, b"\x0b\x0b\x0c\x0c", b"\x38\x01", b"\x08\xff\xff"],
    ids=["zip", "pickle", "json", "endless number", "groups", "a graph that is a number", "cut number"],
)
def test_other_files_are_refused(content: bytes) -> None:
    refusal(content)


def test_a_file_of_onnx_runtimes_own_format_is_refused() -> None:
    """It is told by a mark behind its first four bytes, and is no ONNX."""
    refusal(struct.pack("<I", 16) + b"ORTM" + bytes(64))


def test_a_file_of_endlessly_many_parts_is_refused() -> None:
    empty_node = b"\x0a\x00"
    graph = empty_node * (MAX_FIELDS + 1)
    content = b"\x3a" + bytes([*(0x80 | len(graph) >> shift & 127 for shift in (0, 7, 14)), len(graph) >> 21]) + graph
    assert "parts" in refusal(content)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_no_bytes_are_more_than_refused(content: bytes) -> None:
    with suppress(UserError):
        check_onnx(content, "classifier.onnx")


@given(st.integers(0, 10_000), st.integers(0, 7))
@settings(max_examples=300)
def test_a_bit_that_flips_makes_no_stranger_of_a_network(place: int, bit: int) -> None:
    """What is let through holds, as ONNX reads it, no more than a plain network."""
    content = bytearray(network().SerializeToString())
    content[place % len(content)] ^= 1 << bit
    try:
        check_onnx(bytes(content), "classifier.onnx")
        model = onnx.load_model_from_string(bytes(content))
    except Exception:  # refused by either
        return
    assert not model.functions and not model.training_info and not model.graph.sparse_initializer
    assert {node.domain for node in model.graph.node} | {one.domain for one in model.opset_import} <= {"", "ai.onnx"}
    tensors = [*model.graph.initializer, *(each.t for node in model.graph.node for each in node.attribute)]
    assert not any(tensor.external_data or tensor.data_location for tensor in tensors)
    assert not any(each.HasField("g") or each.graphs for node in model.graph.node for each in node.attribute)


@pytest.mark.parametrize("end", range(1, 40))
def test_a_file_that_was_cut_off_is_refused_or_reads_as_less(end: int) -> None:
    content = network().SerializeToString()[:-end]
    try:
        check_onnx(content, "classifier.onnx")
    except UserError as error:
        assert "\n" not in str(error)
