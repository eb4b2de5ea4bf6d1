"""Which files `fieldguide predict` takes from its arguments, and in which order."""

import io
import os
from pathlib import Path

import pytest

from conftest import put
from fieldguide.base.errors import UserError
from fieldguide.prediction.picture_files import picture_files, require_something

NOTHING = io.BytesIO()


def test_a_folder_is_walked_in_sorted_order_without_hidden_files(tmp_path: Path) -> None:
    names = ["b.png", "a.png", "z/2.png", "z/1.png", "c/d/e.png", ".hidden.png", ".git/f.png", "z/.g/h.png"]
    for name in names:
        put(tmp_path / name, b"")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "linked.png").symlink_to(tmp_path / "a.png")
    found = [path.relative_to(tmp_path).as_posix() for path in picture_files([str(tmp_path)], NOTHING)]
    assert found == ["a.png", "b.png", "linked.png", "c/d/e.png", "z/1.png", "z/2.png"]


def test_a_hidden_file_that_is_named_is_taken() -> None:
    assert list(picture_files([".hidden.png", "missing.png"], NOTHING)) == [Path(".hidden.png"), Path("missing.png")]


def test_stdin_holds_one_path_a_line_in_any_encoding() -> None:
    listed = io.BytesIO(b"a b.png\n\nc.png\r\nlatin-\xe9.png\n./-\nlast.png")
    found = list(picture_files(["first.png", "-", "then.png"], listed))
    names = ["first.png", "a b.png", "c.png", os.fsdecode(b"latin-\xe9.png"), "-", "last.png", "then.png"]
    assert found == [Path(name) for name in names]


def test_files_are_given_one_at_a_time() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            buffer[:2] = b"x\n"
            return 2

    files = picture_files(["-"], io.BufferedReader(Endless(), 2))
    assert [next(files) for _ in range(3)] == [Path("x")] * 3


def test_nothing_there_is_said_and_something_is_enough(tmp_path: Path) -> None:
    empty, picture = tmp_path / "empty", put(tmp_path / "a.png", b"")
    empty.mkdir()
    put(empty / ".hidden", b"")
    with pytest.raises(UserError, match=r"no files in the folder .*empty"):
        require_something([str(empty), "missing.png"])
    with pytest.raises(UserError, match=r"no such file or folder: missing\.png"):
        require_something(["missing.png", str(empty)])
    require_something(["missing.png", str(picture)])
    require_something(["missing.png", "-"])
