"""Tracking a new folder with DVC."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.interruption import ctrl_c_waits, run_to_its_end
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress


def dvc_add(paths: Paths, target: Path, back: Path | None = None) -> None:
    """Track a new folder with DVC. Raises UserError if that fails; the folder goes `back` or is deleted then."""
    with undone_on_failure(target, back):
        track_changes(paths, target)


def track_changes(paths: Paths, target: Path) -> None:
    """Have DVC track a folder as it is now. Raises UserError if that fails; the folder stays as it is."""
    command = [sys.executable, "-m", "dvc", "add", str(target.relative_to(paths.root))]
    with Progress("dvc add"):
        done = run_to_its_end(command, cwd=paths.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        raise UserError(f"`dvc add` failed, nothing was added: {' '.join(errors or done.stderr.split())}")


@contextmanager
def undone_on_failure(target: Path, back: Path | None) -> Iterator[None]:
    """Whatever ends the block too early: a new folder goes `back` or is deleted, and DVC forgets it."""
    try:
        yield
    except BaseException:
        with ctrl_c_waits():
            if back:
                target.replace(back)
            else:
                shutil.rmtree(target)
            target.with_name(f"{target.name}.dvc").unlink(missing_ok=True)
        raise
