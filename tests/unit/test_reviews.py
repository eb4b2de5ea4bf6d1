"""data/reviews.csv: what is read, and what a fault in it says."""

from pathlib import Path

import pytest

from fieldguide.base.errors import UserError
from fieldguide.data.reviews import Review, append_reviews, read_reviews

HEADER = "id,decision,label,reviewer,date,note\n"
FIRST, SECOND = "00112233445566aa", "ffeeddccbbaa0099"
GOOD = f"{FIRST},drop,,Ada,2026-11-22,blurred\n"


def given(folder: Path, text: str | bytes) -> Path:
    path = folder / "reviews.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_column_is_read_as_spreadsheets_write_it(tmp_path: Path) -> None:
    lines = f'{FIRST},relabel, teddy ,Ada,2026-11-22,"a toy, not a bear"\n\n{SECOND},keep,,Grace,2026-01-02,\n'
    plain = read_reviews(given(tmp_path, HEADER + lines))
    assert plain == {
        FIRST: Review(FIRST, "relabel", "teddy", "Ada", "2026-11-22", "a toy, not a bear", line=2),
        SECOND: Review(SECOND, "keep", "", "Grace", "2026-01-02", "", line=4),
    }
    assert read_reviews(given(tmp_path, ("\ufeff" + HEADER + lines).replace("\n", "\r\n"))) == plain


def test_no_file_and_no_lines_are_no_decisions(tmp_path: Path) -> None:
    assert read_reviews(tmp_path / "reviews.csv") == {}
    assert read_reviews(given(tmp_path, HEADER)) == {}


def test_the_newest_line_counts_in_whatever_order_branches_were_merged(tmp_path: Path) -> None:
    later = GOOD.replace("drop", "keep").replace("Ada,2026-11-22", "Grace,2026-11-23")
    for lines in (GOOD + later, later + GOOD):
        assert read_reviews(given(tmp_path, HEADER + lines))[FIRST].reviewer == "Grace"
    same_day = later.replace("11-23", "11-22")
    assert read_reviews(given(tmp_path, HEADER + GOOD + same_day))[FIRST].decision == "keep"
    assert read_reviews(given(tmp_path, HEADER + same_day + GOOD))[FIRST].decision == "drop"


def test_what_was_taken_back_is_no_decision_until_the_next(tmp_path: Path) -> None:
    undo = GOOD.replace("drop", "undo").replace("11-22", "11-23")
    other = GOOD.replace(FIRST, SECOND)
    assert list(read_reviews(given(tmp_path, HEADER + undo + other + GOOD))) == [SECOND]
    assert read_reviews(given(tmp_path, HEADER + GOOD + undo + GOOD.replace("11-22", "11-24")))[FIRST].line == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"data/reviews.csv line 1: the columns must be id,decision,label,reviewer,date,note \(found: \)"),
        (HEADER.replace(",", ";"), "line 1: the columns must be"),
        ("id,decision,label,date,note\n", "line 1: the columns must be"),
        (HEADER + GOOD + f"{SECOND},drop\n", "line 3: 2 values for the 6 columns"),
        (HEADER + GOOD.replace(FIRST, "1.1E+15"), "line 2: '1.1E\\+15' is not a picture id"),
        (HEADER + GOOD.replace(FIRST, FIRST.upper()), "line 2: .* is not a picture id"),
        (
            HEADER + GOOD.replace("drop", "delete"),
            "line 2: the decision must be one of keep, drop, relabel, undo .given: 'delete'",
        ),
        (HEADER + GOOD.replace("drop,", "drop,teddy"), "line 2: drop takes no label"),
        (HEADER + GOOD.replace("drop", "relabel"), "line 2: relabel needs a label"),
        (HEADER + GOOD.replace("Ada", " "), "line 2: the reviewer is missing"),
        (
            HEADER + GOOD.replace("2026-11-22", "22.11.2026"),
            "line 2: the date must be like 2026-01-31 .given: '22.11.2026'",
        ),
        (HEADER + GOOD.replace("2026-11-22", "2026-02-30"), "line 2: the date must be like 2026-01-31"),
        (HEADER + GOOD.replace("drop,", "undo,teddy"), "line 2: undo takes no label"),
        (HEADER + f'{FIRST},drop,,Ada,2026-11-22,"open\n', "line 2: not valid CSV"),
        (HEADER.encode() + b"\xff\xfe", "is not in UTF-8"),
    ],
)
def test_a_fault_is_one_line_that_names_its_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_reviews(given(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    path = given(tmp_path, HEADER + GOOD.removesuffix("\n"))  # an editor that ends no last line
    review = Review(SECOND, "relabel", "Bär, braun", "Ada", "2026-11-22", 'he said "no"')
    append_reviews(path, [review])
    assert path.read_bytes().startswith((HEADER + GOOD).encode())
    found = read_reviews(path)[SECOND]
    assert (found.label, found.note, found.line) == (review.label, review.note, 3)


def test_a_first_decision_makes_the_file(tmp_path: Path) -> None:
    append_reviews(tmp_path / "reviews.csv", [Review(FIRST, "keep", "", "Ada", "2026-11-22", "")])
    assert (tmp_path / "reviews.csv").read_text(encoding="utf-8") == HEADER + f"{FIRST},keep,,Ada,2026-11-22,\n"
