"""What is wrong with a configuration, in words: file or override, key, value, and what is allowed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import Field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from hydra.errors import MissingConfigException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ValidationError

from fieldguide.base.config import GROUPS, Schema
from fieldguide.base.errors import beginning
from fieldguide.base.operations import CONFIGURED, Operations
from fieldguide.base.option_files import one_line, read_params
from fieldguide.base.paths import Paths
from fieldguide.base.suggestions import did_you_mean

PATTERNS = {  # of the schema, but for lists of words
    r"^[^/\\.\x00][^/\\\x00]*$": "a label must not be empty, begin with a dot, or hold a slash or backslash",
    "^[0-9a-f]{64}$": "must be a sha256: 64 hexadecimal digits in lower case",
    r"^[^\W\d]\w*$": "must be the name of a column: a letter first, then letters, digits and _",
    "^expect_[a-z_]+$": "must be the name of an expectation of Great Expectations: `expect_...`",
}


def explain_hydra(paths: Paths, overrides: Sequence[str], error: Exception) -> str:
    """Why Hydra could not compose the configuration, in one line."""
    for cause in _causes(error):
        if isinstance(cause, OmegaConfBaseException) and cause.full_key:
            key = re.sub(r"\[(\d+)\]", r".\1", cause.full_key)
            reason = beginning(one_line(cause.msg or cause))
            if isinstance(cause, MissingMandatoryValue):
                reason = "is missing"
            elif "not in struct" in reason:
                reason = f"the chosen option does not set it{_meant(key)}; write +KEY=VALUE to add it"
            elif "not in" in reason:
                reason += known_keys(key)
            return f"{origin_of(paths, overrides, key)}: {key}: {reason}"
    if isinstance(error, MissingConfigException) or overrides:
        return f"configuration: {one_line(error)}"
    return f"{paths.params.name}: {one_line(error)}"


def explain_pydantic(paths: Paths, overrides: Sequence[str], composed: dict[str, Any], error: ValidationError) -> str:
    """The first reason why the composed configuration is not valid, and how many more there are."""
    problems = error.errors(include_url=False)
    first = problems[0]
    key, value, message = _key_of(composed, first["loc"]), first["input"], first["msg"].removeprefix("Value error, ")
    operations = CONFIGURED.get(key.partition(".")[0], Operations())
    if first["type"] == "union_tag_not_found":
        message = f"`{operations.key}` is missing; one of: {', '.join(operations)}"
    elif first["type"] == "union_tag_invalid":
        tag = first["ctx"]["tag"]
        message = f"no such {operations.key}{did_you_mean(tag, list(operations))}; one of: {', '.join(operations)}"
        value, key = tag, f"{key}.{operations.key}"
    elif first["type"] == "unexpected_keyword_argument":
        operation = next((operations[name] for name in operations if name in first["loc"]), None)
        message = f"no such key{known_keys(key, operation)}"
    elif first["type"] == "string_pattern_mismatch":
        message = allowed(first["ctx"]["pattern"], value)
    elif first["type"] == "string_type" and not isinstance(value, dict | list):
        read_as = "null" if value is None else str(value).lower()
        where = "this key" if first["loc"][-1] == "[key]" else "this"
        message = f"YAML reads {where} as {read_as}, not as text: put it in quotes"
        key = _key_of(composed, first["loc"][:-2]) if where == "this key" else key
    given = f" (given: {beginning(repr(value))})" if not isinstance(value, dict | list) else ""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{origin_of(paths, overrides, key)}: {key}: {message}{given}{more}"


def allowed(pattern: str, given: object = "") -> str:
    """What a pattern of the schema requires, in words, and what may have been meant by what was given."""
    if words := re.fullmatch(r"\^\(([\w|]+)\)\$", pattern):
        known = words[1].split("|")
        return f"must be one of: {', '.join(known)}{did_you_mean(given, known)}"
    return PATTERNS[pattern]


def origin_of(paths: Paths, overrides: Sequence[str], key: str) -> str:
    """The file, or the override, that a key's value comes from."""
    for override in overrides:
        name = override.lstrip("+~").partition("=")[0]
        if name not in GROUPS and (f"{key}.".startswith(f"{name}.") or name.startswith(f"{key}.")):
            return f"override {beginning(override)}"
    group = key.partition(".")[0]
    if group not in GROUPS:
        return paths.params.name
    option = read_params(paths)[group]
    for override in overrides:
        if override.startswith(f"{group}="):
            option = override.partition("=")[2]
    return f"conf/{group}/{option}.yaml"


def choice_of(paths: Paths, overrides: Sequence[str], group: str) -> str:
    """The file, or the override, that chooses a group's option."""
    chosen = [f"override {override}" for override in overrides if override.startswith(f"{group}=")]
    return chosen[-1] if chosen else paths.params.name


def known_keys(key: str, kind: Any = None) -> str:
    """The keys that are allowed in place of `key`: those of the dataclass `kind`, or of the one found by its place."""
    if kind is None:
        kind = Schema
        for part in key.split(".")[:-1]:
            kind = get_args(kind)[1] if get_origin(kind) is dict else get_type_hints(kind).get(part)
            if not is_dataclass(kind) and get_origin(kind) is not dict:
                return ""
    if not is_dataclass(kind):
        return ""
    known = [field.name for field in fields(kind)]
    section, _, name = key.rpartition(".")
    meant = _meant(key) if kind is Schema else did_you_mean(name, {one: f"{section}.{one}" for one in known})
    return f"{meant}; known: {', '.join(known)}"


def _meant(key: str) -> str:
    """The key that may have been meant: one of the same section, or of another one."""
    section, _, name = key.rpartition(".")
    kinds = get_type_hints(Schema)
    keys = {field.name: f"{other}.{field.name}" for other in kinds for field in _fields_of(other, kinds[other])}
    own = [field.name for field in _fields_of(section, kinds[section])] if section in kinds else list(kinds)
    return did_you_mean(name, {**keys, **{one: f"{section}.{one}" if section else one for one in own}})


def _fields_of(section: str, kind: Any) -> list["Field[Any]"]:
    """The fields of a section of the schema; of a group of operations, those of all of them."""
    kinds = [kind] if is_dataclass(kind) else [one for one in CONFIGURED.get(section, {}).values() if is_dataclass(one)]
    return [field for one in kinds for field in fields(one)]


def _key_of(composed: Any, location: tuple[int | str, ...]) -> str:
    """The dotted key of a location in pydantic's sense, without the names of union members in it."""
    node, parts = composed, []
    for position, part in enumerate(location):
        inside = part in node if isinstance(node, dict) else isinstance(node, list) and isinstance(part, int)
        if inside:
            node = node[part]
        if inside or position == len(location) - 1:
            parts.append(str(part))
    return ".".join(parts)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
