"""The option file that holds what a run had chosen: one that is there, or a new one with a descriptive name."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError

from fieldguide.base.config import Schema
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_text
from fieldguide.base.option_files import options_of
from fieldguide.base.paths import Paths
from fieldguide.base.yaml_files import document, inline, set_values

TYPES = get_type_hints(Schema, include_extras=True)
MAX_NAME_LENGTH = 60
MAX_DIFFERENCES_IN_NAME = 2

Leaf = tuple[tuple[str | int, ...], Any]


def option_for(paths: Paths, group: str, option: str, wanted: Any, run: str) -> tuple[str, dict[Path, str]]:
    """The option of a group that holds the content `wanted`, and the files to write for it (their texts by path).

    The option of that name if it holds it, else another one that does, else a new file made from the former. A data set
    is identified by its name, which is also its place in data/sources: its own option file is changed.

    Raises UserError if the data set is gone.
    """
    if group == "data" and not any((paths.sources / name).exists() for name in (option, f"{option}.dvc")):
        raise UserError(
            f"the run's data set {option!r} is missing: there is no data/sources/{option}, restore it with `dvc pull`"
        )
    for name in [option] if group == "data" else [option, *options_of(paths, group)]:
        if content_of(paths, group, name) == wanted:
            return name, {}
    file, base = paths.conf / group / f"{option}.yaml", content_of(paths, group, option)
    differences = _differences(base, wanted)
    text = _changed(file, differences, wanted) if base else None
    if group == "data" and text:
        return option, {file: text}
    name = _free(paths, group, _name(option, base, differences, run)) if file.exists() else option
    if text and differences:
        changes = ", ".join(f"{path[-1]} {inline(value)}" for path, value in differences)
        text = f"# {option} with {changes}, as in the run {run}.\n{text}"
    else:
        text = f"# As in the run {run}.\n{document(wanted)}"
    return name, {file.with_name(f"{name}.yaml"): text}


def content_of(paths: Paths, group: str, option: str) -> Any:
    """What an option file says, validated and with its defaults, as plain containers; None if there is no valid one."""
    file = paths.conf / group / f"{option}.yaml"
    if not file.is_file():
        return None
    try:
        return _validated(group, OmegaConf.to_container(OmegaConf.load(file)))
    except (ValidationError, OmegaConfBaseException, yaml.YAMLError):
        return None


def _validated(group: str, content: Any) -> Any:
    return asdict(TypeAdapter(TYPES[group]).validate_python(content))


def _leaves(content: Any, path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    inner = list(entries)
    if not inner:
        yield path, content
    for key, value in inner:
        yield from _leaves(value, (*path, key))


def _differences(base: Any, wanted: Any) -> list[Leaf] | None:
    """The values of `wanted` that differ from those of `base`; None if more than values differ."""
    before, after = dict(_leaves(base)), dict(_leaves(wanted))
    if before.keys() != after.keys():
        return None
    return [(path, value) for path, value in after.items() if before[path] != value]


def _name(option: str, base: Any, differences: list[Leaf] | None, run: str) -> str:
    if differences is not None and len(differences) <= MAX_DIFFERENCES_IN_NAME:
        changes = "_".join(f"{_label(base, path)}_{inline(value)}" for path, value in differences)
        name = _slug(f"{option}_{changes}")
        if len(name) <= MAX_NAME_LENGTH:
            return name
    return _slug(f"{option}_of_{run}")[:MAX_NAME_LENGTH].rstrip("-")


def _label(base: Any, path: tuple[str | int, ...]) -> str:
    """`min_scale`; `flip_p` for a value of an entry of a list, which has a name."""
    for part in path[:-1]:
        base = base[part]
    return f"{base['name']}_{path[-1]}" if len(path) > 1 and "name" in base else str(path[-1])


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-")


def _free(paths: Paths, group: str, name: str) -> str:
    taken, number, free = options_of(paths, group), 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _changed(file: Path, differences: list[Leaf] | None, wanted: Any) -> str | None:
    """The file's own text with other values, so that its reasons stay; None if that would not say what is wanted."""
    try:
        text = set_values(read_text(file), dict(differences or []))
        content = _validated(file.parent.name, OmegaConf.to_container(OmegaConf.create(text)))
    except (ValueError, OmegaConfBaseException):
        return None
    return text if content == wanted else None
