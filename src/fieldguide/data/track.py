"""Tracking a new folder with DVC."""

import shutil
import subprocess
import sys
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.interruption import ctrl_c_waits, run_to_its_end
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress


def dvc_add(paths: Paths, target: Path, back: Path | None = None) -> None:
    """Track a new folder with DVC. Raises UserError if that fails; the folder goes `back` or is deleted then."""
    command = [sys.executable, "-m", "dvc", "add", str(target.relative_to(paths.root))]

    def undo() -> None:
        if back:
            target.replace(back)
        else:
            shutil.rmtree(target)

    try:
        with Progress("dvc add"):
            done = run_to_its_end(command, cwd=paths.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except KeyboardInterrupt:
        with ctrl_c_waits():
            undo()
            target.with_name(f"{target.name}.dvc").unlink(missing_ok=True)
        raise
    if done.returncode != 0:
        undo()
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        raise UserError(f"`dvc add` failed, nothing was added: {' '.join(errors or done.stderr.split())}")
