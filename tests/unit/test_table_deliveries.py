"""Deliveries to a data set that a table lists: what they say is kept, and nothing that was there changes."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from test_retraining import FakeTools, indifferent

from conftest import OwnData, encoded, noise, put
from fieldguide.base.config import Config, SplitConfig
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.annotations.picture_table import read_picture_table
from fieldguide.data.kept_pictures import kept_pictures
from fieldguide.data.sources.row import RawRow
from fieldguide.data.sources.table import TableData
from fieldguide.data.splits import split_pictures
from fieldguide.retraining.arrived import State
from fieldguide.retraining.incoming import list_incoming
from fieldguide.retraining.incoming_checks import Observed
from fieldguide.retraining.job import run_job
from fieldguide.retraining.worktree_pipeline import take_in
from videos import video

START = datetime(2024, 5, 1, 6)
KEYS = ("look_alike", "sequence", "day", "site")


@pytest.fixture
def own(own_data: OwnData) -> tuple[Config, Paths]:
    """Foxes and owls at four sites, in bursts of two, listed by a table that a person has edited: semicolons."""
    cfg, paths = own_data()
    lines = ["file;label;site;time;sequence;weather"]
    for number in range(16):
        put(paths.sources / "own" / f"{number}.png", noise(number))
        time = START + timedelta(hours=number // 2, seconds=number)
        label, site = ("fox", "Owl")[number // 2 % 2], f"S{number // 4}"
        lines.append(f"{number}.png;{label};{site};{time.isoformat(' ')};burst {number // 2};rain, then sun")
    put(paths.sources / "own" / "pictures.csv", "\n".join(lines).encode())
    return replace(cfg, data=TableData("table", {"Owl": "owl"}, time=["exif"])), paths


def cropped(cfg: Config) -> Config:
    return replace(cfg, clean=replace(cfg.clean, crop="boxes", min_side=8))


def after(cfg: Config, paths: Paths, joining: Sequence[State] = (State.NEW, State.LIST)) -> list[RawRow]:
    """The raw table once what arrived has been taken in."""
    arrived = list_incoming(cfg, paths)
    take_in(paths.incoming, arrived[arrived["state"].isin(joining)], paths.sources / "own")
    raw = paths.root / "raw"
    raw.mkdir()
    assert isinstance(cfg.data, TableData)
    return cfg.data.fetch(paths.sources / "own", raw)


def csv_of(paths: Paths, name: str, *lines: str) -> None:
    put(paths.incoming / name, "\n".join(lines).encode())


def coco(paths: Paths, name: str, marks: dict[str, list[tuple[str, list[int]]]]) -> None:
    labels = sorted({label for boxes in marks.values() for label, _ in boxes})
    images = [{"id": place, "file_name": file, "width": 64, "height": 48} for place, file in enumerate(marks)]
    annotations = [
        {"image_id": place, "category_id": labels.index(label), "bbox": box}
        for place, boxes in enumerate(marks.values())
        for label, box in boxes
    ]
    categories = [{"id": place, "name": label} for place, label in enumerate(labels)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    put(paths.incoming / name, json.dumps(content).encode())


def test_labelled_folders_join_by_either_name_of_a_label(own: tuple[Config, Paths]) -> None:
    cfg, paths = own
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:06:01 10:00:00"
    put(paths.incoming / "fox" / "1.jpg", encoded(noise(50), "JPEG", exif=exif))
    put(paths.incoming / "owl" / "2.png", noise(51))
    put(paths.incoming / "wolf" / "3.png", noise(52))
    put(paths.incoming / "fox" / "again.png", (paths.sources / "own" / "0.png").read_bytes())
    put(paths.incoming / "fox" / "other.png", (paths.sources / "own" / "2.png").read_bytes())
    put(paths.incoming / "unlabelled" / "4.png", noise(53))
    table = list_incoming(cfg, paths).set_index("file")
    assert dict(table["state"]) == {
        "fox/1.jpg": State.NEW,
        "fox/again.png": State.KNOWN,
        "fox/other.png": State.REFUSED,
        "owl/2.png": State.NEW,
        "unlabelled/4.png": State.UNLABELLED,
        "wolf/3.png": State.REFUSED,
    }
    assert table.loc["fox/other.png", "reason"] == "the same file is in the data set, or arrived, with the label 'Owl'"
    assert "has no label 'wolf': correct it" in str(table.loc["wolf/3.png", "reason"])
    rows = {row.source: row for row in after(cfg, paths) if row.ok}
    assert len(rows) == 18 and rows["owl/2.png"].label == "owl"
    assert rows["fox/1.jpg"].known.time == datetime(2024, 6, 1, 10)
    assert rows["5.png"].known.further == {"weather": "rain, then sun"} and rows["5.png"].known.site == "S1"


def test_a_list_keeps_sites_times_and_sequences_and_no_file_is_overwritten(own: tuple[Config, Paths]) -> None:
    cfg, paths = own
    for number in range(3):
        put(paths.incoming / "june" / f"{number}.png", noise(60 + number))
    put(paths.incoming / "0.png", noise(70))
    csv_of(paths, "labels.csv", "file,label,site", "0.png,fox,S9")
    header = "image,species,station,timestamp,event,weather,camera model"
    csv_of(
        paths,
        "june/labels.csv",
        header,
        "0.png,fox,S7,2024-06-01 10:00,E1,fog,X",
        "1.png,owl,S7,,E1,,X",
        "9.png,owl,,,,,",
    )
    arrived = list_incoming(cfg, paths).set_index("file")
    assert dict(arrived["state"]) == {
        "0.png": State.NEW,
        "june/0.png": State.NEW,
        "june/1.png": State.NEW,
        "june/2.png": State.REFUSED,
        "june/labels.csv": State.LIST,
        "labels.csv": State.LIST,
    }
    assert arrived.loc["june/0.png", "site"] == "S7" and "no label 'june': correct it, or list" in str(
        arrived.loc["june/2.png", "reason"]
    )
    before = {path: path.read_bytes() for path in (paths.sources / "own").glob("*.png")}
    rows = {row.source: row for row in after(cfg, paths)}
    target = str(arrived.loc["0.png", "target"])
    assert target.startswith("0-") and rows[target].known.site == "S9" and rows["0.png"].known.site == "S0"
    assert all(path.read_bytes() == content for path, content in before.items())
    known = rows["june/0.png"].known
    assert (known.site, known.time, known.sequence) == ("S7", datetime(2024, 6, 1, 10), "E1")
    assert known.further == {"weather": "fog", "camera model": "X"} and rows["june/1.png"].known.time is None
    assert not rows["june/labels.csv"].ok, "the list stays beside its pictures"


@pytest.mark.parametrize("name", ["coco.json", "sub/annotations.json"])
def test_boxes_are_kept_and_cut_out(own: tuple[Config, Paths], name: str) -> None:
    cfg, paths = own
    folder = str(Path(name).parent)
    for number in range(3):
        put(paths.incoming / folder / f"n{number}.png", noise(80 + number))
    two = [("fox", [0, 0, 32, 24]), ("owl", [32, 24, 32, 24])]
    coco(paths, name, {"n0.png": two, "n1.png": [("fox", [16, 12, 32, 24])], "n2.png": [("fox", [0, 0, 32, 24])] * 2})
    states = list_incoming(cfg, paths).set_index("file")
    first = (Path(folder) / "n0.png").as_posix()
    assert "several labels (Owl, fox), and only `clean.crop: boxes` takes each" in str(states.loc[first, "reason"])
    assert list(states["state"]).count(State.NEW) == 2
    states = list_incoming(cropped(cfg), paths).set_index("file")
    assert list(states["state"]).count(State.NEW) == 3
    rows = [row for row in after(cropped(cfg), paths) if row.source == first]
    assert [(row.label, row.known.box) for row in rows] == [("fox", (0, 0, 0.5, 0.5)), ("owl", (0.5, 0.5, 0.5, 0.5))]
    put(paths.incoming / folder / "again.png", (paths.sources / "own" / first).read_bytes())
    coco(paths, name, {"again.png": [("fox", [0, 0, 32, 24]), ("owl", [0, 24, 32, 24])]})
    again = list_incoming(cropped(cfg), paths).set_index("file").loc[(Path(folder) / "again.png").as_posix()]
    assert again["reason"] == "the same file is in the data set, or arrived, with other boxes"


def test_where_pictures_are_cut_to_boxes_one_without_is_refused_unless_a_detector_has_one(
    own: tuple[Config, Paths],
) -> None:
    cfg, paths = cropped(own[0]), own[1]
    for number in range(2):
        put(paths.incoming / "fox" / f"{number}.png", noise(90 + number))
    assert set(list_incoming(cfg, paths)["reason"]) == {
        "it has no box, and `clean.crop: boxes` takes nothing else: bring a file that says where it is, as "
        "MegaDetector's results"
    }
    boxes = [{"category": "1", "conf": 0.9, "bbox": [0.25, 0.25, 0.5, 0.5], "classifications": [["0", 0.9]]}]
    found = {"images": [{"file": "fox/0.png", "detections": boxes}], "detection_categories": {"1": "animal"}}
    found |= {"classification_categories": {"0": "owl"}, "info": {}}
    put(paths.incoming / "md.json", json.dumps(found).encode())
    arrived = list_incoming(cfg, paths).set_index("file")
    assert dict(arrived["state"]) == {"fox/0.png": State.NEW, "fox/1.png": State.REFUSED, "md.json": State.LIST}
    row = next(row for row in after(cfg, paths) if row.source == "fox/0.png")
    assert (row.label, row.known.box) == ("fox", (0.25, 0.25, 0.5, 0.5)), "a classifier's answer is no label"
    assert row.known.further["detection"] == "animal"


def test_a_list_that_cannot_be_read_keeps_its_pictures_waiting_and_no_others(own: tuple[Config, Paths]) -> None:
    cfg, paths = own
    for folder in ("a", "b"):
        put(paths.incoming / folder / "x.png", noise(100 + ord(folder)))
    csv_of(paths, "a/labels.csv", "file,species,category", "x.png,fox,owl")
    csv_of(paths, "b/labels.csv", "file,label", "x.png,fox")
    arrived = list_incoming(cfg, paths).set_index("file")
    assert dict(arrived["state"].astype(str)) == {
        "a/labels.csv": "refused", "a/x.png": "refused", "b/labels.csv": "list", "b/x.png": "new",
    }  # fmt: skip
    assert arrived.loc["a/x.png", "reason"] == "labels.csv, which may list it, cannot be read"
    assert "may both be the label: rename one" in str(arrived.loc["a/labels.csv", "reason"])
    assert arrived.loc["a/x.png", "sha256"] == "", "it stays where it is"


def test_what_was_accepted_leaves_with_its_list_once_it_is_merged(own: tuple[Config, Paths]) -> None:
    cfg, paths = own
    tools = FakeTools()
    for number in range(3):
        put(paths.incoming / f"n{number}.png", noise(110 + number))
    csv_of(paths, "labels.csv", "file,label,site", *(f"n{number}.png,owl,S7" for number in range(3)))
    message = run_job(cfg, paths, tools, set(), True).message
    assert "3 pictures accepted, in data/incoming until retrain/0001 is merged; site S7 is new" in message
    assert sorted(tools.joining["target"]) == ["labels.csv", "n0.png", "n1.png", "n2.png"]
    waiting = run_job(cfg, paths, tools, set(), False).message
    assert "nothing to do: 0 new pictures" in waiting and "3 accepted (until retrain/0001 is merged)" in waiting
    take_in(paths.incoming, tools.joining, paths.sources / "own")  # `git merge` and `dvc checkout`
    assert "4 pictures of merged branches left data/incoming" in run_job(cfg, paths, tools, set(), False).message
    assert not [path for path in paths.incoming.rglob("*") if path.is_file()]
    assert len(read_picture_table(paths.sources / "own" / "pictures.csv")) == 19
    put(paths.incoming / "n0.png", noise(120))  # of the same name, weeks later, without a list
    assert list(list_incoming(cfg, paths)["state"]) == [State.UNLABELLED]


def test_what_is_held_back_takes_its_list_along(own: tuple[Config, Paths]) -> None:
    cfg, paths = own
    put(paths.incoming / "june" / "n.png", noise(130))
    csv_of(paths, "june/labels.csv", "file,label", "n.png,owl")
    run_job(cfg, paths, FakeTools("worse"), set(), True)
    held = sorted(path.name for path in (paths.held / "0001" / "june").iterdir())
    assert held == ["labels.csv", "n.png"] and not (paths.incoming / "june" / "labels.csv").exists()


def test_the_champion_sees_what_is_cut_out(own: tuple[Config, Paths]) -> None:
    cfg, paths = cropped(own[0]), own[1]
    put(paths.incoming / "n0.png", noise(140))
    coco(paths, "c.json", {"n0.png": [("fox", [0, 0, 32, 24]), ("owl", [30, 20, 20, 20])]})
    sizes: list[tuple[int, int]] = []

    def look(files: Sequence[Path]) -> Observed:
        for file in files:
            with Image.open(file) as image:
                sizes.append(image.size)
        return indifferent(files)

    tools = FakeTools()
    tools.seen = look
    tools.known = pd.DataFrame({"file": [paths.sources / "own" / "0.png"], "label": ["fox"]})
    run_job(cfg, paths, tools, set(), True)
    assert sizes == [(64, 48), (36, 27), (24, 24)], "a box with a margin of a tenth on each side, within the picture"


@pytest.mark.slow
def test_no_picture_changes_sides_by_any_key(own: tuple[Config, Paths]) -> None:
    cfg, paths = own
    assert isinstance(cfg.data, TableData)

    def sides(key: str) -> dict[str, str]:
        wanted = cfg.data.survey(paths.sources / "own")
        kept = kept_pictures(wanted, paths.sources / "own", 5, cfg.clean, paths.cleaned)
        table = split_pictures(kept, SplitConfig(group_by=key))
        return dict(zip(table["source"], table["split"], strict=True))

    before = {key: sides(key) for key in KEYS}
    lines = [f"d/{number}.png,fox,S{number % 6},2024-05-01 0{number}:00:00,burst {number}" for number in range(9)]
    for number in range(9):
        put(paths.incoming / "d" / f"{number}.png", noise(150 + number))
    csv_of(paths, "labels.csv", "file,label,site,time,sequence", *lines)
    after(cfg, paths)
    for key in KEYS:
        now = sides(key)
        assert len(now) == 25 and {file: now[file] for file in before[key]} == before[key]


@pytest.mark.slow
def test_a_video_that_is_delivered_becomes_pictures_with_a_time_and_a_sequence(own: tuple[Config, Paths]) -> None:
    cfg, paths = own
    video(paths.incoming / "fox" / "a.mp4", said={"creation_time": "2024-06-01T10:00:00Z"})
    put(paths.incoming / "fox" / "broken.mp4", b"\0\0\0\x18ftypmp42 and no more")
    arrived = list_incoming(cfg, paths).set_index("file")
    assert arrived.loc["fox/a.mp4", "state"] == State.NEW and arrived.loc["fox/broken.mp4", "state"] == State.REFUSED
    tools = FakeTools()
    run_job(cfg, paths, tools, set(), True)
    frames = [row for row in after(cfg, paths, (State.ACCEPTED, State.NEW)) if row.source.startswith("fox/a.mp4")]
    assert [row.source for row in frames] == [f"fox/a.mp4#t={second}.0" for second in (0, 5, 10, 15)]
    assert {row.known.sequence for row in frames} == {"fox/a.mp4"}
    assert frames[1].known.time == datetime(2024, 6, 1, 10, 0, 5)
    put(paths.incoming / "unlabelled" / "b.mp4", (paths.incoming / "fox" / "a.mp4").read_bytes())
    queued: list[str] = []

    def ask(champion: object, files: Sequence[Path]) -> pd.DataFrame:
        queued.extend(Image.open(file).format or "" for file in files)
        return FakeTools.ask(tools, champion, files)  # type: ignore[arg-type]

    tools.ask = ask  # type: ignore[method-assign]
    run_job(cfg, paths, tools, set(), False)
    assert queued == ["JPEG"], "its first frame is asked about"


def test_a_list_that_comes_again_changes_no_file_of_the_data_set(own: tuple[Config, Paths], tmp_path: Path) -> None:
    """In the job's worktree these are hard links, to files that nobody may write where DVC's cache has them too."""
    _, paths = own
    for name, content in (("list.csv", b"file,label\n"), ("other.csv", b"new\n")):
        put(paths.incoming / name, content)
    kept = put(paths.sources / "own" / "list.csv", b"file,label\n")
    kept.chmod(0o444)
    joined = tmp_path / "joined"
    joined.mkdir()
    os.link(kept, joined / "list.csv")
    sha256 = [sha256_of_file(paths.incoming / name) for name in ("list.csv", "other.csv")]
    new = pd.DataFrame({"file": "list.csv", "target": "list.csv", "sha256": sha256[:1], "listed": [[]]})
    take_in(paths.incoming, new, joined)
    assert (joined / "list.csv").samefile(kept)
    take_in(paths.incoming, new.assign(file="other.csv", sha256=sha256[1]), joined)
    assert (joined / "list.csv").read_bytes() == b"new\n"
    assert kept.read_bytes() == b"file,label\n" and kept.stat().st_mode & 0o777 == 0o444


def test_files_of_labels_that_cannot_be_read_cost_their_pictures(
    own: tuple[Config, Paths], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has gone meanwhile, and lists of sides that have."""
    cfg, paths = own
    for number in range(4):
        put(paths.incoming / f"{number}.png", noise(50 + number))
        put(paths.incoming / f"{number}.txt", b"0 0.5 0.5 0.2 0.2")
    put(paths.incoming / "classes.txt", b"fox\nowl")
    for side in ("train", "test"):
        put(paths.incoming / f"{side}.txt", b"0.png")

    def gone(path: Path) -> int:
        if path.stem in ("1", "train", "test"):
            raise FileNotFoundError(2, os.strerror(2), str(path))
        return path.stat().st_size

    for module in ("label_files", "split_lists"):
        monkeypatch.setattr(f"fieldguide.data.{module}.size_of", gone)
    arrived = list_incoming(cfg, paths).set_index("file")
    pictures = arrived.loc[[f"{number}.png" for number in range(4)]]
    assert list(pictures["state"]) == [State.NEW, State.REFUSED, State.NEW, State.NEW]
    assert list(pictures["label"])[::2] == ["fox", "fox"]
    assert pictures.at["1.png", "reason"] == "1.txt cannot be read: No such file or directory"
