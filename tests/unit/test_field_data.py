"""What a data set's folders, names and EXIF data say of its pictures, and what lies beside pictures."""

from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from conftest import examples, noise, put
from fieldguide.base.errors import UserError
from fieldguide.data.capture_time import capture_time, check_time
from fieldguide.data.layout import parse_layout
from fieldguide.data.sidecars import find_sidecars
from fieldguide.data.sources.folder import FolderData
from fieldguide.data.sources.row import RawRow

SHARED = Path(__file__).resolve().parents[3] / "shared"
NAMES = st.text("abcXYZ019 äé熊-(", min_size=1, max_size=8)


def photo(taken: str | None = None, side: int = 64) -> bytes:
    exif = Image.Exif()
    if taken is not None:
        exif.get_ifd(0x8769)[0x9003] = taken
    file = BytesIO()
    noise(side).save(file, "JPEG", exif=exif)
    return file.getvalue()


def fetched(tmp_path: Path, data: FolderData) -> dict[str, RawRow]:
    (tmp_path / "raw").mkdir(exist_ok=True)
    return {row.source: row for row in data.fetch(tmp_path / "own", tmp_path / "raw")}


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(NAMES, NAMES, NAMES)
def test_a_layout_reads_back_the_parts_of_which_a_path_is_made(site: str, label: str, file: str) -> None:
    assert parse_layout("{site}/{label}").read(f"{site}/{label}/{file}.jpg") == {"site": site, "label": label}
    assert parse_layout("{split}/{}/{label}").read(f"train/{site}/{label}/a/b/{file}") == {
        "split": "train",
        "label": label,
    }
    assert parse_layout("{site}/{label}").read(f"{label}/{file}.jpg") is None
    named = parse_layout("{site}/{label}__{}.*")
    assert named.read(f"{site}/{label}__{file}.jpg") == {"site": site, "label": label}
    assert named.read(f"{site}/deeper/{label}__{file}.jpg") is None


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("{site}", "label.* is missing"),
        ("{label}/{label}", "twice"),
        ("{id}/{label}", "column that"),
        ("{brightness}_{label}", "column that"),
        ("{label}/{a-b}", "label"),
        ("pictures", "is missing"),
        ("{site}{label}", "something between"),
    ],
)
def test_a_layout_that_cannot_be_is_one_line(layout: str, message: str) -> None:
    if layout == "{label}/{a-b}":  # no field at all: it stands for itself
        assert parse_layout(layout).read("cat/{a-b}/1.jpg") == {"label": "cat"}
        return
    with pytest.raises(ValueError, match=message):
        parse_layout(layout)


@settings(max_examples=examples(40), derandomize=True, deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda time: time.replace(microsecond=0)))
def test_a_pattern_finds_its_time_anywhere_in_a_path(time: datetime) -> None:
    for pattern in ("%Y-%m-%d__%H-%M-%S", "%Y%m%d_%H%M%S", "%Y-%m-%dT%H.%M.%S"):
        path = f"Station 7/PBE/cam12_{time.strftime(pattern)}(1).JPG"
        assert capture_time(Path("none"), path, [pattern]) == time
    assert capture_time(Path("none"), f"{time:%Y}9999_123456.jpg", ["%Y%m%d_%H%M%S"]) is None


def test_exif_comes_first_and_clocks_that_were_never_set_say_nothing(tmp_path: Path) -> None:
    sources, path = ["exif", "%Y%m%d"], "cat/20240102.jpg"
    for taken, expected in (
        ("2024:05:30 12:13:14", datetime(2024, 5, 30, 12, 13, 14)),
        ("0000:00:00 00:00:00", datetime(2024, 1, 2)),
        ("yesterday", datetime(2024, 1, 2)),
        (None, datetime(2024, 1, 2)),
    ):
        assert capture_time(put(tmp_path / path, photo(taken)), path, sources) == expected
    assert capture_time(put(tmp_path / "broken.jpg", b"\xff\xd8\xff\xe1"), "broken.jpg", sources) is None
    for wrong in ("name", "%Y-%m", "%Y-%m-%d %Q"):
        with pytest.raises(ValueError):
            check_time(wrong)


def test_sites_times_and_given_sides_come_from_the_path(tmp_path: Path) -> None:
    for name in ("Training/north/cat", "val/north/dog", "test/south/cat", "fold1/south/cat"):
        put(tmp_path / "own" / name / "2024-05-30 a.png", noise(len(name)))
    put(tmp_path / "own" / "stray.png", noise(3))
    data = FolderData("folder", {"cat": "Cat"}, layout="{split}/{site}/{label}", time=["%Y-%m-%d"])
    rows = fetched(tmp_path, data)
    known = {
        source: (row.label, row.known.site, row.known.given_split, row.known.time)
        for source, row in rows.items()
        if row.ok
    }
    day = datetime(2024, 5, 30)
    assert known == {
        "Training/north/cat/2024-05-30 a.png": ("Cat", "north", "train", day),
        "val/north/dog/2024-05-30 a.png": ("dog", "north", "valid", day),
        "test/south/cat/2024-05-30 a.png": ("Cat", "south", "test", day),
    }
    assert rows["stray.png"].reason == "not as {split}/{site}/{label}"
    assert rows["fold1/south/cat/2024-05-30 a.png"].reason.startswith("'fold1' is no side of a split")
    assert all(row.path == source for source, row in rows.items() if row.ok)


@pytest.mark.parametrize("twin", ["cat", "Cat ", "CAT"])
def test_labels_that_differ_only_in_writing_are_an_error_that_names_both(tmp_path: Path, twin: str) -> None:
    for label in ("Cat", twin, "dog"):
        put(tmp_path / "own" / label / f"{label}.png", noise(len(label)))
    with pytest.raises(UserError, match=rf"the labels 'C.*' and '{twin}' differ only|the labels '{twin}' and 'C"):
        fetched(tmp_path, FolderData("folder"))
    (tmp_path / "raw").rename(tmp_path / "before")
    assert fetched(tmp_path, FolderData("folder", {twin: "Cat"}))  # mapped to one label


def mask(side: int = 64, values: int = 2) -> Image.Image:
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    for value in range(1, values):
        draw.rectangle((8 * value, 4, 8 * value + 5, side - 9), fill=255 * value // (values - 1))
    return image


def test_masks_thumbnails_annotations_and_the_system_s_files_are_told_from_pictures(tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)).resize((160, 120))
    small = picture.resize((40, 30))
    beside = {
        "a/1.png": mask(),
        "a/2_mask.png": mask(values=5),
        "a/masks/3.png": mask().convert("RGB"),
        "a/3_thumb.jpg": small,
        "a/thumbs/1.jpg": small,
        "ground_truth/a/9.png": mask(values=3),
    }
    pictures = {
        "a/1.jpg": picture,
        "a/2.jpg": picture,
        "a/3.jpg": picture,
        "a/lone.png": mask(),  # nothing says that it belongs to another one
        "a/images/4.jpg": picture,
        "a/4.jpg": small,
        "b/thumbs/5.jpg": noise(3),  # another picture than b/5.jpg
        "b/5.jpg": picture,
        "b/drawing.png": mask(),
        "b/drawing.jpg": mask(80),  # few values both: which would be the picture?
    }
    for name, image in {**beside, **pictures}.items():
        put(tmp_path / name, image)
    texts = {"a/1.json": b"{}", "labels.csv": b"file,label\n"}
    for name, content in texts.items():
        put(tmp_path / name, content)
    found = find_sidecars({name: tmp_path / name for name in sorted({**beside, **pictures, **texts})})
    assert set(found) == {*beside, *texts}
    assert found["a/1.png"] == "a mask of a/1.jpg"
    assert found["a/thumbs/1.jpg"] == "a thumbnail of a/1.jpg"
    put(tmp_path / "own" / "a" / "__MACOSX" / "1.png", noise(1))
    put(tmp_path / "own" / "a" / "Thumbs.db", b"x")
    put(tmp_path / "own" / "a" / "1.png", noise(1))
    reasons = {row.source: row.reason for row in fetched(tmp_path, FolderData("folder")).values() if not row.ok}
    assert reasons == {"a/Thumbs.db": "a file of the system", "a/__MACOSX/1.png": "__MACOSX is a folder of the system"}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the maintainers' pictures are not here")
@pytest.mark.slow
def test_real_collections_are_read_right(tmp_path: Path) -> None:
    (tmp_path / "own").symlink_to(SHARED / "data" / "field" / "stations")
    data = FolderData("folder", layout="{site}/{label}", time=["exif", "%Y-%m-%d__%H-%M-%S"])
    rows = [row for row in fetched(tmp_path, data).values() if row.source.lower().endswith(".jpg")]
    assert len(rows) == 68
    assert {row.known.site for row in rows} == {"StationA", "StationB", "StationC"}
    assert {row.label for row in rows} == {"PBE", "MNE", "VTA", "EGY", "TRA", "UNID"}
    for row in rows:
        assert row.known.time and f"{row.known.time:%Y-%m-%d__%H-%M}" in row.source
    for name, masks in (("parts/tiles", 264), ("parts/steel", 0), ("bears", 0)):
        folder = SHARED / "data" / name
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        assert len(find_sidecars(files)) == masks
