"""Files and folders that are replaced whole, or not at all."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import put, run_command, run_python
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, replace_file, replace_folder, sha256_of_file, write_json, write_text
from fieldguide.base.leftovers import remove_leftovers
from fieldguide.base.paths import Paths


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_replaced_at_the_end_of_the_block(tmp_path: Path) -> None:
    file = tmp_path / "new" / "table.txt"
    for text in ("one", "two"):
        with replace_file(file) as partial:
            partial.write_text(text)
            assert not file.exists() or file.read_text() == "one"
        assert contents(tmp_path) == {"new/table.txt": text}


def test_a_file_that_a_library_writes_for_its_owner_alone_may_be_read_as_any_other(tmp_path: Path) -> None:
    put(tmp_path / "other", b"x")
    with replace_file(tmp_path / "weights") as partial:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600))
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_hard_link_keeps_the_mode_of_the_file_that_it_was(tmp_path: Path) -> None:
    other = put(tmp_path / "other", b"x")
    other.chmod(0o440)
    with replace_file(tmp_path / "link") as partial:
        os.link(other, partial)
    assert (tmp_path / "link").samefile(other)
    assert other.stat().st_mode & 0o777 == 0o440


def test_where_modes_cannot_be_changed_files_are_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chmod", refuse)
    with replace_file(tmp_path / "file") as partial:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600))
    assert (tmp_path / "file").exists()


def test_a_folder_is_replaced_with_all_that_was_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "raw"
    for name in ("one", "two"):
        with replace_folder(folder) as partial:
            assert not list(partial.iterdir())
            put(partial / "deep" / name, b"x")
            assert not (folder / "deep" / name).exists()
        assert contents(tmp_path) == {f"new/raw/deep/{name}": "x"}
        assert [path.name for path in folder.parent.iterdir()] == ["raw"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_the_old_ones_stand_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    put(tmp_path / "file", b"old")
    put(tmp_path / "folder" / "a", b"old")
    with pytest.raises(error), replace_file(tmp_path / "file") as partial:
        partial.write_text("half")
        raise error
    with pytest.raises(error), replace_folder(tmp_path / "folder") as partial:
        put(partial / "b", b"half")
        raise error
    assert contents(tmp_path) == {"file": "old", "folder/a": "old"}
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


KILLED = """
import os, signal
from pathlib import Path
from fieldguide.base.files import replace_file, replace_folder
with replace_folder(Path("folder")) as partial, replace_file(Path("file")) as half:
    (partial / "b").write_text("half")
    half.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_the_old_ones_and_the_next_goes_on(tmp_path: Path) -> None:
    put(tmp_path / "file", b"old")
    put(tmp_path / "folder" / "a", b"old")
    assert run_python("-c", KILLED, cwd=tmp_path).returncode == -9
    assert (tmp_path / "file").read_text() == "old"
    assert contents(tmp_path / "folder") == {"a": "old"}
    with replace_folder(tmp_path / "folder") as partial, replace_file(tmp_path / "file") as half:
        put(partial / "c", b"new")
        half.write_text("new")
    assert contents(tmp_path) == {"file": "new", "folder/c": "new"}


LEFT = """
import os, signal
from pathlib import Path
from fieldguide.base.files import replace_folder
with replace_folder(Path("data/clean")) as partial, replace_folder(Path("reports/screen/data_docs")) as docs:
    (partial / "a").mkdir()
    (partial / "a" / "b").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_stage_left_goes_though_the_stage_never_runs_again(checkout: Paths) -> None:
    """As after a kill, when DVC restores the outputs from its cache of runs."""
    waiting, new = checkout.sources / ".mine.partial" / "a", checkout.root / "data" / ".new.parquet.partial"
    old, only = checkout.root / "data" / ".clean.old", checkout.root / "data" / ".raw.old"
    for folder in (waiting, old, only):
        put(folder / "1.png", b"x")
    stale = put(checkout.root / "models" / ".classifier.safetensors.partial", b"half")
    os.utime(stale, (0, 0))
    put(new, b"half")  # so new that somebody may be writing it
    put(checkout.clean / "a" / "b", b"restored")
    assert run_python("-c", LEFT, cwd=checkout.root).returncode == -9
    assert len(list(checkout.root.rglob(".*.partial"))) == 5
    assert run_command("config", cwd=checkout.root).returncode == 0
    assert set(checkout.root.rglob(".*.partial")) == {waiting.parent, new}
    assert not old.exists()
    assert only.exists()
    assert contents(checkout.clean) == {"a/b": "restored"}


def test_what_another_process_is_writing_stays(checkout: Paths) -> None:
    with replace_folder(checkout.clean) as partial:
        put(partial / "a", b"new")
        remove_leftovers(checkout)
        assert partial.is_dir()
    assert contents(checkout.clean) == {"a": "new"}


def test_a_folder_that_was_moved_aside_when_the_process_died_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    put(folder / "a", b"old")
    move = Path.replace

    def dies(path: Path, target: Path) -> Path:
        if target == folder:
            raise SystemExit("killed between the two renames")
        return move(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(SystemExit), replace_folder(folder) as partial:
            put(partial / "b", b"new")
    with pytest.raises(ValueError, match="next run"), replace_folder(folder):
        raise ValueError("the next run fails at once")
    assert contents(folder) == {"a": "old"}


def test_text_is_utf_8_with_unix_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "Bär\n熊\n")
    assert (tmp_path / "text").read_bytes() == "Bär\n熊\n".encode()


def test_json_comes_back_and_refuses_what_json_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "metrics.json"
    content = {"Bär": [1, 0.5, None, True]}
    write_json(file, content)
    assert read_json(file) == content
    assert "Bär" in file.read_text(encoding="utf-8")
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            write_json(file, {"loss": number})
    assert read_json(file) == content


@pytest.mark.parametrize("content", [b"", b"x" * 3_000_000])
def test_the_hash_of_a_file(tmp_path: Path, content: bytes) -> None:
    assert sha256_of_file(put(tmp_path / "file", content)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("write", [write_text, write_json])
def test_writing_makes_the_folders_above(tmp_path: Path, write: Callable[[Path, str], None]) -> None:
    write(tmp_path / "a" / "b" / "c", "x")
    assert (tmp_path / "a" / "b" / "c").is_file()


def test_an_error_in_writing_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with pytest.raises(OSError, match="No space left") as error, replace_file(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_told_already_is_told_once_whatever_it_quotes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nobody listens"), replace_folder(tmp_path / "made"):
        raise UserError("nobody listens ([Errno 111] Connection refused)")
