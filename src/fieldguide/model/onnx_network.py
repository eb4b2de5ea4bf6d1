"""A network that ONNX Runtime computes: one square a call, on one core, several calls at a time.

So an answer depends neither on the other pictures of a batch nor on the number of cores. Whatever a file asks for, all
networks together take no more than a few gigabytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.errors import UserError, beginning, first_line
from fieldguide.base.files import sha256_of_file
from fieldguide.base.parallel import map_threads
from fieldguide.base.process import quiet_environment
from fieldguide.model.asking import Answers, Square
from fieldguide.model.onnx_check import MAX_FILE_SIZE, check_onnx

INPUT = "pictures"
PRECISION = "precision"  # in the metadata: of the numbers, where they are not float32
WEIGHTS = "weights_sha256"  # in the file's metadata: the weights that it was made from
SILENT = 4  # what is an error for ONNX Runtime is told as a UserError
MAX_MEMORY = 4 * 2**30  # bytes
MAX_CONSTANT = 64 * 2**20  # bytes of what loading computes ahead, which MAX_MEMORY does not bound
NUMBERS = "tensor(float)"
FOLDED = "optimization.constant_folding_max_output_size_in_bytes"


class OnnxNetwork:
    """A `Network` of an ONNX file's bytes, as `fieldguide.model.onnx_export` makes them.

    `facts` is what the file says of itself. Raises UserError, with `name`, if ONNX Runtime cannot read the bytes or
    they are not such a network; `ask` does if it cannot answer.
    """

    def __init__(self, content: bytes, name: str = "the network", threads: int | None = None) -> None:
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = SILENT
        options.add_session_config_entry("session.load_model_format", "ONNX")
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry(FOLDED, str(MAX_CONSTANT))
        _bound_memory()
        self.threads = threads  # None: as many as there are cores for whoever asks
        try:
            self.session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            self.facts: Mapping[str, str] = self.session.get_modelmeta().custom_metadata_map
            inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
            kinds = {one.type for one in (*inputs, *outputs)}
            shape = inputs[0].shape if [one.name for one in inputs] == [INPUT] else []
            self.shapes = {one.name: tuple(one.shape[1:]) for one in outputs}
        except Exception as error:  # ONNX Runtime raises many kinds for one fact
            raise UserError(f"{name} is not a network that ONNX Runtime can load ({_reason(error)})") from None
        is_square = len(shape) == 4 and shape[1] == 3 and isinstance(shape[2], int) and shape[2] == shape[3]
        if not is_square or kinds != {NUMBERS}:
            raise UserError(f"{name} does not take pictures: run `fieldguide export onnx` to write it anew")
        self.name, self.size = name, int(shape[2])

    def ask(self, squares: Iterable[Square], outputs: Sequence[str]) -> Iterator[Answers]:
        """See `Network`."""

        def run(square: Square) -> Answers:
            try:
                answers: list[NDArray[np.float32]] = self.session.run(list(outputs), {INPUT: square[None]})
            except Exception as error:
                raise UserError(f"{self.name} cannot answer for a picture ({_reason(error)})") from None
            for output, answer in zip(outputs, answers, strict=True):
                is_as_said = answer.shape[:1] == (1,) and _fits(answer.shape[1:], self.shapes[output])
                if not is_as_said or not np.isfinite(answer).all():
                    raise UserError(f"{self.name} gives {output} that are not finite, or of another shape than it says")
            return tuple(answer[0] for answer in answers)

        return map_threads(run, squares, self.threads)

    def shape_of(self, output: str) -> tuple[int, ...] | None:
        """See `Network`."""
        return self.shapes.get(output)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process gets the path of its file, and reads it once."""
        return _read_once, (Path(self.name).absolute(), self.sha256)

    @cached_property
    def sha256(self) -> str:
        """The sha256 of its file, whose path is its name."""
        return sha256_of_file(Path(self.name))


def read_onnx(path: Path, threads: int | None = None) -> OnnxNetwork:
    """The network in an ONNX file. Raises UserError if it is missing, no such network, or more than that."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_SIZE + 1)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    check_onnx(content, str(path))
    return OnnxNetwork(content, str(path), threads)


@lru_cache(maxsize=4)
def _read_once(path: Path, sha256: str) -> OnnxNetwork:
    if sha256_of_file(path) != sha256:
        raise UserError(f"{path} is another file here than where the work was handed out")
    return read_onnx(path)


def _runtime() -> Any:
    """ONNX Runtime, imported with its usage reports switched off, also where Python imports fieldguide."""
    quiet_environment()
    import onnxruntime

    return onnxruntime


@cache
def _bound_memory() -> None:
    """A small file can ask for any amount: ONNX Runtime refuses more than MAX_MEMORY for all networks of a process."""
    runtime = _runtime()
    kind, whatever = runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, runtime.OrtMemType.DEFAULT
    memory = runtime.OrtMemoryInfo("Cpu", kind, 0, whatever)
    runtime.create_and_register_allocator(memory, runtime.OrtArenaCfg({"max_mem": MAX_MEMORY}))


def _fits(shape: tuple[int, ...], said: tuple[int | str, ...]) -> bool:
    """Whether an answer has the shape that the file says, as far as it says one."""
    return len(shape) == len(said) and all(
        side == one or isinstance(one, str) for side, one in zip(shape, said, strict=True)
    )


def _reason(error: Exception) -> str:
    return beginning(first_line(error))
