"""The commands that make and judge new models: retrain, gate, backtest."""

import argparse
import datetime
import sys
from pathlib import Path

from fieldguide.base.errors import printable
from fieldguide.cli.commands import NOT_ENOUGH, Commands, add_command, add_json, checkout


def add_commands(commands: Commands) -> None:
    """Add the parsers."""
    _add_retrain(commands)
    _add_gate(commands)
    _add_backtest(commands)


def _add_retrain(commands: Commands) -> None:
    retrain = add_command(
        commands,
        "retrain",
        "take in new pictures, retrain if there is a reason to, and let the gate judge the new model",
        """
        fieldguide retrain                         new pictures wait in data/incoming/<label>/; conf/retrain/ decides
        fieldguide retrain --force                 train in any case
        fieldguide retrain --wait                  wait for a job that is running
        """,
        stopped="its finished steps are kept, and `fieldguide retrain` resumes the job",
    )
    retrain.epilog = (
        f"{retrain.epilog}\n\nexit code: 0 done, or nothing to do; 1 stopped, the next call resumes; 2 wrong usage; "
        "75 another\njob is running. docs/schedule/ has examples for cron, systemd, GitHub Actions and Kubernetes."
    )
    retrain.add_argument("--force", action="store_true", help="train in any case")
    retrain.add_argument("--wait", action="store_true", help="wait for a job that is running, instead of exiting")
    retrain.set_defaults(command=_retrain)


def _add_gate(commands: Commands) -> None:
    gate = add_command(
        commands,
        "gate",
        "compare a new model with the champion on the same pictures, by the rules of conf/gate/",
        """
        fieldguide gate                            the challenger; its verdict is recorded with the version
        fieldguide gate 7                          version 7
        fieldguide gate .                          the classifier in models/
        """,
    )
    gate.epilog = (
        f"{gate.epilog}\n\nexit code: 0 it passes, 1 it could not be judged, 2 wrong usage, {NOT_ENOUGH} it does not "
        "pass.\nThe table is also written to reports/gate/."
    )
    gate.add_argument(
        "model", nargs="?", type=_which, metavar="VERSION", help="a version's number, or . for the checkout"
    )
    add_json(gate)
    gate.set_defaults(command=_gate)


def _add_backtest(commands: Commands) -> None:
    backtest = add_command(
        commands,
        "backtest",
        "freeze a set of pictures on which the gate also compares every later model",
        """
        fieldguide backtest add spring_2026        the current test split, as data/backtests/spring_2026
        fieldguide backtest add spring_2026 --by site            a set for each site, as data/backtests/spring_2026-SITE
        fieldguide backtest add snow ~/snow --date 2026-02-01    a folder with one folder per label
        fieldguide backtest add snow ~/snow --boxes megadetector.json    cut to these boxes, with `clean.crop: boxes`
        """,
        stopped="no set was added",
    )
    actions = backtest.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="freeze a set; it is tracked by DVC and never changed")
    add.add_argument("name", help="letters from a to z, digits, - and _, a letter first")
    add.add_argument(
        "folder", nargs="?", type=Path, help="a folder with one folder per label; default: the current test split"
    )
    add.add_argument(
        "--date",
        type=datetime.date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="when the pictures were taken; default: today",
    )
    add.add_argument("--by", choices=("site", "month"), help="a set for each site, or for each month of capture")
    add.add_argument("--layout", metavar="LAYOUT", help="what the folders mean: '{label}', '{site}/{label}', ...")
    add.add_argument("--labels-from", metavar="FILE", help="the table or annotation file that says the labels")
    add.add_argument("--boxes", metavar="FILE", help="add the boxes of this file, for `clean.crop: boxes`")
    add.set_defaults(command=_backtest_add)


def _retrain(options: argparse.Namespace) -> str:
    from fieldguide.retraining.lock import BUSY, AnotherJob, job_lock

    try:
        paths = checkout()
        with job_lock(paths.retraining, options.wait):  # before the slow imports
            from fieldguide.retraining.checkout_tools import retrain

            return printable(retrain(paths, options.force).message)
    except AnotherJob as error:
        print(f"fieldguide: {error}", file=sys.stderr)
        sys.exit(BUSY)


def _gate(options: argparse.Namespace) -> tuple[str, int]:
    paths = checkout()  # before the slow imports
    from fieldguide.release.gate.command import gate_command

    text, accepted = gate_command(paths, options.model, options.json)
    return text, 0 if accepted else NOT_ENOUGH


def _which(text: str) -> str:
    if text != "." and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a version's number nor . for the checkout")
    return text


def _backtest_add(options: argparse.Namespace) -> str:
    from fieldguide.configuration.compose import compose
    from fieldguide.data.choices import Choices
    from fieldguide.release.gate.backtests import freeze

    paths = checkout()
    choices = Choices(options.layout, options.labels_from, options.boxes)
    date = options.date or datetime.datetime.now(datetime.UTC).date()
    return freeze(compose(paths), paths, options.name, options.folder, date, options.by, choices)
