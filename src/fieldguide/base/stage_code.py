"""The code of each stage: its source files with their hashes, by which DVC knows whether the stage has to run again."""

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fieldguide.base.files import DamagedFile, read_json
from fieldguide.base.paths import Paths
from fieldguide.base.source_graph import forget, stage_sources
from fieldguide.base.stage_names import Stage

OWN_CHECKOUT = Path(__file__).parents[3]  # the checkout that this code is from
PIPELINE = "dvc.yaml"  # only a checkout has one
COMPILED = "__pycache__"


def stage_code(stage: str, checkout: Path = OWN_CHECKOUT) -> str:
    """A line with its sha256 for each source file that a stage runs through, as they are on disk."""
    hashes = _hashes(checkout)
    return "".join(f"{hashes[name]}  {name}\n" for name in _sources(checkout, json.dumps(hashes))[stage])


def stage_sources_file(checkout: Path) -> Path:
    """Where a checkout keeps which files each stage runs through."""
    return Paths(checkout).checkout_state / "stage_sources.json"


def _hashes(checkout: Path) -> dict[str, str]:
    files = sorted(path for path in (checkout / "src" / "fieldguide").rglob("*") if path.is_file())
    return {
        path.relative_to(checkout).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if COMPILED not in path.parts
    }


@cache
def _sources(checkout: Path, hashes: str) -> Mapping[str, list[str]]:
    """The files of each stage; what was found out about the same sources before is kept, as that takes a second."""
    kept = stage_sources_file(checkout)
    key = hashlib.sha256(hashes.encode()).hexdigest()
    try:
        known = read_json(kept)
    except (FileNotFoundError, DamagedFile):
        known = {}
    if known.get("of") == key:
        return dict(known["stages"])
    source = checkout / "src"
    forget()
    found = {
        str(stage): [path.relative_to(checkout).as_posix() for path in stage_sources(stage, source)] for stage in Stage
    }
    if (checkout / PIPELINE).is_file():
        kept.parent.mkdir(exist_ok=True)
        partial = kept.with_name(f".{kept.name}.{os.getpid()}.partial")  # several processes may find it out at a time
        partial.write_text(json.dumps({"of": key, "stages": found}), encoding="utf-8")
        partial.replace(kept)
    return found
