"""Runs stages in the current folder as a recorded run did: with its overrides, and without logging them to MLflow.

`fieldguide reproduce` calls it in the run's worktree, so this is the code of the run, and the caller may be a later
version: keys are only ever added to its input, and unknown ones are ignored.
"""

import importlib
import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.interruption import STOPPED
from fieldguide.base.paths import Paths
from fieldguide.base.process import start_process
from fieldguide.base.runner import run_stage
from fieldguide.configuration.compose import compose
from fieldguide.model.fingerprint import code_digest


def repeat(what: dict[str, Any]) -> None:
    """Run the stages `what["stages"]` with the overrides `what["overrides"]`.

    Raises UserError if what is here is not the recorded `what["code"]` (its digest) and `what["config"]` (the whole
    configuration with its choices), or if a stage fails.
    """
    paths, commit = Paths(Path.cwd()), "its commit and what was not committed"
    if code_digest() != what["code"]:
        raise UserError(f"{commit} do not give its code")
    config = compose(paths, what["overrides"])
    composed = asdict(config)
    if wrong := [key for key, value in what["config"].items() if composed.get(key) != value]:
        raise UserError(f"{commit} do not give its configuration: {', '.join(wrong)}")
    for stage in what["stages"]:
        try:
            run_stage(stage, importlib.import_module(f"fieldguide.stages.{stage}").run, config, paths)
        except UserError as error:
            raise UserError(f"{stage}: {error}") from None


if __name__ == "__main__":
    start_process()
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)  # fastai's import uses it
    try:
        repeat(json.loads(sys.argv[1]))
    except UserError as problem:
        sys.exit(f"reproduce: {problem}")
    except KeyboardInterrupt:  # which `fieldguide reproduce` reports
        sys.exit(STOPPED)
