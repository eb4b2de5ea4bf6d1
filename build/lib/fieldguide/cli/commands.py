"""What the commands share: how one is added, how a mistake in it is told, and where it works."""

import argparse
import re
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from fieldguide.base.paths import Paths, check_checkout
from fieldguide.base.suggestions import did_you_mean

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
NOT_ENOUGH = 3  # exit code: the evidence does not carry it
NOTHING_CHANGED = "nothing was changed"
WRONG_CHOICE = re.compile(r"(.*: )invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)  # of argparse


class Parser(argparse.ArgumentParser):
    """Says what a person may have meant by a command, an action, a choice or an option that does not exist."""

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        if wrong := WRONG_CHOICE.fullmatch(message):
            known = re.findall(r"[\w-]+", wrong[3])
            message = f"{wrong[1]}there is no {wrong[2]!r}{did_you_mean(wrong[2], known)}; one of: {', '.join(known)}"
        super().error(message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:  # type: ignore[override]
        """As argparse does, but what a command does not know is told with that command's usage."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            options = [option for option in re.findall(r"--[\w-]+", self.format_help()) if option != rest[0]]
            meant = did_you_mean(rest[0].partition("=")[0], options) if rest[0].startswith("-") else ""
            self.error(f"unrecognized arguments: {' '.join(rest)}{meant}")
        return found, rest


def add_command(
    commands: Commands,
    name: str,
    help_line: str,
    examples: str,
    stopped: str = NOTHING_CHANGED,
    prints_itself: bool = False,
    **settings: Any,
) -> argparse.ArgumentParser:
    """Add the parser of one command; its help ends with the examples, one a line.

    Parameters
    ----------
    examples
        Lines of a command and what it does.
    stopped
        What is kept of its work when Ctrl-C ends it.
    prints_itself
        Whether it prints while it works, and shows its progress itself. Others return what is to be printed, a text or
        a text and an exit code.
    settings
        For argparse.
    """
    lines = [line.strip() for line in examples.strip().splitlines()]
    command = commands.add_parser(
        name,
        help=help_line,
        description=f"{help_line[0].upper()}{help_line[1:]}.",
        epilog="examples:\n" + "\n".join(f"  {line}" for line in lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **settings,
    )
    command.set_defaults(command_name=name, stopped=stopped, prints_itself=prints_itself)
    return command


def add_json(command: argparse.ArgumentParser) -> None:
    """Add the option --json; docs/commands.md tells the keys."""
    command.add_argument("--json", action="store_true", help="as JSON, for programs; keys: docs/commands.md")


def here() -> Paths:
    """The current folder, in which commands work."""
    return Paths(Path.cwd())


def checkout() -> Paths:
    """The current folder, a checkout. Raises UserError where it is none, before a database or a lock is made there."""
    paths = here()
    check_checkout(paths)
    return paths
