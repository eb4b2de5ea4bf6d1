"""The name and the parameters of a run."""

import os
import re
from typing import Any

from fieldguide.base.dvc_files import LockedStage, locked_stages
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage

DATA_DIGITS = 4  # of the hash of the data, in the name of a run


def read_origin(paths: Paths) -> dict[str, Any]:
    """What a job in a folder of its own is part of, such as a sweep; nothing for the checkout itself."""
    return read_json(paths.origin) if paths.origin.exists() else {}


def run_name(paths: Paths, record: dict[str, Any]) -> str:
    """A name that says what was chosen and on which data; experiments of DVC already have names of their own."""
    choices, job = record["choices"], read_origin(paths).get("name")
    if not job and "DVC_EXP_NAME" in os.environ:
        return os.environ["DVC_EXP_NAME"]
    chosen = job or " ".join(choices[group] for group in ("resize", "augment", "model"))
    return f"{chosen} {data_title(paths, record['inputs']['split'])}"


def data_title(paths: Paths, split_sha256: str) -> str:
    """The name of the data set, and the beginning of the hash of its pictures and split: `bears-3f2a`."""
    upstream = read_origin(paths).get("upstream") or upstream_params(paths)
    return f"{upstream.get('data', 'data')}-{split_sha256[:DATA_DIGITS]}"


def without_data(title: str) -> str:
    """A run's name as it was chosen, without its data."""
    return re.sub(rf" [A-Za-z][\w-]*-[0-9a-f]{{{DATA_DIGITS}}}\Z", "", title)


def shown_params(paths: Paths, record: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a training and of the stages before it, under their names in the configuration."""
    upstream = read_origin(paths).get("upstream") or upstream_params(paths)
    return {**upstream, **record["choices"], **_flat(record["config"])}


def upstream_params(paths: Paths) -> dict[str, Any]:
    """The parameters of the stages before training, as dvc.lock recorded them for the data in the checkout."""
    stages = locked_stages(paths.dvc_lock)
    params: dict[str, Any] = {}
    for stage in (Stage.DOWNLOAD, Stage.CLEAN, Stage.VALIDATE, Stage.SPLIT):
        params |= stages.get(stage, LockedStage()).params.get("params.yaml", {})
    return _flat(params)


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
