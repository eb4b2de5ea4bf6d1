"""A network that ONNX Runtime computes: one square a call, on one core, several calls at a time.

So an answer depends neither on the other pictures of a batch nor on the number of cores.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.parallel import map_threads, usable_cores
from fieldguide.model.asking import Answers, Square
from fieldguide.model.onnx_check import check_onnx

INPUT = "pictures"
WEIGHTS = "weights_sha256"  # in the file's metadata: the weights that it was made from
QUIET = 3  # errors alone


class OnnxNetwork:
    """A `Network` of an ONNX file's bytes, as `fieldguide.model.onnx_export` makes them.

    `facts` is what the file says of itself. Raises UserError, with `name`, if ONNX Runtime cannot read the bytes or
    they are not such a network.
    """

    def __init__(self, content: bytes, name: str = "the network", threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        self.threads = threads or usable_cores()
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises many kinds for one fact
            raise UserError(f"{name} is not a network that ONNX Runtime can load ({first_line(error)})") from None
        self.facts: Mapping[str, str] = self.session.get_modelmeta().custom_metadata_map
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        shape = inputs[0].shape if [one.name for one in inputs] == [INPUT] else []
        if len(shape) != 4 or shape[1] != 3 or not isinstance(shape[2], int) or shape[2] != shape[3]:
            raise UserError(f"{name} does not take pictures: run `fieldguide export onnx` to write it anew")
        self.size: int = shape[2]
        self.shapes = {one.name: tuple(one.shape[1:]) for one in outputs}

    def ask(self, squares: Iterable[Square], outputs: Sequence[str]) -> Iterator[Answers]:
        """See `Network`."""

        def run(square: Square) -> Answers:
            answers: list[NDArray[np.float32]] = self.session.run(list(outputs), {INPUT: square[None]})
            return tuple(answer[0] for answer in answers)

        return map_threads(run, squares, self.threads)

    def shape_of(self, output: str) -> tuple[int, ...] | None:
        """See `Network`."""
        return self.shapes.get(output)


def read_onnx(path: Path, threads: int | None = None) -> OnnxNetwork:
    """The network in an ONNX file. Raises UserError if it is missing, no such network, or more than that."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    check_onnx(content, str(path))
    return OnnxNetwork(content, str(path), threads)
