"""ONNX files from strangers: what a plain network does not need is refused in one line, before anything runs it."""

import resource
import struct
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import examples
from fieldguide.base.errors import UserError
from fieldguide.model import onnx_check
from fieldguide.model.onnx_check import check_onnx
from fieldguide.model.onnx_network import OnnxNetwork, read_onnx
from onnx_files import CASES, bombs, network


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


def test_loading_computes_no_large_constants() -> None:
    """They would take no part in the memory that is bounded."""
    model = network()
    size = onnx.numpy_helper.from_array(np.array([10**8, 1]), "size")
    model.graph.initializer.append(size)
    model.graph.node.append(onnx.helper.make_node("ConstantOfShape", ["size"], ["ones"]))
    model.graph.node.append(onnx.helper.make_node("Mul", ["ones", "logits"], ["more"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [10**8, 4]))
    before = psutil.Process().memory_info().rss
    loaded = OnnxNetwork(model.SerializeToString())
    assert psutil.Process().memory_info().rss - before < 100 * 2**20, loaded


def field(number: int, content: bytes) -> bytes:
    """A field of Protocol Buffers that holds a short message or a text."""
    return bytes([number << 3 | 2, len(content)]) + content


@pytest.mark.parametrize(
    "content",
    [
        field(7, b"") * 2,
        field(7, field(1, field(5, field(5, b"") * 2))),
        field(7, field(11, field(2, b"") * 2)),
        field(7, field(11, field(2, field(1, b"") * 2))),
        field(7, field(11, field(2, field(1, field(2, b"") * 2)))),
    ],
    ids=["graphs", "tensors of an attribute", "types", "tensor types", "shapes"],
)
def test_a_second_part_of_which_a_network_has_one_is_refused(content: bytes) -> None:
    """ONNX reads the two as one, of which each alone told less."""
    onnx.load_model_from_string(content)
    assert "twice" in refusal(content)


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


def test_a_file_of_endlessly_many_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert onnx_check.MAX_FIELDS <= 1_000_000
    monkeypatch.setattr(onnx_check, "MAX_FIELDS", 20_000)  # for speed
    empty_node = b"\x0a\x00"
    graph = empty_node * 20_001
    content = b"\x3a" + bytes([*(0x80 | len(graph) >> shift & 127 for shift in (0, 7, 14)), len(graph) >> 21]) + graph
    assert "parts" in refusal(content)


@given(st.binary(max_size=300))
@settings(max_examples=examples(300))
def test_no_bytes_are_more_than_refused(content: bytes) -> None:
    with suppress(UserError):
        check_onnx(content, "classifier.onnx")


@given(st.integers(0, 10_000), st.integers(0, 7))
@settings(max_examples=examples(300))
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
