"""Reading what DVC writes and reads: dvc.lock, the .dvc files of what it tracks, and dvc.yaml."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BeforeValidator, Field, TypeAdapter

from fieldguide.base.errors import UserError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, where there is one: a dvc.lock takes the other a while
MOST_NESTED = 100  # the reader in C has no bound of its own, and ends the process when it is out of stack
SCALARS = (str, bool, int, float, date)


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, SCALARS) else value


Name = Annotated[str, BeforeValidator(_as_text)]  # one such as `1` is something else for YAML
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}(\.dir)?$")]  # of a file, or of a folder's list of files
Entry = str | Annotated[dict[str, Any], Field(min_length=1)]  # a path or parameter, or one with its options
AGAIN = "resolve its merge conflict, or take it back from git"
Shape = TypeVar("Shape")


@dataclass(frozen=True)
class Recorded:
    """A file or folder, and its hash as far as DVC keeps one."""

    path: Name
    md5: Md5 | None = None


@dataclass(frozen=True)
class LockedStage:
    """What dvc.lock records of a stage; the parameters by their file."""

    deps: list[Recorded] = field(default_factory=list)
    params: dict[Name, dict[Name, Any]] = field(default_factory=dict)
    outs: list[Recorded] = field(default_factory=list)


@dataclass(frozen=True)
class WrittenStage:
    """A stage as it stands in dvc.yaml."""

    deps: list[Name] = field(default_factory=list)
    params: list[Entry] = field(default_factory=list)
    outs: list[Entry] = field(default_factory=list)
    metrics: list[Entry] = field(default_factory=list)
    plots: list[Entry] = field(default_factory=list)


@dataclass(frozen=True)
class _Lock:
    stages: dict[Name, LockedStage] | None = None


@dataclass(frozen=True)
class _Pipeline:
    stages: dict[Name, WrittenStage] | None = None


@dataclass(frozen=True)
class _Pointer:
    outs: list[Recorded] | None = None


LOCK, PIPELINE, POINTER = TypeAdapter(_Lock), TypeAdapter(_Pipeline), TypeAdapter(_Pointer)


def locked_stages(lock: Path) -> dict[str, LockedStage]:
    """What a dvc.lock records, by stage; {} if there is none.

    Raises UserError if it is not what DVC writes, as with the marks of a merge conflict in it.
    """
    return _fitting(LOCK, _read(lock), f"{lock} is not what DVC writes: {AGAIN}").stages or {}


def locked_stages_in(content: str, run: str) -> dict[str, LockedStage]:
    """The same for the content of the dvc.lock that was recorded with a run; `run` names it in a message."""
    return _fitting(LOCK, content, f"the dvc.lock that {run} was recorded with is not what DVC writes").stages or {}


def written_stages(pipeline: Path) -> dict[str, WrittenStage]:
    """The stages of a dvc.yaml, in their order. Raises UserError if they are not as DVC reads them.

    Of a stage with `foreach` or `matrix`, which stands for several, only what it says itself is known.
    """
    return _fitting(PIPELINE, _read(pipeline), f"{pipeline} is not what DVC reads: {AGAIN}").stages or {}


def tracked(pointer: Path) -> list[Recorded]:
    """What a .dvc file tracks; [] if there is no file. Raises UserError if it is not what DVC writes."""
    return _fitting(POINTER, _read(pointer), f"{pointer} is not what DVC writes: {AGAIN}").outs or []


def tracked_md5(pointer: Path) -> str:
    """The md5 of what a .dvc file tracks. Raises UserError if it does not say one, or is not what DVC writes."""
    md5 = next((one.md5 for one in tracked(pointer)), None)
    if md5 is None:
        raise UserError(f"{pointer} names no md5 of what it tracks: take it back from git")
    return md5


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode(errors="surrogateescape")  # which YAML refuses
    except FileNotFoundError:
        return ""


def _fitting(shape: TypeAdapter[Shape], content: str, otherwise: str) -> Shape:
    try:
        _check_nesting(content)
        return shape.validate_python(yaml.load(content, LOADER) or {})
    except (yaml.YAMLError, ValueError):  # ValueError: of pydantic, and of a date that there is not
        raise UserError(otherwise) from None


def _check_nesting(content: str) -> None:
    """Raise ValueError where YAML is nested deeper than MOST_NESTED."""
    depth = 0
    for event in yaml.parse(content, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_NESTED:
            raise ValueError("nested too deeply")
