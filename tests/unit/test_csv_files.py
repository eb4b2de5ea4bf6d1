"""Our own CSV tables: no spreadsheet runs what stands in them, and every text comes back as it went in."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldguide.base.csv_cells import csv_line
from fieldguide.base.errors import UserError
from fieldguide.data.csv_files import read_csv, write_csv
from fieldguide.data.table import RAW, read_table, write_table
from fieldguide.evaluation.tables import read_confusion, write_confusion

LOOKS_LIKE_MORE = ["0", "00001", "1.0", "1e5", "True", "False", "NA", "null", "nan", "", " ", "2026-01-31", "-5", "+1"]
RUN = ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "-1+cmd", "\t=1", "\r=1", "\n", "\x1b[31m", "'=1", "''-1", "\uff1d1"]
ODD = ["'", '"', 'a"b', "a,b", "two\nlines", "two\r\nlines", "\u202egpj.exe", "Bär", "<script>alert(1)</script>", "🐻"]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(LOOKS_LIKE_MORE + RUN + ODD)


@given(
    st.lists(texts, min_size=3, max_size=3, unique=True),
    st.lists(st.tuples(texts, st.integers(-9, 9), st.floats(allow_nan=False)), max_size=6),
)
def test_what_is_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], rows: list[tuple[str, int, float]]
) -> None:
    frame = pd.DataFrame(rows, columns=header).astype({header[0]: str, header[1]: int, header[2]: float})
    path = tmp_path_factory.getbasetemp() / "table.csv"
    write_csv(path, frame)
    back = read_csv(path, {header[1]: int, header[2]: float})
    assert list(back.columns) == header
    assert back.to_numpy(object).tolist() == frame.to_numpy(object).tolist()


@given(st.lists(texts, min_size=1, max_size=5))
def test_no_text_begins_as_a_formula_does(cells: list[str]) -> None:
    (line,) = csv.reader(io.StringIO(csv_line(cells), newline=""))
    assert len(line) == len(cells)
    assert not [cell for cell in line if re.match("[=+\\-@\uff1d\uff0b\uff0d\uff20\x00-\x1f]", cell)]


def test_numbers_stay_numbers_and_missing_values_empty(tmp_path: Path) -> None:
    frame = pd.DataFrame({"change": [-0.123456, None], "count": [-1, 2], "note": ["-0.1", None]})
    write_csv(tmp_path / "table.csv", frame, ".3f")
    assert (tmp_path / "table.csv").read_text() == "change,count,note\n-0.123,-1,'-0.1\n,2,\n"
    back = read_csv(tmp_path / "table.csv", {"change": float, "count": int})
    assert back["change"].tolist()[0] == -0.123 and back["change"].isna().tolist() == [False, True]
    assert back["note"].tolist() == ["-0.1", ""]


@pytest.mark.parametrize("text", ["", f"a\n{2**64}\n", "a,b\n1\n", 'a\n"1\n', "a\nx\n"])
def test_what_is_no_such_table_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(UserError, match=r"table\.csv is not the table that it should be"):
        read_csv(tmp_path / "table.csv", {"a": int})


@pytest.mark.parametrize("labels", [("0", "1"), ("True", "False"), ("00001", "1.0"), ("label", "=1"), ("NA", "\r\n")])
def test_a_confusion_matrix_keeps_its_labels(tmp_path: Path, labels: tuple[str, str]) -> None:
    counts = pd.DataFrame([[4, 0], [1, 3]], index=pd.Index(labels, name="label"), columns=labels)
    write_confusion(tmp_path / "counts.csv", counts)
    back = read_confusion(tmp_path / "counts.csv")
    assert (tuple(back.index), tuple(back.columns), back.to_numpy().tolist()) == (labels, labels, [[4, 0], [1, 3]])


@pytest.mark.parametrize("place", range(4, 3000, 97))
def test_a_damaged_parquet_file_is_one_line(tmp_path: Path, place: int) -> None:
    """Found by `make fuzz`: pyarrow says it in errors of several kinds, and reads texts that are no UTF-8."""
    known = {"label": "a", "ok": True, "reason": "", "bytes": 1, "sha256": "0" * 64}
    row = {"source": "a", "path": "a/1.png", "file": "data/sources/a/1.png", **known}
    file = tmp_path / "raw.parquet"
    write_table(pd.DataFrame([row] * 3), file, RAW)
    data = file.read_bytes()
    file.write_bytes(data[:place] + b"\xff\xfe" + data[place + 2 :])
    try:
        assert list(read_table(file, RAW).columns) == RAW.names
    except UserError as error:
        assert str(error).startswith(str(file)) and str(error).isprintable()
