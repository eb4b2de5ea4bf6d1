"""What an ONNX file may hold before ONNX Runtime sees it: a file may come from a stranger.

The file is a message of Protocol Buffers: fields of a number and a value, some of which are messages again. Only fields
that a plain network needs are let through. So there are no data in other files, no operators or functions but the
standard ones, and no loops. What an allowed operator does with memory is bounded where the network is run.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from math import prod

from fieldguide.base.errors import UserError, printable

MAX_FILE_SIZE = 2**30  # bytes; the largest network of conf/model/ has 400 MB
MAX_FIELDS = 1_000_000  # of all messages together; transformers have 50,000
MAX_SIDES = 8  # of a tensor
STANDARD = (b"", b"ai.onnx")
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5  # kinds of values
LONGEST_VARINT = 10  # bytes

Value = int | memoryview
VALUE = ""  # a field that holds no message
# The fields of each message by their numbers (onnx.proto of ONNX 1.23), and the message that a field holds.
FIELDS: Mapping[str, Mapping[int, str]] = {
    "model": {**dict.fromkeys(range(1, 7), VALUE), 7: "graph", 8: "opset", 14: "text"},
    "opset": {1: "domain", 2: VALUE},
    "graph": {1: "node", 2: VALUE, 5: "tensor", 10: VALUE, 11: "value", 12: "value", 13: "value", 16: "text"},
    "node": {1: VALUE, 2: VALUE, 3: VALUE, 4: VALUE, 5: "attribute", 6: VALUE, 7: "domain", 9: "text"},
    "attribute": {**dict.fromkeys((1, 2, 3, 4, 7, 8, 9, 13, 20), VALUE), 5: "tensor", 10: "tensor"},
    "tensor": {**dict.fromkeys((1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14), VALUE), 16: "text"},
    "value": {1: VALUE, 2: "type", 3: VALUE, 4: "text"},
    "type": {1: "tensor type", 6: VALUE},
    "tensor type": {1: VALUE, 2: "shape"},
    "shape": {1: "side"},
    "side": {1: VALUE, 2: VALUE, 3: VALUE},
    "text": {1: VALUE, 2: VALUE},
}
TENSOR, DOMAIN = "tensor", "domain"
DIMENSION, DATA_LOCATION = 1, 14  # fields of a tensor
# Messages that there is one of: of two, Protocol Buffers makes one, which is more than either.
SINGULAR = {("model", 7), ("attribute", 5), ("value", 2), ("type", 1), ("tensor type", 2)}
# Why others are refused, where there is more to say than that a network does not need them.
REASONS = {
    ("model", 20): "a training graph",
    ("model", 25): "functions of its own",
    ("graph", 15): "sparse weights",
    ("attribute", 6): "loops or branches",
    ("attribute", 11): "loops or branches",
    ("tensor", 13): "weights in another file",
    ("tensor", DATA_LOCATION): "weights in another file",
}


def check_onnx(content: bytes, name: str) -> None:
    """Raise UserError, with the file's `name`, if the bytes are no ONNX file or hold more than a plain network."""
    try:
        _Check(content).message("model", memoryview(content))
    except _RefusedError as error:
        raise UserError(f"{name} is not used: {error}") from None


class _RefusedError(Exception):
    """Why."""


class _Check:
    """Walks through the messages of one file."""

    def __init__(self, content: bytes) -> None:
        self.size, self.fields = len(content), 0
        if self.size > MAX_FILE_SIZE:
            raise _RefusedError(f"it is larger than {MAX_FILE_SIZE // 2**20} MiB")

    def message(self, kind: str, content: memoryview) -> None:
        """Check a message of FIELDS and all in it. No message holds one of its own kind, so this ends."""
        sides: list[int] = []
        seen: set[int] = set()
        for number, value in _fields(content):
            self.fields += 1
            if self.fields > MAX_FIELDS:
                raise _RefusedError(f"it has more than {MAX_FIELDS:,} parts")
            if number not in FIELDS[kind] or ((kind, number) == (TENSOR, DATA_LOCATION) and value != 0):
                raise _RefusedError(f"it holds {REASONS.get((kind, number), 'what a network does not need')}")
            if number in seen and (kind, number) in SINGULAR:
                raise _RefusedError("it holds a part twice of which a network has one")
            seen.add(number)
            inner = FIELDS[kind][number]
            if inner == DOMAIN:
                _check_domain(_bytes(value))
            elif inner != VALUE:
                self.message(inner, _bytes(value))
            elif (kind, number) == (TENSOR, DIMENSION):
                sides += [value] if isinstance(value, int) else islice(_varints(value), MAX_SIDES + 1)
        if len(sides) > MAX_SIDES or prod(sides) > 2 * self.size:  # the smallest numbers have 4 bits
            raise _RefusedError("it says that it holds more weights than the file has room for")


def _check_domain(domain: memoryview) -> None:
    """Of an operator, or of a set of them that the file uses."""
    if domain not in STANDARD:
        name = printable(bytes(domain[:80]).decode("utf-8", "replace"))
        raise _RefusedError(f"it has operators beyond the standard ones (of {name!r})")


def _fields(content: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message: a number each, and a whole number or bytes."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = _varint(content, place)
            yield number, value
            continue
        if kind == BYTES:
            length, place = _varint(content, place)
        elif kind in (FIXED_32, FIXED_64):
            length = 4 if kind == FIXED_32 else 8
        else:
            raise _RefusedError("it is not an ONNX file")
        if length > len(content) - place:
            raise _RefusedError("it is cut off or damaged, or it is not an ONNX file")
        yield number, content[place : place + length]
        place += length


def _varints(content: memoryview) -> Iterator[int]:
    place = 0
    while place < len(content):
        value, place = _varint(content, place)
        yield value


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, the lowest first, and the place behind it."""
    value = 0
    for position, byte in enumerate(content[place : place + LONGEST_VARINT]):
        value |= (byte & 127) << 7 * position
        if byte < 128:
            return value, place + position + 1
    raise _RefusedError("it is cut off or damaged, or it is not an ONNX file")


def _bytes(value: Value) -> memoryview:
    if isinstance(value, int):
        raise _RefusedError("it is not an ONNX file")
    return value
