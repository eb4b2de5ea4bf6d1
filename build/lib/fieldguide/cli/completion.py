"""The command `completion`: what a shell needs to complete commands, options, files, and options of groups."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from fieldguide.cli.commands import Commands, Parser, add_command

SHELLS = ("bash", "zsh", "fish")
OVERRIDES = "_fieldguide_overrides"
# `resize=pad` for every file of conf/; bash takes what is before `=` for a word of its own.
BASH_FUNCTION = f"""
{OVERRIDES}() {{
  local word="${{COMP_LINE:0:COMP_POINT}}" before="" option
  word="${{word##* }}"
  [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && before="${{word%=*}}="
  for option in conf/*/*.yaml; do
    option="${{option#conf/}}"
    option="${{option%.yaml}}"
    option="${{option/\\//=}}"
    [[ $option == "$word"* ]] && echo "${{option#"$before"}}"
  done
}}
"""


def add_completion(commands: Commands, every: Parser) -> None:
    """Add the parser; `every` is that of all commands."""
    completion = add_command(
        commands,
        "completion",
        "print the completion script of a shell",
        """
        eval "$(fieldguide completion bash)"       in ~/.bashrc
        eval "$(fieldguide completion zsh)"        in ~/.zshrc, after compinit
        fieldguide completion fish > ~/.config/fish/completions/fieldguide.fish
        """,
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(command=partial(_completion, every))


def _completion(every: Parser, options: argparse.Namespace) -> str:
    import shtab

    _mark(every, shtab.FILE)
    return str(shtab.complete(every, options.shell))


def _mark(parser: argparse.ArgumentParser, files: Any) -> None:
    """Say of the arguments that are files or overrides how they are completed."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _mark(command, files)
        elif action.type is Path or "FILE" in str(action.metavar):
            action.complete = files  # type: ignore[attr-defined]
        elif str(action.metavar).startswith("KEY="):
            action.complete = {"bash": OVERRIDES, "preamble": {"bash": BASH_FUNCTION}}  # type: ignore[attr-defined]
