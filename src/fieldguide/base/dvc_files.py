"""Reading what DVC writes: dvc.lock, and the .dvc files of what it tracks."""

from pathlib import Path
from typing import Any

import yaml

from fieldguide.base.errors import UserError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, where there is one: a dvc.lock takes the other a while


def read_dvc_file(file: Path) -> dict[str, Any]:
    """The content of dvc.lock, dvc.yaml or a .dvc file; {} if there is none.

    Raises UserError if it is not what DVC writes, as with the marks of a merge conflict in it.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), LOADER) or {}
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{file} is not what DVC writes: resolve its merge conflict, or take it back from git")
    return content


def locked_stages(lock: Path) -> dict[str, dict[str, Any]]:
    """What a dvc.lock records, by stage; {} if there is none. Raises as `read_dvc_file`."""
    return dict(read_dvc_file(lock).get("stages") or {})


def tracked_md5(pointer: Path) -> str:
    """The md5 of what a .dvc file tracks. Raises UserError if it does not say one."""
    outs = read_dvc_file(pointer).get("outs") or [{}]
    if "md5" not in outs[0]:
        raise UserError(f"{pointer} names no md5 of what it tracks: take it back from git")
    return str(outs[0]["md5"])
