"""Times that say their offset from UTC: the clock stays the camera's own, moments are compared where they are known."""

import csv
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from checkouts import new_checkout
from conftest import OwnData, examples, noise, put, run_command
from fieldguide.app.labelling import Waiting, bursts_of
from fieldguide.base.compose import compose
from fieldguide.base.errors import UserError
from fieldguide.data.annotations.annotation import Annotation
from fieldguide.data.annotations.picture_table import row_cells
from fieldguide.data.capture_time import capture_time
from fieldguide.data.choices import Choices
from fieldguide.data.field_data import FieldData
from fieldguide.data.folder_reading import has_exif_times
from fieldguide.data.moments import comparable, offset_of, offset_text, on_clock, with_offset
from fieldguide.data.raw_table import raw_table
from fieldguide.data.source_places import pictures_in
from fieldguide.data.source_reading import describe
from fieldguide.data.sources.row import RawRow
from fieldguide.data.split_keys import split_keys
from fieldguide.data.table import IMAGES, RAW, read_table
from fieldguide.data.understanding import understand
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.events import in_events
from fieldguide.prediction.observations_file import write_observations
from fieldguide.stages import clean, download

CLOCK, TEXT = datetime(2024, 5, 30, 12, 13, 14), "2024:05:30 12:13:14"
TAKEN, DIGITIZED, CHANGED = (0x9003, 0x9011), (0x9004, 0x9012), (0x0132, 0x9010)  # tags of times and their offsets
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
CLOCKS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23)).map(lambda one: one.replace(microsecond=0))


def photo(tags: dict[int, object], kind: str = "JPEG", number: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a maker of cameras"
    exif[0x8769] = {tag: value for tag, value in tags.items() if tag != CHANGED[0]}
    if CHANGED[0] in tags:
        exif[CHANGED[0]] = tags[CHANGED[0]]
    file = BytesIO()
    save = {"tiffinfo": directory_of(exif)} if kind == "TIFF" else {"exif": exif}
    noise(number).save(file, kind, **save)
    return file.getvalue()


def directory_of(exif: Image.Exif) -> ImageFileDirectory_v2:
    """What a TIFF file holds as its own tags."""
    directory = ImageFileDirectory_v2()
    for tag, value in exif.items():
        directory[tag] = value
    return directory


def taken(clock: str, offset: str, number: int = 1) -> bytes:
    return photo({TAKEN[0]: clock, TAKEN[1]: offset}, number=number)


def time_of(path: Path, tags: dict[int, object], kind: str = "JPEG") -> datetime | None:
    return capture_time(put(path, photo(tags, kind)), path.name, ["exif"])


def seen(site: str, time: str, sequence: str | None = None) -> Answer:
    known = FieldData(site, datetime.fromisoformat(time), sequence)
    return Answer(np.array([0.9, 0.1]), "", known=known)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_exif_tells_the_offset_in_every_format(kind: str, tmp_path: Path) -> None:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    found = time_of(tmp_path / "photo", {TAKEN[0]: TEXT, TAKEN[1]: "+05:45"}, kind)
    assert str(found) == "2024-05-30 12:13:14+05:45"


@pytest.mark.parametrize(
    ("tags", "offset"),
    [
        ({TAKEN[0]: TEXT, TAKEN[1]: "-03:30"}, "-03:30"),
        ({DIGITIZED[0]: TEXT, DIGITIZED[1]: "+02:00", TAKEN[1]: "+09:00"}, "+02:00"),
        ({CHANGED[0]: TEXT, CHANGED[1]: "Z"}, "+00:00"),
        ({TAKEN[0]: TEXT, CHANGED[0]: "2024:06:01 09:00:00", CHANGED[1]: "+09:00"}, None),  # where it was edited
        ({TAKEN[0]: TEXT}, None),
    ],
)
def test_each_time_has_its_own_offset(tags: dict[int, object], offset: str | None, tmp_path: Path) -> None:
    found = time_of(tmp_path / "photo.jpg", tags)
    assert found is not None and on_clock(found) == CLOCK and offset_text(found) == offset


@pytest.mark.parametrize(
    "offset",
    ["+99:99", "+15:00", "+02:60", "   :  ", "", " ", "02:00", "+2:00", "\0", b"\xff\xfe+02", "+02:00:00", "٠٢"],
)
def test_an_offset_that_is_none_leaves_the_clock_alone(offset: str | bytes, tmp_path: Path) -> None:
    assert time_of(tmp_path / "photo.jpg", {TAKEN[0]: TEXT, TAKEN[1]: offset}) == CLOCK


@settings(max_examples=examples(300), deadline=None)
@given(st.text(max_size=12) | st.from_regex(r"[+-]?\d{0,3}:?\d{0,3}", fullmatch=True), CLOCKS)
def test_whatever_stands_behind_a_time_it_is_that_of_the_clock(text: str, clock: datetime) -> None:
    time = with_offset(clock, text)
    assert on_clock(time) == clock
    assert time.tzinfo is None or abs(time.utcoffset() or timedelta()) < timedelta(hours=15)
    time.astimezone(UTC) if time.tzinfo else None  # which raises for moments that no calendar has


@settings(max_examples=examples(200), deadline=None)
@given(OFFSETS, CLOCKS)
def test_an_offset_comes_back_as_it_was_written(offset: timezone, clock: datetime) -> None:
    written = offset_text(clock.replace(tzinfo=offset))
    assert written is not None and offset_of(written) == offset == offset_of(written.replace(":", ""))


@given(st.lists(st.tuples(CLOCKS.filter(lambda one: 1 < one.year < 9999), st.none() | OFFSETS), min_size=1))
def test_times_with_and_without_offsets_have_one_order(said: list[tuple[datetime, timezone | None]]) -> None:
    times = [clock.replace(tzinfo=offset) for clock, offset in said]
    ordered = sorted(times, key=comparable(times))
    if all(offset for _, offset in said):
        assert ordered == sorted(times)
    else:
        assert [*map(on_clock, ordered)] == sorted(map(on_clock, times))


def test_tables_have_the_clock_and_its_offset_beside_it(own_data: OwnData) -> None:
    _, paths = own_data()
    for number in range(40):
        file = paths.sources / "own" / ("cat", "dog")[number % 2] / f"{number}.jpg"
        put(file, taken(f"2024:10:27 02:{number:02}:00", "+02:00" if number < 30 else "", number))
    option = paths.root / "conf" / "data" / "own.yaml"
    option.write_text(f"{option.read_text(encoding='utf-8')}time: [exif]\n", encoding="utf-8")
    cfg = compose(paths)
    download.run(cfg, paths)
    clean.run(cfg, paths)
    for path, schema in ((paths.raw_table, RAW), (paths.image_table, IMAGES)):
        table = read_table(path, schema)
        assert sorted(table["time"]) == [pd.Timestamp(2024, 10, 27, 2, minute) for minute in range(40)]
        assert table["utc_offset"].fillna("").value_counts().to_dict() == {"+02:00": 30, "": 10}


def test_a_day_is_that_of_the_clock_and_a_delivered_row_keeps_the_offset() -> None:
    late = FieldData("S1", datetime.fromisoformat("2024-05-30 23:30:00-03:00"))  # in UTC it is the 31st
    table = raw_table([RawRow("1.jpg", "1.jpg", None, "fox", True, "", 1, "", late)])
    assert list(split_keys(table, "day")) == ["S1\n2024-05-30"]
    assert list(split_keys(table, "sequence")) == ["S1\n2024-05-30 23:30"]
    assert row_cells(Annotation("1.jpg", "fox", late))["time"] == "2024-05-30 23:30:00-03:00"


def test_add_compares_moments_where_it_knows_them(tmp_path: Path) -> None:
    for number, (clock, offset) in enumerate(
        [
            ("2026:01:01 11:30:00", "+05:00"),  # an hour and a half ago
            ("2026:01:01 08:30:00", "-01:00"),
            ("2025:12:31 23:00:00", "-12:00"),
            ("2026:01:01 12:59:00", "+05:00"),
        ]
    ):
        put(tmp_path / "S1" / ("cat", "dog")[number % 2] / f"{number}.jpg", taken(clock, offset, number))
    now = datetime(2026, 1, 1, 8, tzinfo=UTC)
    said = "\n".join(describe(understand(pictures_in(tmp_path), Choices(layout="{site}/{label}")), now))
    assert "taken: 2026-01-01 11:30:00+05:00 to 2025-12-31 23:00:00-12:00 (from exif)" in said
    assert "warning: 2 pictures were taken in the future" in said


def test_events_and_bursts_of_two_cameras_are_by_moments(tmp_path: Path) -> None:
    phones = [
        ("a", "2024-05-30 12:00:00+02:00"),
        ("b", "2024-05-30 11:00:30+01:00"),
        ("c", "2024-05-30 11:00:40+02:00"),
    ]
    told = list(in_events([(name, seen("S1", time)) for name, time in phones], timedelta(seconds=60)))
    assert [(name, answer.pictures, str(answer.until)) for name, answer in told] == [
        ("c", 1, "2024-05-30 11:00:40+02:00"),
        ("a", 2, "2024-05-30 11:00:30+01:00"),
    ]
    told = list(in_events([*((n, seen("S1", t)) for n, t in phones), ("d", seen("S1", "2024-05-30 11:00:45"))],
                          timedelta(seconds=60)))  # fmt: skip
    assert [(name, answer.pictures) for name, answer in told] == [("b", 3), ("a", 1)]  # by the clocks of all
    for name, time in phones:
        put(tmp_path / f"{name}.jpg", taken(time[:19].replace("-", ":"), time[19:]))
    bursts = bursts_of([Waiting(tmp_path, f"{name}.jpg") for name in "abc"])
    assert bursts[0] == bursts[1] != bursts[2]


@pytest.mark.parametrize("events", [False, True])
def test_observations_have_the_offset_of_each_picture(events: bool, tmp_path: Path) -> None:
    file = tmp_path / "observations.csv"
    autumn = [("1.jpg", seen("S1", "2024-10-27 02:30:00+02:00")), ("2.jpg", seen("S1", "2024-10-27 02:30:05+01:00"))]
    write_observations(file, autumn, ["fox", "owl"], None, "fieldguide", events)
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert [row["eventStart"] for row in rows] == ["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:05+01:00"]
    mixed = [*autumn, ("3.jpg", seen("S1", "2024-10-28 08:00:00"))]
    with pytest.raises(UserError, match="--utc-offset"):
        write_observations(file, mixed, ["fox", "owl"], None, "fieldguide", events)
    write_observations(file, mixed, ["fox", "owl"], "+01:00", "fieldguide", events)
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert [row["eventEnd"][-6:] for row in rows] == ["+02:00", "+01:00", "+01:00"]


LABELS = ("лисица", "=SUM(A1)", "欅", "2024")


def phone_photos(folder: Path, timed: int) -> Path:
    """Plain folders of four labels, ten photos each on ten days; so many of ten say their time, half an offset."""
    for number in range(40):
        label, day = LABELS[number % 4], number // 4
        tags = {TAKEN[0]: f"2024:06:{day + 1:02} 12:{number:02}:00"} if day < timed else {}
        tags |= {TAKEN[1]: "+05:45"} if tags and number % 2 else {}
        put(folder / label / f"IMG_{number:04}.jpg", photo(dict(tags), number=number))
    return folder


def test_plain_folders_of_labels_have_the_times_of_their_exif_data(tmp_path: Path) -> None:
    reading = understand(pictures_in(phone_photos(tmp_path, 10)), Choices())

    assert reading.options == {"kind": "folder", "time": ["exif"]}
    times = {one.address: one.known.time for one in reading.pictures}
    assert times["лисица/IMG_0000.jpg"] == datetime(2024, 6, 1, 12, 0)
    assert times["=SUM(A1)/IMG_0037.jpg"] == datetime(2024, 6, 10, 12, 37, tzinfo=offset_of("+05:45"))
    assert "taken: 2024-06-01 12:00:00 to 2024-06-10 12:39:00+05:45 (from exif)" in describe(reading, CLOCK)


@pytest.mark.parametrize(
    ("timed", "said"),
    [
        (9, "36 of 40 pictures have a time, fewer than 95 %: look-alikes stay together"),
        (2, "no site or time is known: look-alikes stay together"),
        (0, "no site or time is known: look-alikes stay together"),
    ],
)
def test_times_of_some_photos_only_are_told(tmp_path: Path, timed: int, said: str) -> None:
    new_checkout(tmp_path / "checkout")
    photos = phone_photos(tmp_path / "photos", timed)
    done = run_command("add", "phones", str(photos), "--dry-run", cwd=tmp_path / "checkout")

    assert said in done.stdout
    few = "note: the times in the EXIF data of 20 % of the pictures are not read, since they are few"
    assert (few in done.stdout) == (timed == 2), done.stdout
    assert ("taken: " in done.stdout) == (timed == 9)


def test_the_advice_about_few_exif_times_keeps_what_the_names_say(tmp_path: Path) -> None:
    for place in phone_photos(tmp_path, 2).rglob("*.jpg"):
        place.rename(place.with_name(f"2024-06-01_12-00-{place.stem[-2:]}.jpg"))
    reading = understand(pictures_in(tmp_path), Choices())

    assert reading.options["time"] == ["%Y-%m-%d_%H-%M-%S"]
    assert '`time: [exif, "%Y-%m-%d_%H-%M-%S"]` in the data set' in reading.understood[0]


def test_videos_do_not_count_among_pictures_without_a_time(tmp_path: Path) -> None:
    phone_photos(tmp_path, 6)
    for number in range(40):
        put(tmp_path / LABELS[number % 4] / f"VID_{number:04}.mp4", b"a video")
    assert has_exif_times(pictures_in(tmp_path).files, sorted(pictures_in(tmp_path).files))
