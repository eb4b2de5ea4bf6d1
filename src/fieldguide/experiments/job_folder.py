"""A run of the pipeline with other choices than the checkout's, in a folder of its own."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fieldguide.base.config import GROUPS, Config
from fieldguide.base.dvc_files import Entry, written_stages
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.configuration.compose import compose


@dataclass(frozen=True)
class DeclaredStage:
    """A stage as dvc.yaml declares it: what it reads (files of other stages, parameters) and what it writes."""

    name: str
    reads: frozenset[str]
    params: frozenset[str]
    writes: tuple[str, ...]


@cache
def read_stages(checkout: Path) -> tuple[DeclaredStage, ...]:
    """The stages of dvc.yaml up to evaluate, each after those whose results it reads.

    Later stages judge the pictures, not the run: a job leaves them to the checkout. Raises UserError if there is no
    stage evaluate, or dvc.yaml is not what DVC reads.
    """
    stages = [
        DeclaredStage(
            name,
            frozenset(stage.deps),
            frozenset(map(_named, stage.params)),
            tuple(map(_named, [*stage.outs, *stage.metrics, *stage.plots])),
        )
        for name, stage in written_stages(checkout / "dvc.yaml").items()
    ]
    names = [stage.name for stage in stages]
    if Stage.EVALUATE not in names:
        raise UserError(f"{checkout / 'dvc.yaml'} has no stage {Stage.EVALUATE}: take it back from git")
    return tuple(stages[: 1 + names.index(Stage.EVALUATE)])


def _named(entry: Entry) -> str:
    return entry if isinstance(entry, str) else next(iter(entry))


def concerned_stages(stages: Sequence[DeclaredStage], before: Config, after: Config) -> list[str]:
    """The stages whose results another configuration changes, in the order of the pipeline; train and evaluate always.

    Raises KeyError for a parameter that the configuration does not have.
    """
    changed: set[str] = set()
    names = []
    for stage in stages:
        differs = any(_value(before, key) != _value(after, key) for key in stage.params)
        if differs or stage.reads & changed or stage.name in (Stage.TRAIN, Stage.EVALUATE):
            names.append(stage.name)
            changed |= set(stage.writes)
    return names


def prepare_job(checkout: Path, folder: Path, config: Config) -> tuple[Paths, list[str]]:
    """Make a job's folder: links to the checkout's results up to the first stage that its configuration concerns.

    Returns the job's paths, and the stages that it has to run.
    """
    stages = read_stages(checkout)
    concerned = concerned_stages(stages, _own_config(checkout), config)
    for stage in stages:
        if stage.name not in concerned:
            for written in stage.writes:
                _link(checkout / written, folder / written)
    return Paths(folder, checkout), concerned


@cache
def _own_config(checkout: Path) -> Config:
    """The checkout's own configuration, composed once for all jobs of a process: it takes as long as a job's."""
    return compose(Paths(checkout))


def _value(config: Config, key: str) -> Any:
    if key in GROUPS:
        return config.choices[key], asdict(config)[key]
    value: Any = asdict(config)
    for part in key.split("."):
        value = value[part]
    return value


def _link(target: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(os.path.relpath(target.resolve(), link.parent.resolve()))
