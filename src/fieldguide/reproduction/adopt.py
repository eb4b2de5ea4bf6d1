"""Taking a run's choices over into params.yaml, and into a new option file where an override reached inside one."""

import difflib
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fieldguide.base.compose import compose
from fieldguide.base.config import GROUPS, Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.record import code_digest
from fieldguide.reproduction.edit_yaml import set_value
from fieldguide.reproduction.option_file import option_for
from fieldguide.reproduction.recorded import Run, read_run

SPEED = ("train.workers",)  # change no result, and fit the machine: a person's own stay
COLOURS = {"+": "\033[32m", "-": "\033[31m", "@": "\033[36m"}


def adopt(paths: Paths, name: str, dry_run: bool) -> None:
    """Write a run's choices into the checkout, show the difference, and say what to do next.

    Raises UserError if the run is not found, or if params.yaml cannot take its choices; nothing is changed then.
    """
    run = read_run(paths, name)
    texts = adopted_texts(paths, run)
    for path, text in texts.items():
        _show_difference(path.relative_to(paths.checkout), _old(path), text)
    if not dry_run:
        for path, text in texts.items():
            write_text(path, text)
    print(_told(run, bool(texts), dry_run))


def adopted_texts(paths: Paths, run: Run) -> dict[Path, str]:
    """The new texts of the files that have to change, params.yaml last; none if the checkout says the same already."""
    now = asdict(compose(paths))
    text = paths.params.read_text(encoding="utf-8")
    texts: dict[Path, str] = {}
    try:
        for group in GROUPS:
            if group not in run.choices:
                continue
            option, files = option_for(paths, group, run.choices[group], run.config[group], run.name)
            texts |= files
            if option != now["choices"][group]:
                text = set_value(text, [group], option)
        for key, value in _values(run.config).items():
            path = key.split(".")
            if key not in SPEED and _value(now, path) != value:
                text = set_value(text, path, value)
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
        if section not in GROUPS:
            found |= (
                {f"{section}.{key}": value for key, value in content.items()}
                if isinstance(content, dict)
                else {section: content}
            )
    return found


def _value(config: dict[str, Any], path: list[str]) -> Any:
    for part in path:
        if part not in config:
            raise ValueError(f"this version knows no {'.'.join(path)}")
        config = config[part]
    return config


def _check(paths: Paths, texts: dict[Path, str], run: Run) -> None:
    """What the texts say, composed elsewhere, is what the run had."""
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
        key for key, value in values.items() if key not in SPEED and _value(sections, key.split(".")) != value
    ]


def _old(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _show_difference(name: Path, before: str, after: str) -> None:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    old = f"a/{name}" if before else os.devnull
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), old, f"b/{name}", lineterm=""):
        colour = COLOURS.get(line[:1]) if coloured else None
        print(f"{colour}{line}\033[0m" if colour else line)


def _told(run: Run, changed: bool, dry_run: bool) -> str:
    model = f", which makes its model again (sha256 {run.model_sha256[:16]}...)" if run.model_sha256 else ""
    if run.code != code_digest():
        model = "; the source of the pipeline has changed since that run, so the model may be another one"
    if not changed:
        return f"params.yaml says the same as {run.title} already; `dvc repro`{model}"
    if dry_run:
        return f"nothing is written (--dry-run); `fieldguide adopt` would take {run.title} over"
    return f"\nadopted {run.title}; next: `dvc repro`{model}"
