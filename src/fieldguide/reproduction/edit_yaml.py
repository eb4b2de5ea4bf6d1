"""Changing values in a YAML text; comments, order and layout stay as the person wrote them."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import yaml


def set_value(text: str, path: Sequence[str | int], value: Any) -> str:
    """The text with another value at a path of keys and positions.

    A comment behind the value keeps its column. Keys that are missing are added at the end of their mapping. Raises
    ValueError where the path leads through a value that holds none, or to one that is no scalar and no flow collection.
    """
    node: Any = yaml.compose(text)
    for depth, part in enumerate(path):
        child = _child(node, part)
        if child is None:
            return _added(text, node, path[depth:], value)
        node = child
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        raise ValueError(f"{path} is written over several lines")
    start, end = node.start_mark.index, node.end_mark.index
    new = written(value) if text[start - 1] != ":" else f" {written(value)}"
    return _spliced(text, start, end, new)


def _spliced(text: str, start: int, end: int, new: str) -> str:
    """The text with another part from `start` to `end`; a comment later in the line keeps its column if it can."""
    rest = text[end:]
    if gap := re.match(r"([^#\n'\"]*?)( +)#", rest):
        spaces = max(2, len(gap[2]) + end - start - len(new))
        rest = gap[1] + " " * spaces + rest[gap.end() - 1 :]
    return text[:start] + new + rest


def written(value: Any) -> str:
    """A value as YAML in one line, which YAML 1.1 and 1.2 read alike: numbers without an exponent."""
    if isinstance(value, float) and abs(value) < float("inf"):
        digits = format(Decimal(repr(value)), "f")
        return digits if "." in digits else f"{digits}.0"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)}: {written(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(entry) for entry in value) + "]"
    style = (
        None if not isinstance(value, str) or value.isprintable() else '"'
    )  # with escapes for line ends and the like
    line: str = yaml.safe_dump([value], default_flow_style=True, default_style=style, allow_unicode=True, width=10**9)
    return line.strip()[1:-1]


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        items: list[yaml.Node] = node.value
        return items[part] if part < len(items) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    raise ValueError(f"{part} stands in no mapping or list")


def _added(text: str, node: yaml.Node, path: Sequence[str | int], value: Any) -> str:
    """The text with a key more at the end of a mapping."""
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise ValueError(f"nothing can be added for {path}")
    if node.flow_style:
        end = node.end_mark.index - 1
        for key in reversed(path[1:]):
            value = {key: value}
        return _spliced(text, end, end, f", {written(path[0])}: {written(value)}")
    indent = node.start_mark.column
    lines = [f"{' ' * (indent + 2 * depth)}{key}:" for depth, key in enumerate(path)]
    end = text.find("\n", _end_of(node))
    end = len(text) if end < 0 else end
    return "\n".join([text[:end], *lines]) + f" {written(value)}" + (text[end:] or "\n")


def _end_of(node: yaml.Node) -> int:
    """Where the last value in a node ends; a block itself ends only where the next thing begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    index: int = node.end_mark.index
    return index
