"""A detector's results for videos: boxes in frames become boxes of the pictures that the frames become."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import noise, put
from fieldguide.data.add_pictures import take_pictures
from fieldguide.data.choices import Choices
from fieldguide.data.source_places import Place, pictures_in
from fieldguide.data.sources.row import RawRow
from fieldguide.data.sources.table import TableData
from fieldguide.data.understanding import understand
from videos import video

pytestmark = pytest.mark.slow


def found_in(file: str, rate: float | None = 2.0, **frames: list[float]) -> dict[str, Any]:
    """One image of MegaDetector's results: a box for each frame, by its number."""
    detections = [
        {"category": "1", "conf": 0.9, "bbox": box, "frame_number": int(number[1:])} for number, box in frames.items()
    ]
    return {"file": file, "detections": detections, **({"frame_rate": rate} if rate else {})}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """20 seconds of a fox, two frames a second, and a picture of an owl."""
    video(tmp_path / "cams" / "fox" / "a.mp4")
    put(tmp_path / "cams" / "owl" / "1.png", noise(1))
    return tmp_path / "cams"


def raw_rows(source: Path, images: list[dict[str, Any]], tmp_path: Path) -> list[RawRow]:
    content = {"images": images, "detection_categories": {"1": "animal", "2": "person"}, "info": {}}
    put(source / "md.json", json.dumps(content).encode())
    reading = understand(pictures_in(source), Choices(layout="{label}", boxes="md.json"))
    take_pictures(Place(source, "cams"), reading, tmp_path / "own", link=False, allow_private=False)
    assert [path.name for path in (tmp_path / "own").rglob("*.mp4")] == ["a.mp4"]
    (tmp_path / "raw").mkdir()
    return TableData(**reading.options).fetch(tmp_path / "own", tmp_path / "raw")


def test_a_frame_has_the_boxes_of_the_nearest_frame_that_was_looked_at(source: Path, tmp_path: Path) -> None:
    one, other = [0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.25, 0.25]
    images = [found_in("fox/a.mp4", f0=one, f11=other, f18=one), found_in("owl/1.png")]
    images[0]["detections"].append({"category": "1", "conf": 0.9, "bbox": one, "frame_number": 11})
    rows = [row for row in raw_rows(source, images, tmp_path) if row.ok]
    assert {row.label for row in rows} == {"fox", "owl"}
    assert [(row.source.removeprefix("fox/a.mp4"), row.known.box) for row in rows if row.label == "fox"] == [
        ("#t=0.0", tuple(one)),
        ("#t=5.0", tuple(other)),  # half a second away
        ("#t=5.0", tuple(one)),
        ("#t=10.0", None),  # a second away is another moment
        ("#t=15.0", None),
    ]
    assert len({row.path for row in rows}) == 5, "a frame with two boxes is one file"


HEADER = "file,label,split,box_left,box_top,box_width,box_height"
OTHERS = ("5.0", "10.0", "15.0")  # seconds of its frames without a box


@pytest.mark.parametrize(
    ("own", "labels", "refused"),
    [
        ("fox/a.mp4,fox,attic", {"0.0": ["fox"]}, 1),  # a word that is no side
        (
            "fox/a.mp4,fox,\nfox/a.mp4,owl,",
            {"0.0": ["fox"], **{second: ["fox", "owl"] for second in OTHERS}},
            0,
        ),
        ("fox/a.mp4,fox,\nfox/a.mp4,fox,", {"0.0": ["fox"], **{second: ["fox"] for second in OTHERS}}, 1),
    ],
)
def test_each_box_in_a_frame_comes_once_whatever_is_said_of_its_video(
    source: Path, tmp_path: Path, own: str, labels: dict[str, list[str]], refused: int
) -> None:
    lines = [HEADER, *(f"{line},,,," for line in own.split("\n")), "fox/a.mp4#t=0.0,fox,,0.1,0.1,0.2,0.2"]
    put(source / "pictures.csv", "\n".join(lines).encode())
    (tmp_path / "raw").mkdir()
    rows = TableData("table").fetch(source, tmp_path / "raw")
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.ok:
            found.setdefault(row.source.removeprefix("fox/a.mp4#t="), []).append(row.label)
    assert found == labels
    assert [row.known.box for row in rows if row.source.endswith("=0.0")] == [(0.1, 0.1, 0.2, 0.2)]
    assert sum(not row.ok and row.source == "fox/a.mp4" for row in rows) == refused


def test_a_box_of_which_nobody_says_the_frame_is_left_out(source: Path, tmp_path: Path) -> None:
    rows = raw_rows(source, [found_in("fox/a.mp4", rate=None, f0=[0.1, 0.1, 0.2, 0.2])], tmp_path)
    assert [row.known.box for row in rows if row.label == "fox"] == [None] * 4
