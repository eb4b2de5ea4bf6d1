"""ONNX files for tests: a small network, and how a stranger would change it."""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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
        ir_version=10,  # ONNX Runtime refuses the newest, which is the default
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
    fitting = numpy_helper.from_array(np.array([1_200_000_000]), "size")  # in memory, but not in MAX_MEMORY
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
        "a constant that loading would compute": packed(
            [
                mean,
                helper.make_node("ConstantOfShape", ["size"], ["more"]),
                helper.make_node("Mul", ["more", "mean"], ["logits"]),
            ],
            fitting,
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
