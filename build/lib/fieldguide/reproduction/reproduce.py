"""Reproducing a run from its record alone, and reporting whether the result is identical."""

import json
import os
import sys
from pathlib import Path
from textwrap import indent

from fieldguide.base.errors import UserError
from fieldguide.base.interruption import run_to_its_end
from fieldguide.base.paths import Paths
from fieldguide.base.terminal import key_values
from fieldguide.reproduction.run_record import Run, read_run
from fieldguide.reproduction.starting_files import provide_start
from fieldguide.reproduction.verdict import compare, other_surroundings
from fieldguide.reproduction.worktree import WORKTREES, remove_worktree, worktree


def reproduce(paths: Paths, name: str, keep: bool) -> bool:
    """Reproduce a run in a worktree of its own and print what is the same; returns whether all of it is.

    The worktree is removed if the run is identical or cannot be started, unless `keep`. Neither the checkout nor
    MLflow changes.

    Raises UserError if the run is not found, or if its code or its data are missing.
    """
    run = read_run(paths, name)
    if not run.model_sha256:
        raise UserError(f"run {run.title} left no model to compare with")
    print(
        f"reproduce: {run.title}, commit {run.commit[:12]}{' and what was not committed' * bool(run.diff)}", flush=True
    )
    with worktree(paths.checkout, run.key, run.commit, run.diff) as folder:
        stages = provide_start(paths.checkout, folder, run)
        print(f"reproduce: running {', '.join(stages)}", flush=True)
        results = (
            compare(run, Paths(folder))
            if _ran(folder, run, stages)
            else [(False, "it could not be reproduced, see above")]
        )
        identical = all(same for same, _ in results)
        if identical and not keep:
            remove_worktree(paths.checkout, run.key)
    print(indent(key_values(("same" if same else "OTHER", line) for same, line in results), "  "))
    if not identical:
        for line in other_surroundings(run) or ["machine and versions are the same as recorded"]:
            print(f"  {line}")
    place = f"; its worktree is {WORKTREES / run.key}" if keep or not identical else ""
    print(f"{'identical' if identical else 'NOT identical'}: {run.title}{place}", flush=True)
    return identical


def _ran(folder: Path, run: Run, stages: list[str]) -> bool:
    """Run stages with the run's own code; they show their progress and their errors themselves."""
    config = {"choices": run.choices, **run.config}
    what = {"code": run.code, "config": config, "overrides": run.overrides, "stages": stages}
    command = [sys.executable, "-m", "fieldguide.reproduction.repeat", json.dumps(what)]
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    return run_to_its_end(command, cwd=folder, env=environment).returncode == 0
