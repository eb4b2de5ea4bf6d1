"""Packs: large data sets lie in few files, are read as if each picture were a file, and give the same results."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkouts import new_checkout
from conftest import OwnData, encoded, examples, noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.packs import is_packed, open_file, packed_files, write_pack, write_packs
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.choices import AS_IT_IS
from fieldguide.data.images import open_picture
from fieldguide.data.source_places import opened, pictures_in
from fieldguide.data.table import IMAGES, RAW, read_table
from fieldguide.data.understanding import understand
from fieldguide.retraining.data_changes import list_files
from fieldguide.reviewing.find import find_picture
from fieldguide.screening.quality import picture_quality
from fieldguide.stages import clean, download

NAMES = st.lists(st.text(st.characters(exclude_characters="/\0.", exclude_categories=["Cs"]), min_size=1), min_size=1)


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("data.cleaning", "data.add_pictures"):
        monkeypatch.setattr(f"fieldguide.{module}.ENOUGH", 5)
    monkeypatch.setattr("fieldguide.base.packs.MAX_FILES", 3)
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)


@settings(max_examples=examples(40), derandomize=True, deadline=None)
@given(st.dictionaries(NAMES.map("/".join), st.binary(max_size=200), min_size=1, max_size=8))
def test_what_goes_into_a_pack_comes_out(tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]) -> None:
    folder = tmp_path_factory.mktemp("packs")
    files = [(name, put(folder / f"{number}", content)) for number, (name, content) in enumerate(contents.items())]
    for pack in ("one.zip", "two.zip"):
        write_pack(folder / pack, files)
    assert (folder / "one.zip").read_bytes() == (folder / "two.zip").read_bytes()
    for name, content in contents.items():
        assert is_packed(folder / "one.zip" / name)
        with open_file(folder / "one.zip" / name) as file:
            assert file.read() == content
    with pytest.raises(FileNotFoundError):
        open_file(folder / "one.zip" / "none of them.")


def zipped(path: Path, *names: str, compression: int = 0) -> None:
    with ZipFile(path, "w", compression) as archive:
        for name in names:
            archive.writestr(ZipInfo(name) if not compression else name, bytes(1000))


def cut(pack: Path) -> None:
    zipped(pack, "a/1.png")
    pack.write_bytes(pack.read_bytes()[:-30])


def boasting(pack: Path) -> None:
    """Two files that are said to hold the same bytes, and more than there are."""
    zipped(pack, "a/1.png")
    content = bytearray(pack.read_bytes())
    start = content.index(b"PK\1\2")
    struct.pack_into("<II", content, start + 20, 10**8, 10**8)
    pack.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda pack: zipped(pack, "../../up.png"), "leads out of it"),
        (lambda pack: zipped(pack, "/etc/passwd"), "leads out of it"),
        (lambda pack: zipped(pack, "a/./1.png"), "leads out of it"),
        (lambda pack: zipped(pack, "a/1.png", compression=ZIP_DEFLATED), "is compressed or encrypted: unpack it"),
        (boasting, "cannot be"),
        (cut, "is damaged"),
        (lambda pack: pack.write_bytes(b"no archive"), "is damaged"),
    ],
)
def test_a_pack_that_strangers_made_is_refused_in_one_line(
    own_data: OwnData, make: Callable[[Path], None], said: str
) -> None:
    cfg, paths = own_data()
    put(paths.sources / "own" / "a" / "plain.png", noise(1))
    make(paths.sources / "own" / "pictures-0000.zip")
    with pytest.raises(UserError, match=said) as refused:
        download.run(cfg, paths)
    assert "pictures-0000.zip" in str(refused.value)


def test_a_picture_that_was_damaged_in_its_pack_is_told(tmp_path: Path) -> None:
    pack = tmp_path / "pictures-0000.zip"
    write_packs(tmp_path, [("a/1.png", put(tmp_path / "1.png", noise(1)))])
    content = bytearray(pack.read_bytes())
    content[60] ^= 1
    pack.write_bytes(content)
    with pytest.raises(UserError, match=r"a/1\.png in it is not what was written"):
        open_picture(pack / "a" / "1.png", 1)


def cleaned(paths: Paths) -> tuple[pd.DataFrame, pd.DataFrame]:
    cfg = compose(paths)
    download.run(cfg, paths)
    clean.run(cfg, paths)
    return read_table(paths.raw_table, RAW), read_table(paths.image_table, IMAGES)


@pytest.mark.slow
def test_a_large_set_is_added_in_packs_and_gives_what_files_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = tmp_path / "album"
    for number in range(10):
        put(album / "ab"[number % 2] / f"{number}.jpg", encoded(noise(number), "JPEG"))
    put(album / "a" / "copy.jpg", (album / "a" / "0.jpg").read_bytes())
    put(album / "b" / "text.txt", b"text")
    packed, plain = new_checkout(tmp_path / "packed"), new_checkout(tmp_path / "plain")
    for paths, more in ((packed, ()), (plain, ("--link",))):  # a link is a file of its own
        done = run_command("add", "own", str(album), *more, cwd=paths.root)
        assert done.returncode == 0, done.stderr
    raw, images = cleaned(packed)
    assert list(raw["file"][:2]) == [f"data/sources/own/pictures-0000.zip/a/{number}.jpg" for number in (0, 2)]
    assert sorted(path.name for path in (packed.sources / "own").iterdir()) == [
        f"pictures-000{n}.zip" for n in range(4)
    ]
    assert sorted(path.suffix for path in packed.clean.iterdir()) == [".zip"] * len(images["id"].str[:2].unique())
    with monkeypatch.context() as patch:
        patch.setattr("fieldguide.data.cleaning.ENOUGH", 100)
        other_raw, others = cleaned(plain)
    assert raw.drop(columns="file").equals(other_raw.drop(columns="file"))
    assert images.drop(columns=["file", "clean_path"]).equals(others.drop(columns=["file", "clean_path"]))
    kept = images["status"] == "kept"
    assert kept.sum() == 10
    for row in images[kept].itertuples():
        assert row.clean_path == f"{str(row.id)[:2]}.zip/{row.label}/{row.id}.jpg"
        assert sha256_of_file(packed.clean / str(row.clean_path)) == row.clean_sha256
    files = [
        [paths.clean / path for path in table.loc[kept, "clean_path"]]
        for paths, table in ((packed, images), (plain, others))
    ]
    judged = [
        picture_quality([(sha256_of_file(file), file) for file in copies], paths.root / f"kept {number}")
        for number, copies in enumerate(files)
    ]
    pd.testing.assert_frame_equal(judged[0], judged[1])
    assert list_files(packed.sources / "own") == list_files(plain.sources / "own")


@pytest.mark.slow
def test_an_archive_of_very_many_pictures_is_packed_as_its_folder_is(tmp_path: Path) -> None:
    album = tmp_path / "album"
    for number in range(10):
        put(album / "ab"[number % 2] / f"{number}.jpg", encoded(noise(number), "JPEG"))
    with ZipFile(tmp_path / "album.zip", "w") as archive:
        for path in sorted(album.rglob("*.jpg")):
            archive.write(path, path.relative_to(album))
    contents = {}
    for name in ("album", "album.zip"):
        paths = new_checkout(tmp_path / f"checkout of {name}")
        done = run_command("add", "own", str(tmp_path / name), cwd=paths.root)
        assert done.returncode == 0, done.stderr
        contents[name] = {path.name: path.read_bytes() for path in (paths.sources / "own").iterdir()}
    assert contents["album"] == contents["album.zip"] and len(contents["album"]) == 4


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--link",)])
def test_a_source_that_holds_packs_is_added(tmp_path: Path, more: tuple[str, ...]) -> None:
    album = tmp_path / "album"
    album.mkdir()
    files = {f"{'ab'[number % 2]}/{number}.png": put(tmp_path / f"{number}.png", noise(number)) for number in range(4)}
    write_packs(album, files.items())
    put(album / "a" / "plain.png", noise(9))
    paths = new_checkout(tmp_path / "checkout")
    done = run_command("add", "own", str(album), *more, cwd=paths.root)
    assert done.returncode == 0, done.stderr
    own = paths.sources / "own"
    assert {name: (own / name).read_bytes() for name in files} == {
        name: path.read_bytes() for name, path in files.items()
    }
    assert (own / "a" / "plain.png").is_file()


def table_set(folder: Path, kind: str) -> None:
    """Pictures without folders of labels, and a file of annotations that says what they are."""
    names = [f"images/{number}.png" for number in range(4)]
    labels = ["fox", "owl"] * 2
    for number, name in enumerate(names):
        put(folder / name, noise(number))
    pairs = list(zip(names, labels, strict=True))
    if kind == "coco":
        images = [{"id": number, "file_name": name.rpartition("/")[2]} for number, name in enumerate(names)]
        boxes = [{"image_id": number, "category_id": number % 2, "bbox": [1, 1, 8, 8]} for number in range(4)]
        categories = [{"id": 0, "name": "fox"}, {"id": 1, "name": "owl"}]
        content = {"images": images, "annotations": boxes, "categories": categories}
        put(folder / "annotations" / "instances.json", json.dumps(content).encode())
    elif kind == "csv":
        put(folder / "labels.csv", "".join(f"{name},{label}\n" for name, label in [("file", "label"), *pairs]).encode())
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        for row in [("file", "label"), *pairs]:
            book.active.append(row)
        book.save(folder / "labels.xlsx")
    elif kind == "parquet":
        pd.DataFrame(pairs, columns=["file", "label"]).to_parquet(folder / "labels.parquet")
    else:
        resources = [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]
        put(folder / "datapackage.json", json.dumps({"profile": "camtrap-dp", "resources": resources}).encode())
        put(folder / "deployments.csv", b"deploymentID,locationName\nd,mill\n")
        media = [f"{place},d,2024-05-01T10:00:0{place}Z,{name}" for place, name in enumerate(names)]
        put(folder / "media.csv", "\n".join(["mediaID,deploymentID,timestamp,filePath", *media]).encode())
        seen = [f"{place},{place},d,animal,{label}" for place, label in enumerate(labels)]
        header = "observationID,mediaID,deploymentID,observationType,scientificName"
        put(folder / "observations.csv", "\n".join([header, *seen]).encode())


@pytest.mark.parametrize("form", ["packs", "zip", "tar"])
@pytest.mark.parametrize("kind", ["coco", "csv", "xlsx", "parquet", "camtrap"])
def test_files_of_annotations_are_read_in_packs_and_archives_as_in_folders(
    tmp_path: Path, kind: str, form: str
) -> None:
    album = tmp_path / "album"
    table_set(album, kind)
    plain = understand(pictures_in(album), AS_IT_IS)
    packed = tmp_path / "packed"
    if form == "packs":
        packed.mkdir()
        names = sorted(path.relative_to(album).as_posix() for path in album.rglob("*.*"))
        write_packs(packed, [(name, album / name) for name in names])
    else:
        packed = Path(shutil.make_archive(str(packed), form, album))
    with opened(str(packed), tmp_path / "work") as place:
        read = understand(pictures_in(place.path), AS_IT_IS)
    assert read.listed == plain.listed and len(read.pictures) == 4
    assert {one.label for one in read.pictures} == {"fox", "owl"}
    assert read.understood == plain.understood


def test_links_out_of_the_folder_and_folders_are_no_packs(own_data: OwnData, tmp_path: Path) -> None:
    cfg, paths = own_data()
    source = paths.sources / "own"
    put(source / "a" / "1.png", noise(1))
    write_packs(tmp_path, [("a/secret.png", put(tmp_path / "secret.png", noise(2)))])
    (source / "pictures-0000.zip").symlink_to(tmp_path / "pictures-0000.zip")
    (source / "pictures-0001.zip").symlink_to(tmp_path / "nowhere")
    put(source / "pictures-0002.zip" / "2.png", noise(3))
    assert list(packed_files(source)) == []
    assert sorted(pictures_in(source).files) == ["a/1.png", "pictures-0002.zip/2.png"]
    download.run(cfg, paths)
    raw = read_table(paths.raw_table, RAW)
    assert dict(zip(raw["source"], raw["ok"], strict=True)) == {
        "a/1.png": True,
        "pictures-0000.zip": False,
        "pictures-0001.zip": False,
        "pictures-0002.zip/2.png": True,
    }


def test_pictures_come_and_go_beside_packs(own_data: OwnData, tmp_path: Path) -> None:
    _, paths = own_data()
    source = paths.sources / "own"
    write_packs(source, [(f"{label}/1.png", put(tmp_path / label, noise(ord(label)))) for label in "ab"])
    put(source / "b" / "1.png", noise(7))  # instead of the packed one
    put(source / "c" / "1.png", noise(8))
    raw, images = cleaned(paths)
    assert list(raw["path"]) == ["a/1.png", "b/1.png", "c/1.png"]
    assert [is_packed(paths.raw_file(file)) for file in raw["file"]] == [True, False, False]
    for name in ("a/1.png", str(source / "a" / "1.png"), str(source / "pictures-0000.zip" / "a" / "1.png")):
        assert list(find_picture(paths, images, name)["path"]) == ["a/1.png"]


def test_two_pictures_with_one_id_never_take_each_other_s_place(
    own_data: OwnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg, paths = own_data()
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        put(paths.sources / "own" / name, noise(ord(name[2])))
    put(paths.sources / "own" / "a" / "copy.png", noise(ord("1")))
    download.run(cfg, paths)
    monkeypatch.setattr("fieldguide.data.decoding.decoder.picture_id", lambda _, data, *__: "ab" * 8)
    clean.run(cfg, paths)
    images = read_table(paths.image_table, IMAGES)
    assert list(images["status"]) == ["unreadable"] * 4
    assert images["reason"][0] == "another picture has its id (a/2.png, a/copy.png, b/3.png): save one of them anew"
    assert not [path for path in paths.clean.rglob("*") if path.is_file()]


def test_without_the_data_set_nothing_is_cleaned(own_data: OwnData) -> None:
    cfg, paths = own_data()
    put(paths.sources / "own" / "a" / "1.png", noise(1))
    download.run(cfg, paths)
    clean.run(cfg, paths)
    before = paths.image_table.read_bytes()
    (paths.sources / "own").rename(paths.sources / "elsewhere")
    with pytest.raises(UserError, match=r"^data/sources/own is missing"):
        clean.run(cfg, paths)
    assert paths.image_table.read_bytes() == before


def test_a_file_that_changes_while_the_pipeline_runs_is_told_and_not_kept(own_data: OwnData) -> None:
    cfg, paths = own_data()
    for label in "ab":
        put(paths.sources / "own" / label / "1.png", noise(ord(label)))
    download.run(cfg, paths)
    put(paths.sources / "own" / "a" / "1.png", noise(9))
    clean.run(cfg, paths)
    images = read_table(paths.image_table, IMAGES)
    assert list(images["status"]) == ["unreadable", "kept"]
    assert images["reason"][0] == "it changed while the pipeline ran: run `dvc repro` again"
    download.run(cfg, paths)
    clean.run(cfg, paths)
    assert list(read_table(paths.image_table, IMAGES)["status"]) == ["kept", "kept"]
