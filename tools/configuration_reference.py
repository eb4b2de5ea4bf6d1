"""Prints docs/configuration.md: what params.yaml and conf/ may hold, from the schema, the operations and comments."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from omegaconf import MISSING as NO_DEFAULT

from fieldguide.base.config import GROUPS, Schema
from fieldguide.base.operations import CONFIGURED, SHIFTS, Operations
from fieldguide.base.option_files import options_of
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.evaluation import shifts  # noqa: F401 - registers them

INTRODUCTION = """\
# Configuration reference

`params.yaml` names the option of each group and holds the few numbers that are worth changing; each option is a file
`conf/<group>/<option>.yaml`. `fieldguide config` prints the configuration that follows from them, and any value can be
overridden on the command line: `fieldguide config resize=pad train.lr=0.001`.

This page is generated from the schema: `make docs`.
"""
TYPES = {int: "integer", float: "number", bool: "true or false", str: "text", dict: "mapping", list: "list"}


def main() -> None:
    """Print the page for the checkout in the current folder."""
    print(reference(Paths(Path.cwd())), end="")


def reference(paths: Paths) -> str:
    """The page, as Markdown."""
    hints = get_type_hints(Schema, include_extras=True)
    comments = params_comments(paths)
    compose(paths)  # a page about a configuration that is refused would be wrong
    parts = [INTRODUCTION, "## Values in params.yaml\n"]
    plain = [name for name in hints if name not in GROUPS and not is_dataclass(hints[name])]
    parts.append(_parameters(Schema, comments, only=plain))
    for name in (name for name in hints if name not in GROUPS and is_dataclass(hints[name])):
        described = {key.partition(".")[2]: comment for key, comment in comments.items() if key.startswith(f"{name}.")}
        parts += [f"### {name}\n", f"{_first_paragraph(hints[name])}\n", _parameters(hints[name], described)]
    parts.append("## Options\n")
    for group in GROUPS:
        parts += _group(paths, group, hints[group])
    parts += ["## Shifts\n", "The changes under which `evaluate` measures the classifier on test pictures.\n"]
    parts.append(_table(("shift", "what it does"), ((f"`{name}`", _first_paragraph(SHIFTS[name])) for name in SHIFTS)))
    return "\n".join(parts)


def params_comments(paths: Paths) -> dict[str, str]:
    """The comments behind the lines of params.yaml, by dotted key; one may go on below its line, further in."""
    found: dict[str, str] = {}
    section, last = "", ""
    for line in paths.params.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"( *)(\w+):([^#]*)(?:# (.*))?$", line):
            indent, key, value, comment = match.groups()
            section = section if indent else ("" if value.strip() else f"{key}.")
            last = section + key if indent else key
            if comment:
                found[last] = comment
        elif last in found and (more := re.match(rf"{indent} +# (.*)$", line)):
            found[last] += f" {more[1]}"
    return found


def _group(paths: Paths, group: str, hint: Any) -> Iterator[str]:
    yield f"### {group}\n"
    options = ((f"`{option}`", _opening_comment(paths.option(group, option))) for option in options_of(paths, group))
    yield _table(("option", "what it is for"), options)
    if group == "data":
        yield "Your own data sets stand beside it: `fieldguide add NAME FOLDER` writes `conf/data/NAME.yaml`.\n"
    kinds = CONFIGURED.get(group)
    if is_dataclass(hint):
        yield f"{_first_paragraph(hint)}\n"
        yield _parameters(hint, {})
        for nested, keys in _nested(hint).items():
            yield f"Each of {', '.join(f'`{key}`' for key in keys)}: {_first_paragraph(nested)}\n"
            yield _parameters(nested, {})
    if kinds is not None:
        yield from _operations(kinds)


def _nested(schema: Any) -> dict[Any, list[str]]:
    """The dataclasses that fields of one hold, or hold a mapping of, and the names of these fields."""
    found: dict[Any, list[str]] = {}
    for name, hint in get_type_hints(schema).items():
        held = get_args(hint)[1] if get_origin(hint) is dict else hint
        if is_dataclass(held):
            found.setdefault(held, []).append(name)
    return found


def _operations(kinds: Operations) -> Iterator[str]:
    operations = list(dict.fromkeys(kinds.values()))
    rows = {operation: [row for row in _rows(operation, {}) if row[0] != f"`{kinds.key}`"] for operation in operations}
    common = [row for row in rows[operations[0]] if all(row in others for others in rows.values())]
    if common:
        yield _table(("key of all", "allowed", "default"), common)
    for operation in operations:
        names = [name for name in kinds if kinds[name] is operation]
        yield f"#### `{kinds.key}`: {', '.join(f'`{name}`' for name in names)}\n"
        yield f"{_first_paragraph(operation)}\n"
        if own := [row for row in rows[operation] if row not in common]:
            yield _table(("key", "allowed", "default"), own)


def _parameters(schema: Any, comments: dict[str, str], only: Iterable[str] | None = None) -> str:
    rows = [row for row in _rows(schema, comments) if only is None or row[0].strip("`") in only]
    head = ("key", "allowed", "default", "meaning") if comments else ("key", "allowed", "default")
    return _table(head, rows)


def _rows(schema: Any, comments: dict[str, str]) -> list[tuple[str, ...]]:
    hints = get_type_hints(schema, include_extras=True)
    rows = [(f"`{field.name}`", allowed(hints[field.name]), _default(field)) for field in fields(schema)]
    return [(*row, comments.get(row[0].strip("`"), "")) for row in rows] if comments else list(rows)


def allowed(hint: Any) -> str:
    """The type and range of a field, in words."""
    if get_origin(hint) is Annotated:
        kind, *rest = get_args(hint)
        constraints = [one for part in rest for one in getattr(part, "metadata", [part])]
        if description := next((part.description for part in rest if _has(part, "description")), None):
            return description
        operations = next((part for part in rest if isinstance(part, Operations)), None)
        if operations is not None:
            return f"one of the `{operations.key}` below"
        bounds = {
            name: getattr(one, name) for one in constraints for name in ("ge", "gt", "le", "lt") if _has(one, name)
        }
        pattern = next((one.pattern for one in constraints if _has(one, "pattern")), None)
        return _words(pattern) or ", ".join(filter(None, (allowed(kind), _range(bounds))))
    if get_origin(hint) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(hint))
    if NoneType in get_args(hint):
        return f"{allowed(get_args(hint)[0])}, or `null`"
    if is_dataclass(hint):
        return "mapping, see below"
    if get_origin(hint) is list and get_origin(get_args(hint)[0]) is Annotated:
        return f"list, each {allowed(get_args(hint)[0])}"
    return TYPES[get_origin(hint) or hint]


def _has(constraint: Any, name: str) -> bool:
    return getattr(constraint, name, None) is not None


def _words(pattern: str | None) -> str:
    match = re.fullmatch(r"\^\(([\w|]+)\)\$", pattern or "")
    return ", ".join(f"`{word}`" for word in match[1].split("|")) if match else ""


def _range(bounds: dict[str, Any]) -> str:
    low = f"at least {bounds['ge']}" if "ge" in bounds else f"above {bounds['gt']}" if "gt" in bounds else ""
    high = f"at most {bounds['le']}" if "le" in bounds else f"below {bounds['lt']}" if "lt" in bounds else ""
    return ", ".join(filter(None, (low, high)))


def _default(field: "Field[Any]") -> str:
    if field.default is not MISSING and field.default != NO_DEFAULT:
        return f"`{'null' if field.default is None else str(field.default).lower()}`"
    return "" if field.default_factory is MISSING or is_dataclass(field.default_factory) else "empty"


def _first_paragraph(documented: Any) -> str:
    """Of a docstring, on one line."""
    return " ".join((documented.__doc__ or "").strip().partition("\n\n")[0].split())


def _opening_comment(path: Path) -> str:
    """The comment that an option file opens with, up to an empty line of it."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.removeprefix("#").strip() or not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
