"""Changing values in a YAML text: ruamel.yaml finds the place and writes the value, every other byte stays.

Dumping the whole document again would be shorter, but ruamel.yaml's round trip rewrites indentation, the space inside
`{ a: 1 }`, flow collections over several lines (those of conf/checks), CRLF and a missing last line end.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from io import StringIO
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.representer import RoundTripRepresenter

Path = tuple[str | int, ...]
UNQUOTED_TEXT = re.compile(
    r"[^\W\d_][\w ./-]*"
)  # texts that need no quotes, unless YAML 1.1 has another meaning for them


def set_values(text: str, values: Mapping[Path, Any]) -> str:
    """The text with other values at paths of keys and positions.

    Comments behind the values keep their columns. Keys that are missing are added at the end of their mapping.

    Raises
    ------
    ValueError
        In one line: if the text is not YAML, if a path leads through a value that holds none, or to one that is written
        in a block of lines, or through an anchor or alias.
    """
    _check(text)
    content = _content(text)
    for path, value in values.items():
        text, content = _set(text, path, value), _with_value(content, path, deepcopy(value))
        if not _says(text, content):
            raise ValueError(f"{_dotted(path)} cannot be set as it is written: write `key: value`")
    _check(text)
    return text


def set_comment(text: str, path: Path, mark: str, words: str) -> str:
    """The text with the comment `# MARK: WORDS` in a line of its own above a key, instead of an older one of this mark.

    Without words the older one goes. Raises ValueError, in one line, if the text is not YAML or has no such key.
    """
    older = re.compile(rf"(?m)^[ \t]*# {re.escape(mark)}: .*\n")
    text = older.sub("", text)
    if not words:
        return text
    _check(text)
    mapping: Any = _composed(text)
    for part in path[:-1]:
        mapping = mapping and _child(mapping, part)
    place = next((key.start_mark.line for key, _ in mapping.value if key.value == path[-1]), None) if mapping else None
    if place is None:
        raise ValueError(f"{_dotted(path)} is missing")
    lines = text.splitlines(keepends=True)
    indent = re.match(r" *", lines[place])[0]  # type: ignore[index]  # it matches always
    newline = "\r\n" if lines[place].endswith("\r\n") else "\n"
    lines.insert(place, f"{indent}# {mark}: {' '.join(words.split())}{newline}")
    return "".join(lines)


def inline(value: Any) -> str:
    """A value as YAML in one line, which YAML 1.1 (PyYAML), 1.2 and OmegaConf read alike, also inside a collection."""
    return _dumped([value], flow=True).strip()[1:-1]


def document(content: Any) -> str:
    """Plain containers as the text of a YAML file, which YAML 1.1 (PyYAML), 1.2 and OmegaConf read alike."""
    return _dumped(content, flow=False)


class _Representer(RoundTripRepresenter):
    """Numbers without an exponent (PyYAML takes 1e-3 for a text), quotes where a text looks like something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, value: str) -> ScalarNode:
        plain = UNQUOTED_TEXT.fullmatch(value) and yaml.safe_load(value) == value
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')

    def number(self, value: float) -> ScalarNode:
        if abs(value) == float("inf") or value != value:
            return self.represent_float(value)
        digits = format(Decimal(repr(value)), "f")
        return self.represent_scalar("tag:yaml.org,2002:float", digits if "." in digits else f"{digits}.0")

    def nothing(self, _: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(str, _Representer.text)
_Representer.add_representer(float, _Representer.number)
_Representer.add_representer(type(None), _Representer.nothing)


def _dumped(content: Any, flow: bool) -> str:
    writer, text = YAML(pure=True), StringIO()
    writer.Representer = _Representer
    writer.default_flow_style = flow
    writer.width = 10**9
    writer.brace_single_entry_mapping_in_flow_sequence = True  # [{a: 1}], and not [a: 1]
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(content, text)
    return text.getvalue()


def _set(text: str, path: Path, value: Any) -> str:
    node = parent = _composed(text)
    for depth, part in enumerate(path):
        child = _child(node, part) if node else None
        if child is None:
            return _added(text, node, path[depth:], value)
        if child.anchor:
            line = child.start_mark.line + 1
            raise ValueError(f"{_dotted(path)} has the anchor &{child.anchor} of line {line}: write the value itself")
        node, parent = child, node
    if isinstance(node, CollectionNode) and not node.flow_style:
        raise ValueError(f"{_dotted(path)} is written over several lines")
    start, end = node.start_mark.index, node.end_mark.index
    if start == end and isinstance(parent, MappingNode):  # no value, which is found only where the next thing begins
        key_end = next(key.end_mark.index for key, value in parent.value if value is node)
        start = end = text.find(":", key_end) + 1
    if text[start:end].endswith("\n"):  # a text after `|` or `>`
        end = len(text[:end].rstrip())
    return _spliced(text, start, end, inline(value) if text[start - 1] not in ":-" else f" {inline(value)}")


def _check(text: str) -> None:
    """Raise ValueError, in one line, for a text that is not YAML, or has a key twice, which composing overlooks."""
    _read(text, YAML(typ="safe", pure=True).load)


def _composed(text: str) -> Any:
    """The tree of nodes, which know where they begin and end; None if there is nothing but comments."""
    return _read(text, YAML(typ="safe", pure=True).compose)


def _read(text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except YAMLError as error:
        raise _invalid(error) from None


def _invalid(error: YAMLError | yaml.YAMLError) -> ValueError:
    if not isinstance(error, MarkedYAMLError | yaml.MarkedYAMLError):
        return ValueError(f"it is not valid YAML: {' '.join(str(error).split())}")
    mark, said = error.problem_mark or error.context_mark, error.problem or error.context or ""
    line = f" in line {mark.line + 1}" if mark else ""
    return ValueError(f"it is not valid YAML: {said.splitlines()[0]}{line}")


def _spliced(text: str, start: int, end: int, new: str) -> str:
    """The text with another part from `start` to `end`; a comment later in the line keeps its column if it can."""
    rest = text[end:]
    if gap := re.match(r"([^#\n'\"]*?)( +)#", rest):
        spaces = max(2, len(gap[2]) + end - start - len(new))
        rest = gap[1] + " " * spaces + rest[gap.end() - 1 :]
    elif rest.startswith("#"):
        rest = f"  {rest}"
    return text[:start] + new + rest


def _child(node: Node, part: str | int) -> Any:
    if isinstance(node, SequenceNode) and isinstance(part, int):
        return node.value[part] if part < len(node.value) else None
    if isinstance(node, MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    raise ValueError(f"{part} is in no mapping or list")


def _added(text: str, node: Any, path: Path, value: Any) -> str:
    """The text with a key more at the end of a mapping."""
    if node and not (isinstance(node, MappingNode) and node.value):
        raise ValueError(f"nothing can be added for {_dotted(path)}")
    if node and node.flow_style:
        end = len(text[: node.end_mark.index - 1].rstrip(", \t\r\n"))
        for key in reversed(path[1:]):
            value = {key: value}
        return _spliced(text, end, end, f", {inline(path[0])}: {inline(value)}")
    indent = node.start_mark.column if node else 0
    lines = [f"{' ' * (indent + 2 * depth)}{inline(key)}:" for depth, key in enumerate(path)]
    newline = "\r\n" if "\r\n" in text else "\n"
    before = text[: _end_of_line(text, _end_of(node))] if node else text
    new = newline.join(lines) + f" {inline(value)}" + newline
    return before + (newline if before and not before.endswith("\n") else "") + new + text[len(before) :]


def _end_of(node: Node) -> int:
    """Where the last value in a node ends; a block itself ends only where the next thing begins."""
    while isinstance(node, CollectionNode) and not node.flow_style:
        node = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
    index: int = node.end_mark.index
    return index


def _end_of_line(text: str, index: int) -> int:
    """Where the line of the last character before `index` ends, with its line end."""
    return text.find("\n", len(text[:index].rstrip())) + 1 or len(text)


def _content(text: str) -> Any:
    """What PyYAML reads, which does not take all that ruamel.yaml takes."""
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise _invalid(error) from None


def _says(text: str, content: Any) -> bool:
    """Whether PyYAML reads this content: the changes and no other."""
    try:
        return repr(_content(text)) == repr(content)
    except ValueError:
        return False


def _with_value(content: Any, path: Path, value: Any) -> Any:
    part, inner = path[0], path[1:]
    if inner:
        present = isinstance(content, list) or part in content
        value = _with_value(content[part] if present else {}, inner, value)
    content[part] = value
    return content


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))
