"""Adopting a run's choices in params.yaml, and in a new option file where an override changed a value in one."""

import difflib
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fieldguide.base.config import GROUPS, Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_text, sha256_of_file, write_text
from fieldguide.base.paths import Paths
from fieldguide.base.yaml_files import Path as Keys
from fieldguide.base.yaml_files import set_values
from fieldguide.configuration.compose import compose
from fieldguide.model.fingerprint import code_digest
from fieldguide.reproduction.option_file import option_for
from fieldguide.reproduction.run_record import Run, read_run
from fieldguide.reproduction.verdict import other_surroundings

SPEED_ONLY = ("train.workers",)  # change no result, and fit the machine: the user's own stay
COLOURS = {"+": "\033[32m", "-": "\033[31m", "@": "\033[36m"}


def adopt(paths: Paths, name: str, dry_run: bool) -> None:
    """Write a run's choices into the checkout, show the difference, and say what to do next.

    Raises UserError if the run is not found, or if params.yaml cannot take its choices; nothing is changed then.
    """
    run = read_run(paths, name)
    texts = adopted_texts(paths, run)
    for path, text in texts.items():
        _show_difference(path.relative_to(paths.checkout), _old(path), text)
    message = _next_steps(paths, run, bool(texts), dry_run)
    if not dry_run:
        for path, text in texts.items():
            write_text(path, text)
    print(message)


def adopted_texts(paths: Paths, run: Run) -> dict[Path, str]:
    """The new texts of the files that have to change, params.yaml last; none if the checkout already says the same."""
    now = asdict(compose(paths))
    texts: dict[Path, str] = {}
    chosen: dict[Keys, Any] = {}
    try:
        for group in GROUPS:
            if group not in run.choices:
                continue
            option, files = option_for(paths, group, run.choices[group], run.config[group], run.name)
            texts |= files
            if option != now["choices"][group]:
                chosen[(group,)] = option
        for key, value in _values(run.config).items():
            path = key.split(".")
            if key not in SPEED_ONLY and _value(now, path) != value:
                chosen[tuple(path)] = value
        text = set_values(_old(paths.params), chosen)
    except ValueError as error:
        raise UserError(f"params.yaml cannot take the choices of {run.title}: {error}") from None
    if text != _old(paths.params):
        texts[paths.params] = text
    _check(paths, texts, run)
    return texts


def _values(config: dict[str, Any]) -> dict[str, Any]:
    """The plain values of params.yaml by their dotted keys."""
    found: dict[str, Any] = {}
    for section, content in config.items():
        if isinstance(content, dict) and section not in GROUPS:
            found |= {f"{section}.{key}": value for key, value in content.items()}
        elif section not in GROUPS:
            found[section] = content
    return found


def _value(config: dict[str, Any], path: list[str]) -> Any:
    for part in path:
        if part not in config:
            raise ValueError(f"this version has no {'.'.join(path)}")
        config = config[part]
    return config


def _check(paths: Paths, texts: dict[Path, str], run: Run) -> None:
    """Raise UserError unless the texts give the run's configuration."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Paths(Path(folder))
        shutil.copytree(paths.conf, trial.conf)
        shutil.copy(paths.params, trial.params)
        for path, text in texts.items():
            write_text(trial.root / path.relative_to(paths.checkout), text)
        try:
            got = compose(trial)
        except UserError as error:
            raise UserError(f"params.yaml cannot take the choices of {run.title}: {error}") from None
    if wrong := _other(got, run):
        raise UserError(f"params.yaml cannot take the choices of {run.title}: {', '.join(wrong)} would not be the same")


def _other(got: Config, run: Run) -> list[str]:
    sections = asdict(got)
    wrong = [group for group in GROUPS if group in run.config and sections[group] != run.config[group]]
    values = _values(run.config)
    return wrong + [
        key for key, value in values.items() if key not in SPEED_ONLY and _value(sections, key.split(".")) != value
    ]


def _old(path: Path) -> str:
    return read_text(path) if path.exists() else ""


def _show_difference(name: Path, before: str, after: str) -> None:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    old = f"a/{name}" if before else os.devnull
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), old, f"b/{name}", lineterm=""):
        colour = COLOURS.get(line[:1]) if coloured else None
        print(f"{colour}{line}\033[0m" if colour else line)


def _next_steps(paths: Paths, run: Run, changed: bool, dry_run: bool) -> str:
    if dry_run and changed:
        return f"nothing is written; leave out --dry-run to adopt {run.title}"
    done = f"adopted {run.title}" if changed else f"params.yaml already has the choices of {run.title}"
    if other := _changed_since(paths, run):
        return f"{done}; next: `dvc repro`, which may give another model:\n  " + "\n  ".join(other)
    return f"{done}; next: `dvc repro`, which gives its model (sha256 {run.model_sha256[:16]}...)"


def _changed_since(paths: Paths, run: Run) -> list[str]:
    """What else determines a model, and has changed since."""
    other = other_surroundings(run)
    if run.code != code_digest():
        other.insert(0, "the source of the pipeline has changed since")
    upstream = asdict(compose(paths))
    same = all(upstream[section] == run.config[section] for section in ("data", "clean", "split"))
    if same and paths.split_table.exists() and sha256_of_file(paths.split_table) != run.inputs["split"]:
        other.insert(0, "the pictures have changed since")
    return other
