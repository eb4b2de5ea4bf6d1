"""The commands around the gate and the roll-out: gate, backtest, rollout, confirm."""

import argparse
import datetime
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
NOT_ENOUGH = 3  # exit code: the evidence does not carry it
WHY = "a word for the history"


def add_gate_commands(commands: Commands, make: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the parsers; `make` makes one of a name, a line of help and examples."""
    gate = make(
        commands,
        "gate",
        "judge a new model against the champion, on the same pictures, by the rules of conf/gate/",
        """
        fieldguide gate                            the challenger; the verdict is kept with its version
        fieldguide gate 7                          version 7
        fieldguide gate .                          the classifier in models/
        """,
    )
    gate.epilog = (
        f"{gate.epilog}\n\nexit code: 0 it may take over, 1 it could not be judged, 2 wrong usage, {NOT_ENOUGH} it may "
        "not take over.\nThe table is also left in reports/gate/."
    )
    gate.add_argument(
        "model", nargs="?", type=_which, metavar="VERSION", help="a version's number, or . for the checkout"
    )
    gate.set_defaults(command=_gate)
    _add_backtest(commands, make)
    _add_rollout(commands, make)

    confirm = make(
        commands,
        "confirm",
        "note what logged pictures really show, as a person saw it",
        """
        fieldguide predict trail_camera --log > week.csv    then correct the column `label` of week.csv
        fieldguide confirm week.csv                the columns id and label count; rows without a label are skipped
        fieldguide confirm 3f2a1b9c04d7e815 grizzly
        """,
    )
    confirm.add_argument(
        "what", nargs="+", metavar="FILE | ID LABEL", help="a CSV file, or a picture's id and its label"
    )
    confirm.set_defaults(command=_confirm)


def _add_backtest(commands: Commands, make: Callable[..., argparse.ArgumentParser]) -> None:
    backtest = make(
        commands,
        "backtest",
        "freeze a set of past pictures, on which the gate compares every later model too",
        """
        fieldguide backtest add spring_2026        the current test split, as data/backtests/spring_2026
        fieldguide backtest add snow ~/snow --date 2026-02-01    a folder of labelled folders
        """,
    )
    actions = backtest.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="freeze a set; it is tracked by DVC and never changed")
    add.add_argument("name", help="a letter first, then letters, digits, - and _")
    add.add_argument(
        "folder", nargs="?", type=Path, help="a folder of labelled folders; default: the current test split"
    )
    add.add_argument(
        "--date", type=datetime.date.fromisoformat, metavar="YYYY-MM-DD", help="of the pictures; default: today"
    )
    add.set_defaults(command=_backtest_add)


def _add_rollout(commands: Commands, make: Callable[..., argparse.ArgumentParser]) -> None:
    rollout = make(
        commands,
        "rollout",
        "move versions from challenger to shadow, limited and champion by the evidence, and back at once",
        """
        fieldguide rollout register 3f2a           make a run's model a version, the challenger; . is the checkout's
        fieldguide rollout status                  which version stands where, what it has, what it needs
        fieldguide rollout advance                 move the one that is furthest one step on
        fieldguide rollout advance challenger      move the one that stands there
        fieldguide rollout rollback --why "misses cubs"     the champion before this one again, at once
        fieldguide rollout rollback --to 4
        fieldguide rollout withdraw limited        take a candidate out
        fieldguide rollout history --csv           who moved what, when and why
        """,
    )
    rollout.epilog = (
        f"{rollout.epilog}\n\nexit code: 0 done, 1 not possible, 2 wrong usage, {NOT_ENOUGH} `advance` is refused: the "
        "evidence is missing.\nWhat each step needs is in conf/rollout/."
    )
    actions = rollout.add_subparsers(title="actions", metavar="ACTION", required=True)
    register = actions.add_parser("register", help="make a run's model a version, the challenger")
    register.add_argument(
        "run", metavar="RUN", help="id of a run in MLflow, its beginning, or its name; . is the checkout's"
    )
    register.set_defaults(command=_register)
    actions.add_parser("status", help="which version stands where, and what it needs").set_defaults(command=_status)
    advance = actions.add_parser("advance", help="move a version one step on, if the evidence is there")
    advance.add_argument("step", nargs="?", choices=["challenger", "shadow", "limited"], help="default: the furthest")
    advance.set_defaults(command=_advance)
    rollback = actions.add_parser("rollback", help="make an earlier version the champion again")
    rollback.add_argument("--to", type=int, metavar="VERSION", help="default: the champion before this one")
    rollback.set_defaults(command=_rollback)
    withdraw = actions.add_parser("withdraw", help="take a candidate out of the roll-out")
    withdraw.add_argument("step", choices=["challenger", "shadow", "limited"])
    withdraw.set_defaults(command=_withdraw)
    for action in (register, advance, rollback, withdraw):
        action.add_argument("--why", default="", help=WHY)
    history = actions.add_parser("history", help="every move, the first one first")
    history.add_argument("--csv", action="store_true", help="as CSV")
    history.set_defaults(command=_history)


def _which(text: str) -> str:
    if text != "." and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a version's number nor . for the checkout")
    return text


def require_checkout(paths: Paths) -> Paths:
    """Raise UserError where there is none, before a database or a lock is made there."""
    if not paths.params.is_file():
        raise UserError(f"{paths.params.name} is missing in {paths.checkout}: run this in a checkout")
    return paths


def _here() -> Paths:
    return require_checkout(Paths(Path.cwd()))


def _gate(options: argparse.Namespace) -> None:
    from fieldguide.gate.command import gate_command

    text, accepted = gate_command(_here(), options.model)
    print(text)
    sys.exit(0 if accepted else NOT_ENOUGH)


def _backtest_add(options: argparse.Namespace) -> None:
    from fieldguide.base.compose import compose
    from fieldguide.gate.freeze import freeze

    paths = _here()
    date = options.date or datetime.datetime.now(datetime.UTC).date()
    print(freeze(compose(paths), paths, options.name, options.folder, date))


def _register(options: argparse.Namespace) -> None:
    from fieldguide.rollout.registry import Registry
    from fieldguide.rollout.versions import actor

    version = Registry(_here()).register(options.run, actor(_here()), options.why)
    print(f"version {version.number} stands in {', '.join(version.steps)}; next: `fieldguide gate`")


def _status(_: argparse.Namespace) -> None:
    from fieldguide.rollout.command import status

    print(status(_here()))


def _advance(options: argparse.Namespace) -> None:
    from fieldguide.base.compose import compose
    from fieldguide.rollout.command import told
    from fieldguide.rollout.steps import Refused, advance
    from fieldguide.rollout.versions import actor

    paths = _here()
    try:
        print(told(advance(compose(paths), paths, actor(paths), options.why, options.step)))
    except Refused as refusal:
        print(f"fieldguide: {refusal}", file=sys.stderr)
        sys.exit(NOT_ENOUGH)


def _rollback(options: argparse.Namespace) -> None:
    from fieldguide.rollout.command import told
    from fieldguide.rollout.steps import rollback
    from fieldguide.rollout.versions import actor

    print(told(rollback(_here(), actor(_here()), options.why, options.to)))


def _withdraw(options: argparse.Namespace) -> None:
    from fieldguide.rollout.command import told
    from fieldguide.rollout.steps import withdraw
    from fieldguide.rollout.versions import actor

    print(told(withdraw(_here(), options.step, actor(_here()), options.why)))


def _history(options: argparse.Namespace) -> None:
    from fieldguide.rollout.command import history_text

    print(history_text(_here(), options.csv))


def _confirm(options: argparse.Namespace) -> None:
    from fieldguide.rollout.command import confirm

    print(confirm(_here(), options.what))
