"""What the commands share: how one is added, and where it works."""

import argparse
from pathlib import Path
from typing import Any, TypeAlias

from fieldguide.base.paths import Paths, check_checkout

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
NOT_ENOUGH = 3  # exit code: the evidence does not carry it


def add_command(
    commands: Commands, name: str, help_line: str, examples: str, **settings: Any
) -> argparse.ArgumentParser:
    """Add the parser of one command; its help ends with the examples, one a line."""
    lines = [line.strip() for line in examples.strip().splitlines()]
    return commands.add_parser(
        name,
        help=help_line,
        description=f"{help_line[0].upper()}{help_line[1:]}.",
        epilog="examples:\n" + "\n".join(f"  {line}" for line in lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **settings,
    )


def here() -> Paths:
    """The current folder, in which commands work."""
    return Paths(Path.cwd())


def checkout() -> Paths:
    """The current folder, a checkout. Raises UserError where it is none, before a database or a lock is made there."""
    paths = here()
    check_checkout(paths)
    return paths
