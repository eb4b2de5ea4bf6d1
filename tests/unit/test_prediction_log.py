"""The prediction log: nothing is lost, whoever writes; what people confirm."""

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.prediction.log import (
    CONFIRMED,
    PREDICTED,
    Logged,
    confirm_labels,
    join_log,
    log_predictions,
    read_confirmed,
    read_labels_csv,
    read_log,
)

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


def write_many(log: Path, writer: int) -> None:
    for number in range(25):
        log_predictions(log, [Logged(f"{writer}-{number}-{part}", 1, "champion", "bear", 0.5) for part in range(2)])


@pytest.mark.slow
def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(paths.log, number)) for number in range(4)]
    for process in writers:
        process.start()
    rows = 0
    while any(process.is_alive() for process in writers):
        join_log(paths)
        before, rows = rows, len(read_log(paths))
        assert rows >= before, "nothing is missing while files are joined"
    assert all(process.exitcode == 0 for process in writers)
    join_log(paths)
    assert sorted(read_log(paths)["id"]) == sorted(
        f"{w}-{n}-{p}" for w in range(4) for n in range(25) for p in range(2)
    )
    assert not list(tmp_path.rglob("*.partial"))


def test_files_of_a_day_become_one_even_if_a_kill_leaves_some_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(tmp_path)
    for number in range(6):
        log_predictions(paths.log, [Logged(f"{number}", 1, "shadow", "bear", 0.5)], DAY + timedelta(days=number % 2))
    confirm_labels(paths.log, [("one", "bear")], "Ann", DAY)
    confirm_labels(paths.log, [("one", "teddy")], "Ben", DAY + timedelta(hours=1))
    wanted = read_log(paths)

    class Killed(BaseException):
        pass

    def killed(_: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "unlink", lambda path, missing_ok=False: None if missing_ok else killed(path))
        join_log(paths)
    pd.testing.assert_frame_equal(read_log(paths), wanted)
    assert join_log(paths) == 3 + 2, "the first day was done"
    pd.testing.assert_frame_equal(read_log(paths), wanted)
    assert read_confirmed(paths)["label"].to_list() == ["teddy"]
    assert len(list(paths.log.rglob("*.parquet"))) == 3
    log_predictions(paths.log, [Logged("later", 1, "shadow", "bear", 0.5)], DAY)
    assert (join_log(paths), join_log(paths), len(read_log(paths))) == (2, 0, 7)


def test_what_was_logged_is_read_in_the_order_of_time_with_its_gaps(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert list(read_log(paths).columns) == PREDICTED.names
    log_predictions(paths.log, [Logged("late", 2, "shadow", "bear", 0.9, "gate 3", 0.01, True)], DAY)
    log_predictions(paths.log, [Logged("early", None, "champion", "teddy", 0.5)], DAY - timedelta(days=1))
    log_predictions(paths.log, [])
    log = read_log(paths)
    assert list(log["id"]) == ["early", "late"]
    assert log.loc[0, ["version", "p_value", "out_of_domain"]].isna().all()
    assert list(log.loc[1, ["version", "step", "site", "p_value", "out_of_domain"]]) == [
        2,
        "shadow",
        "gate 3",
        0.01,
        True,
    ]
    days = sorted(folder.name for folder in (paths.log / "predictions").iterdir())
    assert days == ["day=2026-02-28", "day=2026-03-01"]


def test_a_damaged_file_is_named_and_hides_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = Paths(tmp_path)
    log_predictions(paths.log, [Logged("one", 1, "champion", "bear", 0.5)], DAY)
    (paths.log / "predictions" / "day=2026-03-01" / "zero.parquet").write_bytes(b"")
    assert list(read_log(paths)["id"]) == ["one"]
    assert "day=2026-03-01/zero.parquet is damaged" in capsys.readouterr().err


def test_the_last_confirmed_label_of_a_picture_counts(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert list(read_confirmed(paths).columns) == CONFIRMED.names
    confirm_labels(paths.log, [("one", "bear"), ("two", "teddy")], "Ann", DAY)
    confirm_labels(paths.log, [("one", "teddy")], "Ben", DAY + timedelta(hours=1))
    confirmed = read_confirmed(paths)
    assert dict(zip(confirmed["id"], confirmed["label"], strict=True)) == {"one": "teddy", "two": "teddy"}
    assert len(list((paths.log / "confirmed").rglob("*.parquet"))) == 2


def test_labels_come_from_the_csv_that_predict_prints(tmp_path: Path) -> None:
    file = tmp_path / "week.csv"
    file.write_text("path,label,probability,id,reason\na.jpg,bear,0.9,01,\nb.jpg,,,,not a picture\nc.jpg,,0.4,03,\n")
    assert read_labels_csv(file) == [("01", "bear")]
    file.write_text("path,label\na.jpg,bear\n")
    with pytest.raises(UserError, match="is not a CSV file with the columns id and label"):
        read_labels_csv(file)
