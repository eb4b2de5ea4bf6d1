"""The provenance of a run, all that is needed to reproduce it: choices, code, data by hash, versions, machine."""

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from fieldguide.base.config import Config
from fieldguide.base.files import read_json, write_json
from fieldguide.base.git import git_or_nothing
from fieldguide.base.paths import Paths
from fieldguide.base.processor import gpu_model, processor_model
from fieldguide.model.fingerprint import code_digest

RESULTS = (":!reports", ":!dvc.lock")  # what a run of the pipeline itself changes
EXCLUDED = (":(exclude,glob)data/sources/*.csv",)  # addresses may hold tokens, and no stage reads them
NEEDED = ("conf", "src", ":(glob)data/sources/*.dvc")  # included even where git does not track it yet


def collect_provenance(paths: Paths, config: Config, origin: Mapping[str, Any]) -> dict[str, Any]:
    """All that is needed to reproduce a run, as it is now.

    Parameters
    ----------
    config
        The run's own configuration.
    origin
        What a job in a folder of its own is part of (`overrides`, `stages` that it ran itself), else nothing.
    """
    root = paths.checkout
    sections = asdict(config)
    return {
        "choices": sections.pop("choices"),
        "config": sections,
        "overrides": list(origin.get("overrides", [])),
        "stages": list(origin.get("stages", [])),
        "code": code_digest(),
        "commit": git_commit(root),
        "diff": git_diff(root),
        "lock": paths.dvc_lock.read_text(encoding="utf-8") if paths.dvc_lock.exists() else "",
        "packages": package_versions(),
        "machine": machine(),
        "command": command(),
    }


def keep_provenance(paths: Paths, fingerprint: str, provenance: dict[str, Any]) -> None:
    """Write it beside the training's results, for when these are delivered to MLflow."""
    write_json(paths.provenance, {"fingerprint": fingerprint, **provenance})


def kept_provenance(paths: Paths) -> dict[str, Any]:
    """That of the last training in this folder, with its fingerprint; empty if there was none."""
    return dict(read_json(paths.provenance)) if paths.provenance.exists() else {}


def git_commit(root: Path) -> str:
    """The commit that is checked out, or "" outside a git repository."""
    return git_or_nothing(root, "rev-parse", "HEAD").strip()


def git_diff(root: Path) -> str:
    """What differs from that commit, as `git apply` takes it: tracked files, and new ones that a run may need.

    What a run of the pipeline itself changes is left out, and address lists.
    """
    show = ("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    with tempfile.TemporaryDirectory() as folder:
        index = root / git_or_nothing(root, "rev-parse", "--git-path", "index").strip()
        new = git_or_nothing(root, "ls-files", "-z", "--others", "--exclude-standard", "--", *NEEDED)
        environment: dict[str, str] = {}
        if new and index.is_file():  # the user's own index stays as it is
            environment["GIT_INDEX_FILE"] = str(shutil.copy(index, Path(folder) / "index"))
            files = new.rstrip("\0").split("\0")
            git_or_nothing(root, "--literal-pathspecs", "add", "--intent-to-add", "--", *files, **environment)
        return git_or_nothing(root, *show, "HEAD", "--", ".", *RESULTS, *EXCLUDED, **environment)


@cache
def package_versions() -> str:
    """The installed packages as `name==version` lines, sorted."""
    every = (distribution.metadata for distribution in distributions())  # read once: each reading parses the file
    lines = {f"{metadata['Name']}=={metadata['Version']}" for metadata in every if metadata["Name"]}
    return "\n".join(sorted(lines, key=str.lower)) + "\n"


def machine() -> dict[str, str]:
    """Python and the kinds of processor and graphics card; the same bytes are promised on the same kinds only."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    if model := processor_model():
        found["processor"] = model
    if model := gpu_model():
        found["gpu"] = model
    return found


def command() -> str:
    """The outermost dvc, mlflow or fieldguide command that this process belongs to, without passwords in addresses."""
    import psutil

    found = ""
    this = psutil.Process(os.getpid())
    for process in [this, *this.parents()]:
        try:
            words = [Path(word).name if number < 2 else word for number, word in enumerate(process.cmdline())]
        except psutil.Error:
            break
        for position, word in enumerate(words[:2]):
            if word in ("dvc", "mlflow", "fieldguide"):
                found = " ".join(words[position:])
        if " ".join(words[1:3]).startswith("-m fieldguide."):
            found = " ".join(["python", *words[1:]])
    return re.sub(r"//[^/@\s]+@", "//***@", found)
