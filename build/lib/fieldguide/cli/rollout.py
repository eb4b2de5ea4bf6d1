"""The commands that roll out models and record confirmed labels: rollout, confirm."""

import argparse
import sys

from fieldguide.cli.commands import NOT_ENOUGH, Commands, add_command, add_json, checkout


def add_commands(commands: Commands) -> None:
    """Add the parsers."""
    _add_rollout(commands)
    _add_confirm(commands)


def _add_rollout(commands: Commands) -> None:
    rollout = add_command(
        commands,
        "rollout",
        "move versions from challenger to shadow, limited and champion as the evidence allows, and roll back",
        """
        fieldguide rollout register 3f2a           register the model of a run as the challenger; . is the checkout's
        fieldguide rollout status                  which version is at which step, and what it still needs
        fieldguide rollout advance                 move the most advanced version one step further
        fieldguide rollout advance challenger      move the version at that step
        fieldguide rollout rollback --why "misses cubs"     the previous champion again, at once
        fieldguide rollout rollback --to 4
        fieldguide rollout withdraw limited        take a version out
        fieldguide rollout history --csv           who moved which version, when and why
        """,
        stopped="a move is made completely or not at all: see `fieldguide rollout status`",
    )
    rollout.epilog = (
        f"{rollout.epilog}\n\nexit code: 0 done, 1 not possible, 2 wrong usage, {NOT_ENOUGH} `advance` is refused: "
        "not enough evidence.\nWhat each step needs is in conf/rollout/."
    )
    actions = rollout.add_subparsers(title="actions", metavar="ACTION", required=True)
    register = actions.add_parser("register", help="register the model of a run as the challenger")
    register.add_argument(
        "run", metavar="RUN", help="MLflow run id, the beginning of it, or the run's name; . is the checkout's model"
    )
    register.set_defaults(command=_register)
    status = actions.add_parser("status", help="which version is at which step, and what it needs")
    add_json(status)
    status.set_defaults(command=_status)
    advance = actions.add_parser("advance", help="move a version one step further, if the evidence suffices")
    advance.add_argument(
        "step", nargs="?", choices=["challenger", "shadow", "limited"], help="default: the most advanced"
    )
    advance.set_defaults(command=_advance)
    rollback = actions.add_parser("rollback", help="make an earlier version the champion again")
    rollback.add_argument("--to", type=int, metavar="VERSION", help="default: the previous champion")
    rollback.set_defaults(command=_rollback)
    withdraw = actions.add_parser("withdraw", help="take a version out of the roll-out")
    withdraw.add_argument("step", choices=["challenger", "shadow", "limited"])
    withdraw.set_defaults(command=_withdraw)
    for action in (register, advance, rollback, withdraw):
        action.add_argument("--why", default="", help="a reason, for the history")
    history = actions.add_parser("history", help="all moves, the oldest first")
    history.add_argument("--csv", action="store_true", help="as CSV")
    history.set_defaults(command=_history)


def _add_confirm(commands: Commands) -> None:
    confirm = add_command(
        commands,
        "confirm",
        "record the true labels of logged pictures",
        """
        fieldguide predict trail_camera --log > week.csv    then correct the column `label` in week.csv
        fieldguide confirm week.csv                reads the columns id and label; rows without a label are skipped
        fieldguide confirm 3f2a1b9c04d7e815 grizzly
        """,
    )
    confirm.add_argument(
        "what", nargs="+", metavar="FILE | ID LABEL", help="a CSV file, or a picture's id and its label"
    )
    confirm.set_defaults(command=_confirm)


def _register(options: argparse.Namespace) -> str:
    from fieldguide.base.git import user_or_account_name
    from fieldguide.release.registry import Registry

    version = Registry(checkout()).register(options.run, user_or_account_name(checkout().checkout), options.why)
    return f"version {version.number} is in {', '.join(version.steps)}; next: `fieldguide gate`"


def _status(options: argparse.Namespace) -> str:
    from fieldguide.release.rollout.command import status

    return status(checkout(), options.json)


def _advance(options: argparse.Namespace) -> str:
    from fieldguide.base.git import user_or_account_name
    from fieldguide.configuration.compose import compose
    from fieldguide.release.rollout.command import move_in_words
    from fieldguide.release.rollout.steps import EvidenceMissing, advance

    paths = checkout()
    try:
        return move_in_words(
            advance(compose(paths), paths, user_or_account_name(paths.checkout), options.why, options.step)
        )
    except EvidenceMissing as refusal:
        print(f"fieldguide: {refusal}", file=sys.stderr)
        sys.exit(NOT_ENOUGH)


def _rollback(options: argparse.Namespace) -> str:
    from fieldguide.base.git import user_or_account_name
    from fieldguide.release.rollout.command import move_in_words
    from fieldguide.release.rollout.steps import rollback

    return move_in_words(rollback(checkout(), user_or_account_name(checkout().checkout), options.why, options.to))


def _withdraw(options: argparse.Namespace) -> str:
    from fieldguide.base.git import user_or_account_name
    from fieldguide.release.rollout.command import move_in_words
    from fieldguide.release.rollout.steps import withdraw

    return move_in_words(withdraw(checkout(), options.step, user_or_account_name(checkout().checkout), options.why))


def _history(options: argparse.Namespace) -> str:
    from fieldguide.release.rollout.command import history_text

    return history_text(checkout(), options.csv)


def _confirm(options: argparse.Namespace) -> str:
    from fieldguide.release.rollout.command import confirm

    return confirm(checkout(), options.what)
