"""What may be read in several ways, and what a person says of it: by an option, or asked on a terminal."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fieldguide.base.errors import UserError, printable

LAYOUT, LABELS_FROM, COLUMNS = "--layout", "--labels-from", "--columns"


@dataclass(frozen=True)
class Choices:
    """How a source is to be read, as far as a person says it; the options of `fieldguide add`.

    `boxes` is a file that adds boxes to what is read. `columns` are those of a table, by what they say.
    """

    layout: str | None = None
    labels_from: str | None = None
    boxes: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def with_option(self, option: str, value: str) -> "Choices":
        """The same with one option more."""
        if option == COLUMNS:
            return replace(self, columns={**self.columns, **parse_columns(value)})
        return replace(self, layout=value) if option == LAYOUT else replace(self, labels_from=value)


class Ambiguous(UserError):
    """What can be read in several ways; `options` are pairs of an option of the command and its value."""

    def __init__(self, question: str, options: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{question}: choose {' or '.join(_as_typed(*one) for one in options)}")
        self.question, self.options = question, list(options)


def parse_columns(text: str) -> dict[str, str]:
    """`label=species,file=path` as a mapping. Raises UserError if it is not of that form."""
    pairs = [part.partition("=") for part in text.split(",")]
    if wrong := next((part for part in pairs if not (part[0].strip() and part[1] and part[2].strip())), None):
        raise UserError(f"--columns: {''.join(wrong)!r} is not of the form label=COLUMN")
    return {what.strip(): column.strip() for what, _, column in pairs}


def is_a_terminal() -> bool:
    """Whether somebody is there who can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(doubt: Ambiguous) -> tuple[str, str]:
    """Let a person on the terminal choose one of the options; asks again until the answer is one.

    Raises UserError, with the options, if there is no answer.
    """
    print(printable(doubt.question))
    for number, option in enumerate(doubt.options, 1):
        print(f"  {number}  {printable(_as_typed(*option))}")
    while True:
        try:
            answer = input(f"which one (1 to {len(doubt.options)})? ").strip()
        except EOFError:
            raise doubt from None
        if answer.isdecimal() and 1 <= int(answer) <= len(doubt.options):
            return doubt.options[int(answer) - 1]


def find_below(folder: Path, text: str) -> Path:
    """A file that an option names: from the current folder, else below the source. Raises UserError if none is."""
    for path in (Path(text), folder / text):
        if path.is_file():
            return path
    raise UserError(f"{text} is no file, here or in {folder}: check the path")


def _as_typed(option: str, value: str) -> str:
    return f"{option} '{value}'"
