"""Frames of videos: which ones, when, upright; and what a damaged, hostile or strange file costs."""

import io
import sys
import time
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import OwnData, noise, put
from fieldguide.data.moments import offset_of
from fieldguide.data.table import RAW, read_table
from fieldguide.data.videos.frames import VideoError, read_frames, start_of
from fieldguide.data.videos.kinds import frame_name
from fieldguide.stages import download
from videos import video

pytestmark = pytest.mark.slow

av = pytest.importorskip("av")
SHARED = Path(__file__).resolve().parents[3] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the maintainers' pictures")


def taken(file: Path, every: float) -> list[tuple[float, int]]:
    """Seconds and number of the frames that are taken."""
    found = []
    for frame in read_frames(file, every):
        grey = np.asarray(Image.open(io.BytesIO(frame.jpeg)).convert("L"), float)[32:, 32:].mean()
        found.append((frame.seconds, round((grey - 40) / 3)))
    return found


@pytest.mark.parametrize(
    ("name", "codec", "gop"),
    [
        ("a.avi", "mjpeg", 1),
        ("a.avi", "mpeg4", 12),
        ("a.mp4", "mpeg4", 4),
        ("a.mkv", "mpeg4", 300),
        ("a.mpg", "mpeg1video", 12),
    ],
)
def test_the_first_frame_of_each_interval_comes_whatever_lies_between_keyframes(
    tmp_path: Path, name: str, codec: str, gop: int
) -> None:
    rate = 25 if codec == "mpeg1video" else 2
    file = video(tmp_path / name, codec, rate=rate, gop=gop)
    every = 5 if rate == 2 else 1
    wanted = [(number / rate, number) for number in range(0, 40, round(every * rate))]
    found = taken(file, every)
    assert [number for _, number in found] == pytest.approx([number for _, number in wanted], abs=0 if rate == 2 else 1)
    assert [seconds for seconds, _ in found] == pytest.approx([seconds for seconds, _ in wanted], abs=0.05)


def test_frames_are_upright_and_sparse_videos_give_what_they_have(tmp_path: Path) -> None:
    file = tmp_path / "turned.mp4"
    with av.open(str(file), "w") as made:
        stream = made.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 96, 64, "yuv420p", 2_000_000
        stream.set_display_rotation(90)
        pixels = np.zeros((64, 96, 3), np.uint8)
        pixels[:16, :16] = 255
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = 7 * number, Fraction(1, 1)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    with av.open(str(file)) as again:
        rotation = next(again.decode(video=0)).rotation
    frames = list(read_frames(file, 2))
    assert [frame.seconds for frame in frames] == [0, 7, 14]
    assert list(read_frames(file, 2)) == frames  # the same bytes
    image = Image.open(io.BytesIO(frames[0].jpeg)).convert("L")
    assert image.size == (64, 96)
    corner = {90: (8, 88), -90: (56, 8), 270: (56, 8)}[rotation]  # counterclockwise, as the standard's matrix turns
    assert image.getpixel(corner) > 200  # type: ignore[operator]


def test_a_damaged_video_gives_what_is_whole_and_a_reason(tmp_path: Path) -> None:
    whole = video(tmp_path / "a.avi", "mjpeg", count=60, gop=1).read_bytes()
    chance = np.random.default_rng(1)
    started = time.monotonic()
    for number in range(4):
        data = bytearray(whole)
        for place in chance.integers(300 if number % 2 else 0, len(data), 60):
            data[place] = chance.integers(256)
        file = put(tmp_path / "damaged.avi", bytes(data[: len(data) // (1 + number % 3)]))
        try:
            for frame in read_frames(file, 5):
                Image.open(io.BytesIO(frame.jpeg)).load()
        except VideoError as error:
            assert str(error) and "\n" not in str(error) and "Errno" not in str(error)
    assert time.monotonic() - started < 60


STRANGE = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello", "not a video"),
    "playlist": (b"#EXTM3U\n#EXTINF:1\nhttp://127.0.0.1:9/secret.ts\n", "not a video"),
    "list": (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a video"),
    "session": (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "not a video"),
    "picture": (b"\xff\xd8\xff\xe0" + bytes(600), "not a video"),
    "start only": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(600), "."),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_video_is_a_reason(name: str, tmp_path: Path) -> None:
    content, reason = STRANGE[name]
    with pytest.raises(VideoError, match=reason):
        list(read_frames(put(tmp_path / "strange.mp4", content), 5))


def test_frames_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "bounded.py"
    script.write_text(
        "from fieldguide.data.videos import frame_process\nframe_process.MAX_FRAMES = 2\nframe_process.main()\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("fieldguide.data.videos.frames.OF_FRAMES", (sys.executable, str(script)))
    frames = read_frames(video(tmp_path / "a.avi", "mjpeg", gop=1), 5)
    assert [next(frames).seconds, next(frames).seconds] == [0, 5]
    with pytest.raises(VideoError, match="only its first 2 frames were taken"):
        next(frames)


def test_without_pyav_the_reason_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "without" / "av.py", b"raise ImportError('there is none')")
    monkeypatch.syspath_prepend(str(tmp_path / "without"))
    file = put(tmp_path / "a.avi", b"RIFF\0\0\0\0AVI " + bytes(600))
    with pytest.raises(VideoError, match=r"pip install 'fieldguide\[video\]'"):
        list(read_frames(file, 5))


def test_it_may_take_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = video(tmp_path / "a.avi", "mjpeg", gop=1)
    monkeypatch.setattr("fieldguide.data.videos.frames.PATIENCE", 0.01)
    with pytest.raises(VideoError, match="too long"):
        list(read_frames(file, 1))


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ({}, None),
        ({"creation_time": "2024-05-31T23:59:58.000000Z"}, datetime(2024, 5, 31, 23, 59, 58)),
        (
            {"creation_time": "2025-11-12T02:03:13.000000Z", "com.samsung.android.utc_offset": "+0800"},
            datetime(2025, 11, 12, 10, 3, 13, tzinfo=offset_of("+08:00")),
        ),
        (
            {"creation_time": "2024-05-31T20:00:00Z", "com.apple.quicktime.creationdate": "2024-05-31T22:00:00+0200"},
            datetime(2024, 5, 31, 22, tzinfo=offset_of("+02:00")),
        ),
        ({"date": "2020-01-02 03:04:05"}, datetime(2020, 1, 2, 3, 4, 5)),
        ({"creation_time": "1904-01-01T00:00:00.000000Z"}, None),  # a clock that was never set
        ({"creation_time": "2024-02-31T00:00:00Z"}, None),
        ({"creation_time": "yesterday"}, None),
    ],
)
def test_when_a_video_begins_is_what_its_file_says_of_the_cameras_clock(
    said: dict[str, str], start: datetime | None
) -> None:
    found = start_of(said)
    assert str(found) == str(start)  # the clock and the offset, and not only the moment


def test_in_a_data_set_a_video_is_a_sequence_of_pictures(own_data: OwnData, tmp_path: Path) -> None:
    cfg, paths = own_data()
    source = paths.sources / "own"
    video(source / "cat" / "walk.mp4", count=30, said={"creation_time": "2024-05-31T06:00:00"})
    put(source / "cat" / "broken.AVI", b"RIFF\0\0\0\0AVI " + bytes(100))
    put(source / "dog" / "1.png", noise(1))
    metrics = download.run(cfg, paths)
    assert (metrics["downloaded"], metrics["refused"]) == (4, 1)
    table = read_table(paths.raw_table, RAW).set_index("source")
    frames = table[table["sequence"] == "cat/walk.mp4"]
    assert list(frames.index) == [frame_name("cat/walk.mp4", second) for second in (0, 5, 10)]
    assert list(frames["path"]) == [f"cat/walk.mp4/{second}.0.jpg" for second in ("00000", "00005", "00010")]
    assert [f"{moment:%H:%M:%S}" for moment in frames["time"]] == ["06:00:00", "06:00:05", "06:00:10"]
    assert list(frames["file"]) == [f"data/raw/{path}" for path in frames["path"]]
    assert not table.at["cat/broken.AVI", "ok"] and table.at["cat/broken.AVI", "reason"]
    assert sorted(path.name for path in (paths.raw / "cat").iterdir()) == ["walk.mp4"]  # nothing is left of the other


@needs_shared
def test_the_videos_of_trail_cameras_are_read(tmp_path: Path) -> None:
    folder = SHARED / "data" / "field" / "videos"
    counts = {path.name: len(list(read_frames(path, 10))) for path in sorted(folder.rglob("*")) if path.is_file()}
    assert counts == {"07120049.AVI": 7, "09100029_Eland.MP4": 4, "09190048_Hyena.AVI": 2}
