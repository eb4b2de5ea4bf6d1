"""The command `fieldguide`. Nothing heavy is imported before a command runs."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from fieldguide.base.errors import UserError
from fieldguide.base.interruption import STOPPED, stop_line
from fieldguide.base.process import start_process
from fieldguide.base.progress import Progress
from fieldguide.base.system_errors import faults_in_one_line
from fieldguide.base.version import VERSION
from fieldguide.cli import app, experiments, pipeline, prediction, publishing, retraining, reviews, rollout
from fieldguide.cli.commands import NOTHING_CHANGED, Parser
from fieldguide.cli.completion import add_completion


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command, print what it returns, and leave with its exit code.

    0 done, 1 the person can put it right, 2 wrong usage, 130 Ctrl-C; the command's help tells others.
    """
    start_process()
    kept = NOTHING_CHANGED
    try:
        options = _parser().parse_args(arguments)
        kept = options.stopped
        with faults_in_one_line("start it again"):
            with nullcontext() if options.prints_itself else Progress(options.command_name):
                said = options.command(options)
            text, code = said if isinstance(said, tuple) else (said, 0)
            if text is not None:
                print(text)
            sys.stdout.flush()
            if code:
                sys.exit(code)
    except BrokenPipeError:  # whoever read the output (`| head`) has seen enough
        _drop_output()
        sys.exit(141)
    except UserError as error:
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()
        sys.exit(f"fieldguide: {error}")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "fieldguide"):
            raise
        sys.exit(
            f"fieldguide: {options.command_name} needs the pipeline, of which {package} is not installed: "
            "pip install 'fieldguide[train]'"
        )
    except KeyboardInterrupt:
        print(stop_line("fieldguide", kept), file=sys.stderr)
        sys.exit(STOPPED)


def _drop_output() -> None:
    """Let Python's last flush of what could not be written succeed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="fieldguide",
        description="A reproducible pipeline for image classifiers. Commands work in the current folder, a checkout.",
        epilog="The pipeline itself is run by DVC: `dvc repro`.\n\nexamples:\n"
        "  fieldguide add bears ~/pictures/bears && dvc repro\n"
        "  fieldguide add --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add_commands in (
        pipeline.add_commands,
        prediction.add_commands,
        experiments.add_commands,
        retraining.add_commands,
        rollout.add_commands,
        publishing.add_commands,
        reviews.add_commands,
        app.add_commands,
    ):
        add_commands(commands)
    add_completion(commands, parser)
    return parser
