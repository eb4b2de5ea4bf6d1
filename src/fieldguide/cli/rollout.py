"""The commands that move models and note what pictures really show: rollout, confirm."""

import argparse
import sys

from fieldguide.cli.commands import NOT_ENOUGH, Commands, add_command, checkout


def add_commands(commands: Commands) -> None:
    """Add the parsers."""
    _add_rollout(commands)
    _add_confirm(commands)


def _add_rollout(commands: Commands) -> None:
    rollout = add_command(
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
        action.add_argument("--why", default="", help="a word for the history")
    history = actions.add_parser("history", help="every move, the first one first")
    history.add_argument("--csv", action="store_true", help="as CSV")
    history.set_defaults(command=_history)


def _add_confirm(commands: Commands) -> None:
    confirm = add_command(
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


def _register(options: argparse.Namespace) -> None:
    from fieldguide.base.git import user_or_account_name
    from fieldguide.release.registry import Registry

    version = Registry(checkout()).register(options.run, user_or_account_name(checkout().checkout), options.why)
    print(f"version {version.number} stands in {', '.join(version.steps)}; next: `fieldguide gate`")


def _status(_: argparse.Namespace) -> None:
    from fieldguide.release.rollout.command import status

    print(status(checkout()))


def _advance(options: argparse.Namespace) -> None:
    from fieldguide.base.compose import compose
    from fieldguide.base.git import user_or_account_name
    from fieldguide.release.rollout.command import told
    from fieldguide.release.rollout.steps import Refused, advance

    paths = checkout()
    try:
        print(told(advance(compose(paths), paths, user_or_account_name(paths.checkout), options.why, options.step)))
    except Refused as refusal:
        print(f"fieldguide: {refusal}", file=sys.stderr)
        sys.exit(NOT_ENOUGH)


def _rollback(options: argparse.Namespace) -> None:
    from fieldguide.base.git import user_or_account_name
    from fieldguide.release.rollout.command import told
    from fieldguide.release.rollout.steps import rollback

    print(told(rollback(checkout(), user_or_account_name(checkout().checkout), options.why, options.to)))


def _withdraw(options: argparse.Namespace) -> None:
    from fieldguide.base.git import user_or_account_name
    from fieldguide.release.rollout.command import told
    from fieldguide.release.rollout.steps import withdraw

    print(told(withdraw(checkout(), options.step, user_or_account_name(checkout().checkout), options.why)))


def _history(options: argparse.Namespace) -> None:
    from fieldguide.release.rollout.command import history_text

    print(history_text(checkout(), options.csv))


def _confirm(options: argparse.Namespace) -> None:
    from fieldguide.release.rollout.command import confirm

    print(confirm(checkout(), options.what))
