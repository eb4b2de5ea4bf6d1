"""What may be read in several ways, and what a person says of it: by an option, or asked on a terminal."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fieldguide.base.errors import UserError, printable
from fieldguide.base.suggestions import did_you_mean
from fieldguide.data.given_splits import SIDES, Side

LAYOUT, LABELS_FROM, COLUMNS, RENAME, SPLITS = "--layout", "--labels-from", "--columns", "--rename", "--splits"


@dataclass(frozen=True)
class Choices:
    """How a source is to be read, as far as a person says it; the options of `fieldguide add`.

    `boxes` is a file that adds boxes to what is read. `columns` are those of a table, by what they say. `labels` and
    `splits` become options of the data set: other labels for those that stand there, and the sides that words mean.
    """

    layout: str | None = None
    labels_from: str | None = None
    boxes: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, Side] = field(default_factory=dict)

    def with_option(self, option: str, value: str) -> "Choices":
        """The same with one option more."""
        if option == COLUMNS:
            return replace(self, columns={**self.columns, **parse_columns(value)})
        return replace(self, layout=value) if option == LAYOUT else replace(self, labels_from=value)


AS_IT_IS = Choices()


class Ambiguous(UserError):
    """What can be read in several ways; `options` are pairs of an option of the command and its value."""

    def __init__(self, question: str, options: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{question}: choose {' or '.join(_as_typed(*one) for one in options)}")
        self.question, self.options = question, list(options)


def parse_columns(text: str) -> dict[str, str]:
    """`label=species,file=path` as a mapping. Raises UserError if it is not of that form."""
    return _pairs(COLUMNS, text, "label=COLUMN")


def parse_splits(text: str) -> dict[str, Side]:
    """`treino=train,teste=test` as a mapping of words to sides. Raises UserError if it is not of that form."""
    sides = {word: SIDES.get(side.lower()) for word, side in _pairs(SPLITS, text, "WORD=SIDE").items()}
    if wrong := next((word for word, side in sides.items() if side is None), None):
        raise UserError(f"{SPLITS}: {wrong!r} needs a side: {', '.join(dict.fromkeys(SIDES.values()))}")
    return {word: side for word, side in sides.items() if side}


def parse_labels(texts: Sequence[str]) -> dict[str, str]:
    """Texts as `oak =Oak` as a mapping; spaces count. Raises UserError if one is not of that form."""
    pairs = [text.partition("=") for text in texts]
    if wrong := next((pair for pair in pairs if not (pair[0] and pair[1] and pair[2].strip())), None):
        raise UserError(f"{RENAME}: {''.join(wrong)!r} is not of the form 'OLD LABEL=NEW LABEL'")
    return {old: new for old, _, new in pairs}


def check_renamed(labels: Mapping[str, str], given: Iterable[str]) -> None:
    """Raise UserError if a label that is renamed is not there; `given` are those that stand there."""
    known = sorted({*given} - {""})
    if unknown := next((label for label in labels if label not in known), None):
        raise UserError(f"{RENAME}: there is no label {unknown!r}{did_you_mean(unknown, known)}")


def _pairs(option: str, text: str, form: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if wrong := next((part for part in pairs if not (part[0].strip() and part[1] and part[2].strip())), None):
        raise UserError(f"{option}: {''.join(wrong)!r} is not of the form {form}")
    return {what.strip(): meant.strip() for what, _, meant in pairs}


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
