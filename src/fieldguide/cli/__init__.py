"""The command `fieldguide`. Nothing heavy is imported before a command runs."""

import argparse
import os
import sys
from collections.abc import Sequence

from fieldguide import __version__
from fieldguide.base.errors import UserError
from fieldguide.base.process import start_process
from fieldguide.base.system_errors import faults_in_one_line
from fieldguide.cli import experiments, pipeline, prediction, retraining, reviews, rollout


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 done, 1 the person can put it right, 2 wrong usage."""
    start_process()
    options = _parser().parse_args(arguments)
    try:
        with faults_in_one_line("start it again"):
            options.command(options)
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output (`| head`) has seen enough
        _drop_output()
        sys.exit(141)
    except UserError as error:
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()
        sys.exit(f"fieldguide: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _drop_output() -> None:
    """Let Python's last flush of what could not be written succeed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fieldguide",
        description="A reproducible pipeline for image classifiers. Commands work in the current folder, a checkout.",
        epilog="The pipeline itself is run by DVC: `dvc repro`.\n\nexamples:\n"
        "  fieldguide add bears ~/pictures/bears && dvc repro\n"
        "  fieldguide add --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add_commands in (
        pipeline.add_commands,
        prediction.add_commands,
        experiments.add_commands,
        retraining.add_commands,
        rollout.add_commands,
        reviews.add_commands,
    ):
        add_commands(commands)
    return parser
