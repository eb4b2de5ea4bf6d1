"""Runs stages in the current folder as a recorded run did: with its overrides, and without showing them to MLflow.

`fieldguide reproduce` calls it in the run's worktree, so this is the code of the run, not of the checkout.
"""

import importlib
import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fieldguide.base.compose import compose
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.quiet import quiet_environment
from fieldguide.stages.runner import run_stage


def repeat(overrides: list[str], recorded: dict[str, Any], stages: list[str]) -> None:
    """Run the stages. Raises UserError if the configuration is not the recorded one, or if a stage fails."""
    paths = Paths(Path.cwd())
    config = compose(paths, overrides)
    composed = asdict(config)
    if wrong := [key for key, value in recorded.items() if composed.get(key) != value]:
        raise UserError(f"its commit and its diff do not give its configuration: {', '.join(wrong)}")
    for stage in stages:
        try:
            run_stage(stage, importlib.import_module(f"fieldguide.stages.{stage}").run, config, paths)
        except UserError as error:
            raise UserError(f"{stage}: {error}") from None


if __name__ == "__main__":
    quiet_environment()
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)  # fastai's import uses it
    try:
        repeat(**json.loads(sys.argv[1]))
    except UserError as problem:
        sys.exit(f"reproduce: {problem}")
