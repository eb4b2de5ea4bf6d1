"""The metadata of a registered version, and its files as this checkout keeps them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, replace_folder, sha256_of_file, write_json
from fieldguide.base.paths import Paths
from fieldguide.data.seen_pictures import read_membership
from fieldguide.tracking.tags import MEMBERSHIP_FILE

CHALLENGER, SHADOW, LIMITED, CHAMPION = STEPS = ("challenger", "shadow", "limited", "champion")
FILES = ("classifier.safetensors", "classifier.json")
DIGESTS = "sha256.json"  # of the files as they were fetched, beside them


@dataclass(frozen=True)
class Candidate:
    """A model to be judged: its two files, and what it has seen (see `fieldguide.data.seen_pictures`)."""

    name: str
    weights: Path
    description: Path
    known: pd.DataFrame


@dataclass(frozen=True)
class Version:
    """A registered version: its number, the run and the weights that it came from, its steps, the gate's decision."""

    number: int
    run: str
    model_sha256: str
    steps: tuple[str, ...]
    gate: dict[str, Any] | None


@dataclass(frozen=True)
class Event:
    """One move of one alias; `before` and `after` are version numbers, None where it was at none."""

    at: str  # ISO, UTC
    who: str
    action: str  # register, advance, rollback, withdraw
    alias: str
    before: int | None
    after: int | None
    why: str


def kept_candidate(paths: Paths, version: Version) -> Candidate:
    """A version's files as they were fetched before. Raises UserError if they are not here, or damaged."""
    folder = kept_folder(paths, version)
    if name := damaged_file(folder):
        shown = folder.relative_to(paths.checkout)
        raise UserError(
            f"{shown}/{name} of version {version.number} is missing or damaged: fetch it when MLflow answers again"
        )
    known = read_membership(folder / MEMBERSHIP_FILE)
    return Candidate(f"version {version.number}", folder / FILES[0], folder / FILES[1], known)


def keep_files(paths: Paths, version: Version, files: Path) -> None:
    """Keep a version's fetched files. Raises UserError if they do not hold the weights that were registered."""
    if sha256_of_file(files / FILES[0]) != version.model_sha256:
        raise UserError(
            f"version {version.number} is damaged in the registry, its weights have changed: register its run again"
        )
    with replace_folder(kept_folder(paths, version)) as partial:
        for file in files.iterdir():
            shutil.copyfile(file, partial / file.name)
        write_json(partial / DIGESTS, {file.name: sha256_of_file(file) for file in sorted(partial.iterdir())})


def damaged_file(folder: Path) -> str:
    """The first of a version's kept files that is missing or not what was fetched; "" for none."""
    try:
        digests = read_json(folder / DIGESTS).items()
    except (OSError, ValueError):
        return DIGESTS
    return next((name for name, digest in digests if not _is(folder / name, digest)), "")


def _is(file: Path, digest: str) -> bool:
    return file.is_file() and sha256_of_file(file) == digest


def kept_folder(paths: Paths, version: Version) -> Path:
    """Where a version's files are kept."""
    return paths.versions / version.model_sha256[:16]
