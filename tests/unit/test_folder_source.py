"""Labelled folders: what is taken under which label, and what stays behind."""

import os
import shutil
from pathlib import Path

import pytest

from conftest import noise, put
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.data.sources.folder import FolderData
from fieldguide.data.sources.row import RawRow


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """data/sources/own with two labels of one picture each."""
    for label in ("cat", "dog"):
        put(tmp_path / "own" / label / "1.png", noise(len(label)))
    return tmp_path / "own"


def fetched(source: Path, labels: dict[str, str] | None = None) -> dict[str, RawRow]:
    made = source.parent / "raw"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    rows = FolderData("folder", labels or {}).fetch(source, made)
    for row in rows:
        if row.ok:
            assert row.file == source / row.source == source / row.path
            assert (row.bytes, row.sha256) == (row.file.stat().st_size, sha256_of_file(row.file))
        else:
            assert (row.path, row.file, row.bytes, row.sha256) == ("", None, 0, "")
            assert row.reason
    assert not list(made.iterdir())
    assert len({row.source for row in rows}) == len(rows)
    return {row.source: row for row in rows}


def test_the_first_folder_is_the_label_however_deep_the_picture(source: Path) -> None:
    put(source / "cat" / "2024" / "garden" / "2.png", noise(9))
    rows = fetched(source)
    assert {row.path: row.label for row in rows.values()} == {
        "cat/1.png": "cat",
        "cat/2024/garden/2.png": "cat",
        "dog/1.png": "dog",
    }
    assert list(rows) == sorted(rows)


@pytest.mark.parametrize(
    "name", ["Bär 熊.png", "new\nline.png", 'it\'s "one".png', "медведь", "a\\b.png", "x" * 250 + ".png"]
)
def test_any_name_that_is_text_is_taken(source: Path, name: str) -> None:
    put(source / "cat" / name, noise(9))
    put(source / f"label {name}"[:200] / "1.png", noise(10))
    rows = fetched(source)
    assert rows[f"cat/{name}"].ok
    assert rows[f"label {name}"[:200] + "/1.png"].label == f"label {name}"[:200]


def test_a_mapping_gives_folders_other_labels(source: Path) -> None:
    put(source / "kitten" / "1.png", noise(9))
    put(source / "c001" / "1.png", noise(10))
    rows = fetched(source, {"kitten": "cat", "c001": "Bär"})
    assert {name: (row.label, row.path) for name, row in rows.items()} == {
        "c001/1.png": ("Bär", "c001/1.png"),
        "cat/1.png": ("cat", "cat/1.png"),
        "dog/1.png": ("dog", "dog/1.png"),
        "kitten/1.png": ("cat", "kitten/1.png"),  # the same file name twice under one label
    }


def test_labels_may_change_places(source: Path) -> None:
    rows = fetched(source, {"cat": "dog", "dog": "cat"})
    assert [rows[f"{name}/1.png"].label for name in ("cat", "dog")] == ["dog", "cat"]


def test_paths_of_renamed_labels_never_meet(source: Path) -> None:
    put(source / "cat" / "kitten" / "1.png", noise(9))
    put(source / "kitten" / "1.png", noise(10))
    rows = fetched(source, {"kitten": "cat"})
    assert {row.path for row in rows.values() if row.label == "cat"} == {
        "cat/1.png",
        "cat/kitten/1.png",
        "kitten/1.png",
    }


def test_what_is_no_picture_s_file_stays_behind_with_a_reason(source: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "elsewhere" / "secret.png", noise(9))
    put(source / "README.md", b"read me")
    put(source / ".thumbnails" / "1.png", noise(9))
    put(source / "cat" / ".cache" / "1.png", noise(9))
    put(source / "cat" / ".hidden.png", noise(9))
    (source / "cat" / "link.png").symlink_to(secret)
    (source / "cat" / "folder").symlink_to(secret.parent)
    (source / "cat" / "nowhere.png").symlink_to("gone")
    (source / "linked").symlink_to(secret.parent)
    os.mkfifo(source / "cat" / "pipe")
    rows = fetched(source)
    reasons = {name: (row.label, row.reason) for name, row in rows.items() if not row.ok}
    link = "a link: fieldguide does not follow links out of the folder"
    assert reasons == {
        ".thumbnails": ("", "a hidden folder"),
        "README.md": ("", "text or data, not a picture"),
        "cat/.cache": ("cat", "a hidden folder"),
        "cat/.hidden.png": ("cat", "a hidden file"),
        "cat/folder": ("cat", link),
        "cat/link.png": ("cat", link),
        "cat/nowhere.png": ("cat", link),
        "cat/pipe": ("cat", "not a regular file"),
        "linked": ("", link),
    }


def test_a_name_that_is_not_text_costs_one_row(source: Path) -> None:
    for name in (b"cat/\xff\xfe.png", b"\xe4/1.png"):
        path = Path(os.fsdecode(os.fsencode(source) + b"/" + name))
        try:
            put(path, noise(9))
        except OSError:
            pytest.skip("this file system takes UTF-8 names only")
    rows = [row for row in fetched_with_odd_names(source) if not row.ok]
    assert [row.reason for row in rows] == ["its name is not UTF-8: rename it"] * 2
    assert all((row.source + row.label).encode("utf-8") for row in rows)


def fetched_with_odd_names(source: Path) -> list[RawRow]:
    (source.parent / "raw").mkdir()
    return FolderData("folder").fetch(source, source.parent / "raw")


def test_what_cannot_be_read_costs_one_row(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: Path) -> str:
        if "cat" in str(path):
            raise OSError(13, os.strerror(13), str(path))
        return sha256_of_file(path)

    monkeypatch.setattr("fieldguide.data.sources.row.sha256_of_file", fails)
    rows = fetched(source)
    assert rows["cat/1.png"].reason == "cannot be read: Permission denied"
    assert rows["dog/1.png"].ok


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"bird": "cat"}, r"conf/data/own.yaml: labels: no folder 'bird' in data/sources/own"),
        ({".hidden": "cat"}, "no folder '.hidden'"),
    ],
)
def test_a_mapping_of_a_folder_that_is_not_there(source: Path, labels: dict[str, str], message: str) -> None:
    put(source / ".hidden" / "1.png", noise(9))
    with pytest.raises(UserError, match=message):
        fetched(source, labels)


def test_no_folder_and_no_labels(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data/sources/own is missing: `fieldguide add own FOLDER`, or `dvc pull`"):
        fetched(tmp_path / "own")
    put(tmp_path / "own" / "1.png", noise(1))
    (tmp_path / "own" / ".git").mkdir()
    with pytest.raises(UserError, match="holds no folders"):
        fetched(tmp_path / "own")
