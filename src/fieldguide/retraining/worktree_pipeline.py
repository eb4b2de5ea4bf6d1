"""The pipeline on old and new pictures together, in a git worktree of its own that shares DVC's cache."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from fieldguide.base.dvc_cache import content_of
from fieldguide.base.dvc_files import tracked_md5
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file, write_json
from fieldguide.base.interruption import run_to_its_end
from fieldguide.base.paths import Paths
from fieldguide.base.progress import relay
from fieldguide.base.tracked_inputs import check_tracked
from fieldguide.configuration.compose import compose
from fieldguide.data.annotations.picture_table import FILE, PICTURE_TABLE, append_rows
from fieldguide.data.videos.kinds import video_of
from fieldguide.reproduction.starting_files import provide_weights
from fieldguide.reproduction.worktree import add_worktree, drop_worktree, project_folder
from fieldguide.retraining.data_changes import list_files
from fieldguide.retraining.journal import Journal
from fieldguide.tracking.provenance import git_commit
from fieldguide.tracking.store import tracking_address

JOB_VARIABLE = "FIELDGUIDE_RETRAIN"  # names the job's folder to the processes that it starts
LOG = "log.txt"


def run_pipeline(paths: Paths, name: str, job: Journal, new: pd.DataFrame, origin: dict[str, Any]) -> Paths:
    """Run `dvc repro` on the commit that is checked out and on what is there of the data set `name`, and `new`.

    A worktree that a killed call left is used again if it is about the same: then finished stages stay finished,
    and an interrupted training resumes after its last epoch. Nothing of the checkout changes.

    Parameters
    ----------
    new
        Columns file, target, sha256, listed: what joins the data set from data/incoming, in the worktree only.
    origin
        What the training is part of, see `Paths.origin`.

    Returns
    -------
    The worktree's paths. Raises UserError, with what the stage said, if the pipeline fails.
    """
    end_processes(job)
    commit = git_commit(paths.checkout)
    had = hashlib.sha256(json.dumps(list_files(paths.sources / name)).encode()).hexdigest()
    joining = sorted(f"{row['sha256']} {row['target']} {json.dumps(row['listed'])}" for row in new.to_dict("records"))
    wanted = {"commit": commit, "had": had, "new": joining}
    if job.get("prepared") != wanted or not job.worktree.is_dir():
        job.note(prepared=None)
        _prepare(paths, name, job, commit, new)
        job.note(prepared=wanted)
    place = job.worktree / project_folder(paths.checkout)
    _bring(paths, place)
    write_json(place / "origin.json", origin)
    if (place / "data" / "sources" / f"{name}.dvc").exists():
        _run(paths, job, place, "dvc", "add", "--quiet", f"data/sources/{name}")
    _run(paths, job, place, "dvc", "repro")
    return Paths(place)


def deliver_training(paths: Paths, job: Journal, made: Paths) -> None:
    """Deliver the job's training and model to MLflow; raises UserError if that does not answer."""
    _run(paths, job, made.root, "fieldguide.tracking", str(made.root), "sync")


def end_processes(job: Journal) -> None:
    """End the processes that a killed call left running: those with this job's folder in their environment."""
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(JOB_VARIABLE) == str(job.folder) and process.pid != os.getpid():
                process.kill()
                left.append(process)
    psutil.wait_procs(left, timeout=30)


def _prepare(paths: Paths, name: str, job: Journal, commit: str, new: pd.DataFrame) -> None:
    drop_worktree(paths.checkout, job.worktree)
    place = add_worktree(paths.checkout, job.worktree, commit)
    if not (place / "conf" / "data" / f"{name}.yaml").exists():
        raise UserError(
            f"the data set {name!r} is not committed: commit conf/data/{name}.yaml and data/sources/{name}.dvc"
        )
    if (chosen := compose(Paths(place)).choices["data"]) != name:
        raise UserError(f"params.yaml selects the data set {name!r}, its last commit {chosen!r}: commit params.yaml")
    source = place / "data" / "sources" / name
    pointer = source.with_name(f"{name}.dvc")
    check_tracked(paths.checkout, paths.sources / name)
    cache = _output(paths, job, paths.checkout, "dvc", "cache", "dir")
    if pointer.exists():
        _take_all(paths.sources / name, source)
        take_in(paths.incoming, new, source)
        if lacking := lacking_files(pointer, Path(cache), source):
            raise UserError(
                f"data/sources/{name} lacks {len(lacking)} files of the last commit (the first is {lacking[0]}): `dvc "
                f"checkout data/sources/{name}.dvc` brings them; if they were removed on purpose, `dvc add "
                f"data/sources/{name}` and commit"
            )
    elif len(new):
        raise UserError(
            f"data/sources/{name} is not tracked by DVC, so that it cannot take pictures in: `dvc add "
            f"data/sources/{name}` and commit data/sources/{name}.dvc"
        )
    made = Paths(place)
    for ours, theirs in (
        (paths.features, made.features),
        (paths.cleaned, made.cleaned),
        (paths.measurements, made.measurements),
    ):  # what is known of old pictures
        ours.mkdir(parents=True, exist_ok=True)
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.symlink_to(ours.resolve())
    settings = Path(".dvc", "config.local")
    if (paths.checkout / settings).exists():
        shutil.copy2(paths.checkout / settings, place / settings)
    _run(paths, job, place, "dvc", "cache", "dir", "--local", cache)


def lacking_files(pointer: Path, cache: Path, folder: Path) -> list[str]:
    """The files of a folder's .dvc file that are not in the folder; none where the cache does not know their names."""
    listing = content_of(cache, tracked_md5(pointer))
    names = [entry["relpath"] for entry in read_json(listing)] if listing.is_file() else []
    return [name for name in names if not os.path.lexists(folder / name)]


def _bring(paths: Paths, place: Path) -> None:
    """Bring what is as it is now, whatever the commit says: decisions of people, and weights in a file."""
    if paths.reviews.exists():
        shutil.copyfile(paths.reviews, place / "data" / paths.reviews.name)
    provide_weights(paths.checkout, place, asdict(compose(Paths(place)).model))


def _take_all(source: Path, target: Path) -> None:
    """All files of a data set, as hard links where the file system has them: DVC makes copies of its own."""
    for parent, folders, files in os.walk(source):
        folders.sort()
        for file in sorted(files):
            link = target / Path(parent, file).relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(Path(parent, file), link, follow_symlinks=False)
            except OSError:
                shutil.copy2(Path(parent, file), link, follow_symlinks=False)


def take_in(incoming: Path, new: pd.DataFrame, source: Path) -> None:
    """Copy files into the data set in the folder `source`, and list the pictures if a table lists the others.

    Raises UserError if one is not what it was; `new` is that of `run_pipeline`.
    """
    rows: list[dict[str, str]] = []
    for row in new.to_dict("records"):
        _copy(incoming, row["file"], source / row["target"], row["sha256"])
        file = video_of(row["file"])
        rows += [{**cells, FILE: row["target"] + cells[FILE].removeprefix(file)} for cells in row["listed"]]
    if rows:
        append_rows(source / PICTURE_TABLE, rows)


def _copy(incoming: Path, file: str, target: Path, sha256: str) -> None:
    if target.is_file() and sha256_of_file(target) == sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # it may be the data set's own file, as a hard link
    try:
        shutil.copyfile(incoming / file, target)
    except FileNotFoundError:
        raise UserError(
            f"data/incoming/{file} disappeared while it was taken in: run the command again, which starts anew"
        ) from None
    if sha256_of_file(target) != sha256:
        raise UserError(f"data/incoming/{file} changed while it was taken in: run the command again, which starts anew")


def _environment(paths: Paths, job: Journal, folder: Path) -> dict[str, str]:
    """Of the job's processes: MLflow's database is the checkout's."""
    own = {"PYTHONPATH": str(folder / "src"), "MLFLOW_TRACKING_URI": tracking_address(paths)}
    return {**os.environ, **own, JOB_VARIABLE: str(job.folder)}


def _run(paths: Paths, job: Journal, folder: Path, module: str, *arguments: str) -> None:
    """Run a module of Python, what it prints going to the job's log; raises UserError with its last line."""
    environment = _environment(paths, job, folder)
    with (job.folder / LOG).open("ab") as log:
        start = log.tell()
        command = [sys.executable, "-m", module, *arguments]
        shown = relay(job.folder / LOG, start, "retrain")
        code = run_to_its_end(command, shown, cwd=folder, env=environment, stdout=log, stderr=log).returncode
    if code:
        said = (job.folder / LOG).read_bytes()[start:].decode("utf-8", errors="replace")
        raise UserError(f"{' '.join([module, *arguments[:1]])} failed: {_reason_of(said)}")


def _reason_of(said: str) -> str:
    """The line that says what is wrong: DVC's, or the one before it of a stage, where DVC only says that it failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no message"]
    dvc = next((number for number, line in enumerate(lines) if line.startswith("ERROR: failed to reproduce")), None)
    if dvc is None:
        return lines[-1]
    return lines[dvc - 1] if "failed to run: " in lines[dvc] else lines[dvc]


def _output(paths: Paths, job: Journal, folder: Path, module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", module, *arguments]
    environment = _environment(paths, job, folder)
    pipe = subprocess.PIPE
    done = run_to_its_end(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)
    if done.returncode:
        raise UserError(f"{module} failed: {_reason_of(done.stderr)}")
    return done.stdout.strip()
