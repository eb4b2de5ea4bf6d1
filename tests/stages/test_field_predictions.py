"""`fieldguide predict` for boxes, videos and events: what is asked, what is told of it, and Camtrap DP's table."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import examples, noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.data.field_data import FieldData
from fieldguide.data.images import read_picture
from fieldguide.model.description import Preprocessing
from fieldguide.model.inference import load_classifier
from fieldguide.prediction import answers as module
from fieldguide.prediction.answers import Answer, answers
from fieldguide.prediction.events import gap_of, in_events
from fieldguide.prediction.given import Given, reader
from fieldguide.prediction.observations_file import COLUMNS, check_offset
from fieldguide.prediction.rows import write_rows
from untrained import LABELS, NORMALIZATION, save_classifier, untrained_folder
from videos import video

pytestmark = pytest.mark.slow  # importing PyTorch and timm takes seconds

LEFT = (0.0, 0.25, 0.5, 0.5)
SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="module")
def of_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_folder(tmp_path_factory)


@pytest.fixture(scope="module")
def of_boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("of_boxes")
    plain = Preprocessing(150.0, 320, "squish", "zeros", 32, NORMALIZATION)
    save_classifier(folder, preprocessing=replace(plain, crop="boxes", crop_margin=0.1))
    assert read_json(folder / "classifier.json")["preprocessing"]["crop_margin"] == 0.1
    return folder


def rows(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def detected(folder: Path) -> Path:
    """Five pictures below two folders, and what a detector found in them."""
    for number in range(5):
        put(folder / f"cam{number % 2}" / f"{number}.png", noise(number, 100, 80))

    def found(category: str, sure: float, *box: float) -> dict[str, Any]:
        return {"category": category, "conf": sure, "bbox": list(box)}

    images = [
        {"file": "cam0/0.png", "detections": [found("1", 0.9, *LEFT), found("1", 0.8, 0.5, 0.25, 0.5, 0.5)]},
        {"file": "cam1/1.png", "detections": [found("1", 0.05, *LEFT)]},
        {"file": "cam0/2.png", "detections": [found("2", 0.9, 0.1, 0.1, 1.2, 0.5)]},
        {"file": "cam1/3.png", "failure": "out of memory"},
    ]
    categories = {"1": "animal", "2": "person", "3": "vehicle"}
    file = folder.parent / "md.json"
    file.write_text(json.dumps({"info": {}, "detection_categories": categories, "images": images}), encoding="utf-8")
    return file


def test_there_is_an_answer_for_each_box_as_for_the_picture_that_is_cut_out(of_boxes: Path, tmp_path: Path) -> None:
    boxes, folder = detected(tmp_path / "cards"), tmp_path / "cards"
    done = run_command("predict", "cards", "--boxes", "md.json", "--model", str(of_boxes), "--all", cwd=tmp_path)
    told = rows(done.stdout)
    assert (done.returncode, done.stderr) == (1, "fieldguide: 1 could not be read\n")
    assert [(row["path"][-5:], bool(row["label"]), row["reason"]) for row in told] == [
        ("0.png", True, ""),
        ("0.png", True, ""),
        ("2.png", False, "a box of another kind: person"),
        ("4.png", False, "md.json does not list it"),
        ("1.png", False, "no box"),
        ("3.png", False, "the detector failed: out of memory"),
    ]
    assert [told[1][f"box_{side}"] for side in ("left", "top", "width", "height")] == [
        *("0.500000", "0.250000", "0.500000", "0.500000")
    ]
    put(tmp_path / "cut.png", noise(0, 100, 80).crop((0, 16, 55, 64)))  # with a tenth of its sides around it
    alone = run_command("predict", "cut.png", "--model", str(of_boxes), "--all", cwd=tmp_path)
    assert [rows(alone.stdout)[0][f"probability_{label}"] for label in LABELS] == [
        told[0][f"probability_{label}"] for label in LABELS
    ]
    assert "was trained on boxes cut out of pictures" in alone.stderr
    one = run_command("predict", str(folder / "cam0"), "--boxes", str(boxes), "--model", str(of_boxes), cwd=folder)
    assert [bool(row["label"]) for row in rows(one.stdout)] == [True, True, False, False]


def test_a_list_of_other_pictures_and_one_without_boxes_are_one_line(of_pictures: Path, tmp_path: Path) -> None:
    boxes = detected(tmp_path / "cards")
    put(tmp_path / "else" / "1.png", noise(1))
    boxes.rename(tmp_path / "else" / "md.json")
    (tmp_path / "cards").rename(tmp_path / "gone")
    other = run_command("predict", "else/1.png", "--boxes", "else/md.json", "--model", str(of_pictures), cwd=tmp_path)
    assert other.returncode == 1
    assert other.stderr.endswith("lists cam0/0.png, which is not there: give the folder that its files are in\n")
    (tmp_path / "sites.csv").write_text("file,site\nelse/1.png,north\n", encoding="utf-8")
    without = run_command("predict", "else", "--boxes", "sites.csv", "--model", str(of_pictures), cwd=tmp_path)
    assert without.stderr == "fieldguide: --boxes: sites.csv holds no boxes: give it as --table, or another file\n"
    as_table = run_command(
        "predict", "else/1.png", "--table", "sites.csv", "--model", str(of_pictures), "--format", "jsonl", cwd=tmp_path
    )
    assert json.loads(as_table.stdout)["site"] == "north"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layout", "{site"], "--layout: {site says neither {site} nor {sequence}"),
        (["--layout", "{site}{label}"], "--layout: two parts need something between them"),
        (["--time", "%Q"], "--time: %Q is not known in a time"),
        (["--video-every", "0"], "--video-every: 0: give at least 0.5 seconds"),
        (["--video-every", "nan"], "--video-every: nan: give at least 0.5 seconds"),
        (["--boxes", "nowhere.json"], "nowhere.json cannot be read: No such file or directory"),
        (["--events", "soon"], "--events: 'soon' is no gap between pictures"),
        (["--log", "--events", "60s"], "--log answers for single pictures"),
    ],
)
def test_options_that_cannot_be_are_one_line(options: list[str], said: str, tmp_path: Path) -> None:
    put(tmp_path / "1.png", noise(1))
    done = run_command("predict", "1.png", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"fieldguide: {said}") and done.stderr.count("\n") == 1


def test_a_file_with_many_boxes_is_decoded_once(
    of_boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    read = read_picture

    def counted(file: Any, *rest: Any) -> Any:
        opened.append(file)
        return read(file, *rest)

    monkeypatch.setattr(module, "read_picture", counted)
    files = [put(tmp_path / f"{number}.png", noise(number)) for number in range(2)]
    given = [
        Given(str(file), file, FieldData(box=(0.01 * number, 0.0, 0.5, 0.5))) for file in files for number in range(30)
    ]
    classifier = load_classifier(of_boxes / "classifier.safetensors", of_boxes / "classifier.json")
    found = list(answers(classifier, given))
    assert [answer.known.box for answer in found] == [one.known.box for one in given]
    assert sorted(map(str, opened)) == sorted(map(str, files))


def test_videos_are_answered_for_by_their_frames(of_pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("av")
    video(tmp_path / "cards" / "20240531_060000.avi", "mjpeg", count=20, gop=1)
    put(tmp_path / "cards" / "broken.mp4", b"nothing")
    put(tmp_path / "cards" / "one.png", noise(1))
    pattern = ("--time", "%Y%m%d_%H%M%S")
    done = run_command("predict", "cards", *pattern, "--model", str(of_pictures), "--video-every", "4", cwd=tmp_path)
    told = rows(done.stdout)
    assert [row["path"] for row in told] == [
        *(f"cards/20240531_060000.avi#t={second}.0" for second in (0, 4, 8)),
        "cards/broken.mp4",
        "cards/one.png",
    ]
    assert [row["time"] for row in told] == [*(f"2024-05-31 06:00:0{second}" for second in (0, 4, 8)), "", ""]
    assert told[3]["reason"].startswith("not a video") and done.returncode == 1
    event = run_command("predict", "cards", *pattern, "--events", "60s", "--model", str(of_pictures), cwd=tmp_path)
    assert [(row["pictures"], row["until"][-8:]) for row in rows(event.stdout)] == [
        ("2", "06:00:05"),
        ("1", ""),
        ("1", ""),
    ]


KNOWN = st.builds(
    FieldData,
    site=st.sampled_from(["north", "south", None]),
    time=st.none() | st.integers(0, 600).map(lambda second: datetime(2024, 5, 31) + timedelta(seconds=second)),
    sequence=st.sampled_from([None, None, "v1", "v2"]),
)


@pytest.mark.parametrize(("layout", "site"), [("{site}", "S1"), ("{site}/{}", None)])
def test_a_layout_that_fits_no_file_is_said(
    layout: str, site: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "S1" / "1.png", noise(1))
    (picture,) = reader([str(tmp_path)], layout=layout).read([str(tmp_path)], io.BytesIO())
    assert picture.known.site == site
    said = "fieldguide: --layout {site}/{} fits no file: its parts are the folders of a path"
    assert (said in capsys.readouterr().err) == (site is None)


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(st.lists(KNOWN, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_events_are_what_is_near_whatever_the_order(known: list[FieldData], chance: Any) -> None:
    def told(order: list[int]) -> Iterator[tuple[str, Answer]]:
        for number in order:
            share = (number % 7 + 1) / 9
            yield f"{number:02}", Answer(np.array([share, 1 - share]), "", known=known[number])

    order = list(range(len(known)))
    events = list(in_events(told(order), timedelta(seconds=60)))
    chance.shuffle(order)
    again = list(in_events(told(order), timedelta(seconds=60)))
    assert [(name, answer.pictures, answer.until) for name, answer in events] == [
        (name, answer.pictures, answer.until) for name, answer in again
    ]
    assert sum(answer.pictures for _, answer in events) == len(known)
    for _, answer in events:
        assert answer.probabilities is not None and abs(answer.probabilities.sum() - 1) < 1e-9
    lone = [(name, answer) for name, answer in events if answer.known.sequence is None and answer.known.time]
    for (_, one), (_, other) in pairwise(lone):
        if one.known.site == other.known.site:
            assert one.until is not None and other.known.time is not None
            assert other.known.time - one.until >= timedelta(seconds=60)


@pytest.mark.parametrize(("trained", "told"), [((), [None] * 3), (("north",), ["false", "true", ""])])
def test_a_site_that_the_classifier_was_not_trained_on_is_new(trained: tuple[str, ...], told: list[str | None]) -> None:
    sites = ("north", "south", None)
    answers = [(str(site), Answer(np.array([0.4, 0.6]), "", known=FieldData(site=site))) for site in sites]
    written = io.StringIO()
    write_rows(written, "csv", answers, ["a", "b"], False, known=("site", "time"), trained_sites=trained)
    assert [row.get("new_site") for row in rows(written.getvalue())] == told


def test_a_gap_is_a_time() -> None:
    assert [gap_of(text).total_seconds() for text in ("60", "60s", "1.5 min", "2h", "90 Seconds")] == [
        60,
        60,
        90,
        7200,
        90,
    ]
    for text in ("soon", "", "-1s", "1 d", "1e9h", "99999999h"):
        with pytest.raises(UserError, match="--events"):
            gap_of(text)


def test_observations_are_a_table_of_camtrap_dp(of_boxes: Path, tmp_path: Path) -> None:
    detected(tmp_path / "cards")
    for number, moment in enumerate(("06-00-00", "06-00-10", "06-00-20", "06-00-30", "06-00-40")):
        file = tmp_path / "cards" / f"cam{number % 2}" / f"{number}.png"
        file.rename(file.with_name(f"{number}__2024-05-31_{moment}.png"))
    content = json.loads((tmp_path / "md.json").read_text(encoding="utf-8"))
    for image in content["images"]:
        image["file"] = (
            next((tmp_path / "cards").glob(f"{image['file'][:-4]}__*")).relative_to(tmp_path / "cards").as_posix()
        )
    (tmp_path / "md.json").write_text(json.dumps(content), encoding="utf-8")
    command = ["predict", "cards", "--boxes", "md.json", "--time", "%Y-%m-%d_%H-%M-%S", "--model", str(of_boxes)]
    refused = run_command(*command, "--observations", "obs.csv", cwd=tmp_path)
    assert refused.returncode == 1 and "--utc-offset=+02:00" in refused.stderr
    run_command(*command, "--observations", "obs.csv", "--utc-offset=+02:00", cwd=tmp_path)
    table = rows((tmp_path / "obs.csv").read_text(encoding="utf-8"))
    assert list(table[0]) == list(COLUMNS)
    assert [(row["observationType"], row["deploymentID"], row["observationLevel"]) for row in table] == [
        ("animal", "cam0", "media"),
        ("animal", "cam0", "media"),
        ("human", "cam0", "media"),
        ("blank", "cam1", "media"),
    ]
    assert table[0]["eventStart"] == table[0]["eventEnd"] == "2024-05-31T06:00:00+02:00"
    assert table[0]["scientificName"] in LABELS and not table[2]["scientificName"]
    assert 0 < float(table[0]["classificationProbability"]) <= 1
    assert [table[2][side] for side in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")] == ["0.1", "0.1", "0.9", "0.5"]
    assert len({row["observationID"] for row in table}) == 4
    assert {row["classificationMethod"] for row in table} == {"machine"}
    run_command(*command, "--events", "15s", "--observations", "obs.csv", "--utc-offset", "Z", cwd=tmp_path)
    table = rows((tmp_path / "obs.csv").read_text(encoding="utf-8"))
    assert {(row["observationLevel"], row["mediaID"], bool(row["eventID"])) for row in table} == {("event", "", True)}
    for offset in (None, "2", "+2:00", "+25:00", "CEST", "+0200"):
        with pytest.raises(UserError, match="offset"):
            check_offset(offset)


def test_pictures_that_say_their_offset_need_none(of_pictures: Path, tmp_path: Path) -> None:
    for number, offset in enumerate(("+02:00", "+01:00", "")):
        exif = Image.Exif()
        exif.get_ifd(0x8769).update({0x9003: "2024:10:27 02:30:00", 0x9011: offset})
        (tmp_path / "S1").mkdir(exist_ok=True)
        noise(number).save(tmp_path / "S1" / f"{number}.jpg", exif=exif)
    command = ["predict", "S1", "--model", str(of_pictures), "--observations", "obs.csv"]
    refused = run_command(*command, cwd=tmp_path)
    assert refused.returncode == 1 and "--utc-offset=+02:00" in refused.stderr and not (tmp_path / "obs.csv").exists()
    (tmp_path / "S1" / "2.jpg").unlink()
    answered = run_command(*command, "--layout", "{site}", "--format", "csv", cwd=tmp_path)
    assert answered.returncode == 0, answered.stderr
    assert [row["time"] for row in rows(answered.stdout)] == ["2024-10-27 02:30:00+02:00", "2024-10-27 02:30:00+01:00"]
    table = rows((tmp_path / "obs.csv").read_text(encoding="utf-8"))
    assert [row["eventStart"] for row in table] == ["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the maintainers' pictures")
def test_what_a_package_of_camtrap_dp_calls_its_media_comes_back(of_boxes: Path, tmp_path: Path) -> None:
    folder = SHARED / "data" / "field" / "camtrap_dp_small"
    package = str(folder / "datapackage.json")
    run_command(
        *("predict", str(folder), "--boxes", package, "--model", str(of_boxes)),
        *("--observations", "obs.csv", "--utc-offset=Z"),
        cwd=tmp_path,
    )
    table = rows((tmp_path / "obs.csv").read_text(encoding="utf-8"))
    assert {(row["mediaID"], row["deploymentID"]) for row in table} >= {("m1", "dep1"), ("m2", "dep1")}
