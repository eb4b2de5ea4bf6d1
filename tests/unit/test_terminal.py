"""Tables line up for names in any script, and are the same plain text wherever they go."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conftest import run_python
from fieldguide.base.errors import first_line
from fieldguide.base.terminal import columns_of, key_values, line, table
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.rows import FIRST_ROWS, write_rows

# Names, and how many columns a terminal gives them
NAMES = {
    "bear": 4,
    "熊猫": 4,
    "くま": 4,
    "곰": 2,
    "ours brun": 9,
    "Ba\u0308r": 3,  # a combining mark
    "मेंढक": 3,  # three letters, and signs that stand above the first
    "🐻": 2,
    "👩\u200d👩\u200d👧": 2,  # one family of three, joined
    "медведь": 7,
    "[red]bear[/red]": 15,  # what rich takes for markup
    "1e3": 3,
    " 007": 4,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_takes_as_many_columns_as_a_terminal_gives_it(name: str) -> None:
    assert columns_of(name) == NAMES[name]


def test_columns_line_up_for_names_in_any_script() -> None:
    header, *rows = table([[name, "x"] for name in NAMES], ["名前", "then"]).split("\n")
    assert header == "名前" + " " * (max(NAMES.values()) - 2) + "then"
    assert rows == [name + " " * (max(NAMES.values()) + 2 - columns) + "x" for name, columns in NAMES.items()]
    assert key_values((name, "x") for name in NAMES).split("\n") == rows


def test_numbers_stay_as_they_are_written_and_may_stand_at_the_right() -> None:
    rows = [["007", "0.90", "-0.010"], ["1e3", "12", "熊"]]
    assert table(rows, ["a", "", "long"], right=(2,)).split("\n") == [
        "a            long",
        "007  0.90  -0.010",
        "1e3  12        熊",
    ]


def test_a_cell_can_break_neither_its_line_nor_the_terminal() -> None:
    assert table([["a\nb", "\x1b[31mred", ""], ["\u2028", "", ""]]).split("\n") == ["a\\nb    \\x1b[31mred", "\\u2028"]


def test_a_table_without_rows_is_its_header() -> None:
    assert table([], ["a", "b"]) == "a  b"
    assert table([]) == ""


def test_nothing_is_coloured_cut_or_wrapped_when_it_is_piped(tmp_path: Path) -> None:
    code = f"from fieldguide.base.terminal import table; print(table([['{'long ' * 60}', 'x'], ['熊', 'x']]))"
    narrow = run_python("-c", code, cwd=tmp_path, COLUMNS="20", FORCE_COLOR="1", TERM="xterm-256color")
    assert narrow.stdout == f"{'long ' * 60}  x\n熊{' ' * 298}  x\n"
    assert narrow.stderr == ""


def test_a_line_of_a_table_that_streams_lines_up_with_the_others() -> None:
    widths = [max(NAMES.values()), 4]
    assert "\n".join(line([name, "x"], widths) for name in NAMES) == table([name, "x"] for name in NAMES)
    assert line(["too wide", "x", ""], [3, 2, 5]) == "too wide  x"


def test_answers_are_printed_as_they_come() -> None:
    stream, shown = io.StringIO(), []

    def answers() -> Iterator[tuple[str, Answer]]:
        for number in range(2 * FIRST_ROWS):
            shown.append(stream.getvalue().count("\n"))
            yield f"熊{number:02d}.png", Answer(np.array([0.25, 0.75]), "")

    write_rows(stream, "table", answers(), ["Bär", "熊猫"], all_=False)
    assert shown == [0] * FIRST_ROWS + [number + 1 for number in range(FIRST_ROWS, 2 * FIRST_ROWS)]
    header, *rows = stream.getvalue().splitlines()
    assert header == "path      label  probability  reason"
    assert rows == [f"熊{number:02d}.png  熊猫   0.7500" for number in range(2 * FIRST_ROWS)]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (AssertionError(), "AssertionError"),
        (ValueError("\n \ntwo"), "two"),
        (KeyError("a"), "'a'"),
    ],
)
def test_of_an_error_the_first_line_is_told_or_its_kind(error: Exception, line: str) -> None:
    assert first_line(error) == line
