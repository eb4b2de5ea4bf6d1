"""`fieldguide add` of pictures that a file lists, and what `download` makes of the data set's own table."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from checkouts import git, new_checkout
from conftest import encoded, noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.option_files import read_mapping, read_params
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.annotations.picture_table import read_picture_table
from fieldguide.data.sources.row import RawRow
from fieldguide.data.sources.table import TableData
from fieldguide.data.table import IMAGES, RAW, read_table
from fieldguide.stages import clean, download
from web import serve

pytestmark = pytest.mark.slow

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture
def paths(checkout: Paths, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A checkout in which nothing is tracked, since DVC takes a second."""
    monkeypatch.setattr("fieldguide.data.add.dvc_add", lambda *_: None)
    return checkout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures of two labels, flat."""
    for number in range(6):
        put(tmp_path / "pictures" / f"{number}.png", noise(number))
    return tmp_path / "pictures"


def listing(folder: Path, name: str = "labels.csv", header: str = "file,label", *rows: str) -> Path:
    rows = rows or tuple(f"{number}.png,{('fox', 'owl')[number % 2]}" for number in range(6))
    return put(folder / name, "\n".join([header, *rows, ""]).encode())


def add(paths: Paths, *arguments: str) -> str:
    done = run_command("add", "pets", *arguments, cwd=paths.root)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(paths: Paths) -> dict[str, RawRow]:
    raw = paths.root / "again"
    raw.mkdir()
    data = compose(paths).data
    return {f"{row.source}|{row.label}": row for row in reversed(data.fetch(paths.sources / "pets", raw))}


def test_a_table_becomes_a_data_set_that_dvc_tracks(tmp_path: Path, folder: Path) -> None:
    paths = new_checkout(tmp_path / "checkout")
    listing(folder)
    assert "commit params.yaml, conf/data/pets.yaml, data/sources/pets.dvc" in add(paths, str(folder))
    assert git(paths.root, "status", "--porcelain", "-uall").split()[1::2] == [
        *("params.yaml", "conf/data/pets.yaml", "data/sources/.gitignore", "data/sources/pets.dvc"),
    ]


@pytest.mark.parametrize("how", ["the folder", "the table", "both"])
def test_a_table_beside_pictures_says_their_labels(paths: Paths, folder: Path, how: str) -> None:
    table = listing(folder)
    both = [str(folder), "--labels-from", "labels.csv"]
    said = add(paths, *{"the folder": [str(folder)], "the table": [str(table)], "both": both}[how])
    assert "labels.csv: a table\ncolumns: file, label\nlabels: fox 3, owl 3\n" in said
    assert read_mapping(paths.option("data", "pets"), "pets.yaml") == {"kind": "table"}
    text = (paths.sources / "pets" / "pictures.csv").read_text(encoding="utf-8")
    assert text.startswith("file,label\n0.png,fox\n1.png,owl\n")
    assert len(list((paths.sources / "pets").glob("*.png"))) == 6
    metrics = download.run(compose(paths), paths)
    assert (metrics["downloaded"], metrics["refused"], metrics["labels"]) == (6, 0, 2)
    assert set(read_table(paths.raw_table, RAW)["path"]) >= {"0.png", "1.png"}


def test_sites_times_sides_boxes_and_own_columns_come_along(paths: Paths, folder: Path) -> None:
    rows = [
        f"{number}.png,{('fox', 'owl')[number % 2]},N{number},2024-05-0{number + 1} 12:00,0.25,0.25,0.5,0.5,rain,train"
        for number in range(6)
    ]
    table = listing(folder, "t.csv", "file,label,station,datetime,x,y,w,h,weather,split", *rows)
    said = add(paths, str(table))
    for line in (
        "sites: N0 1, N1 1",
        "given split: trainval 6",
        "boxes: 6 in 6 pictures",
        "taken: 2024-05-01 12:00:00 to",
    ):
        assert line in said
    assert read_mapping(paths.option("data", "pets"), "pets.yaml") == {"kind": "table", "splits": {"train": "trainval"}}
    known = rows_of(paths)["3.png|owl"].known
    assert (known.site, known.time, known.given_split) == ("N3", datetime(2024, 5, 4, 12), "trainval")
    assert known.box == (0.25, 0.25, 0.5, 0.5) and known.further == {"weather": "rain"}


def test_what_cannot_be_used_costs_its_row_and_is_kept_with_its_reason(paths: Paths, folder: Path) -> None:
    rows = (
        *("0.png,fox", "1.png,owl", "2.png,", "2b.png,fox", "../3.png,fox", r"C:\cards\4.png,owl", "0.png,fox"),
        *("1.png,fox", "5.png,fox/owl"),
    )
    said = add(paths, str(folder), "--labels-from", str(listing(folder, "labels.csv", "file,label", *rows)))
    left = {
        "no label": "2.png",
        "there is no such file": "2b.png",
        "its path leads out of the folder": "../3.png",
        "listed twice": "0.png",
        "not listed": "3.png",
    }
    for reason, file in left.items():
        assert f"left out: 1 file: {reason} ({file})" in said, said
    assert "'fox/owl' cannot be the name of a folder" in said
    fetched = rows_of(paths)
    refused = {row.source: row.reason for row in fetched.values() if not row.ok}
    assert refused["2b.png"] == "there is no such file" and refused["../3.png"].startswith("its path leads out")
    assert {name for name, row in fetched.items() if row.ok} == {"0.png|fox", "1.png|owl", "1.png|fox", "4.png|owl"}


def test_a_table_that_a_person_edited_is_read_and_says_what_is_wrong(tmp_path: Path) -> None:
    own, data = tmp_path / "own", TableData("table", {"fox": "Fox"})
    put(own / "1.png", noise(1))
    put(own / "a" / "2.png", noise(2))
    put(own / "3.png", noise(3))
    text = "file;label;time;box_left;box_top;box_width;box_height\n1.png;fox;30.05.2024 12:13;0,25;0,25;0,5;0,5\n"
    put(own / "pictures.csv", f"{text}a\\2.png;owl;soon;;;;\nhttp://b.example/1;owl;;;;;\n".encode("utf-16"))
    (tmp_path / "raw").mkdir()
    rows = {row.source: row for row in data.fetch(own, tmp_path / "raw")}
    assert rows["1.png"].path == "1.png" and rows["1.png"].known.box == (0.25, 0.25, 0.5, 0.5)
    assert rows["1.png"].known.time == datetime(2024, 5, 30, 12, 13)
    assert rows["a/2.png"].reason == "'soon' is no time: write it as 2024-05-30 12:13:14"
    assert rows["3.png"].reason == "pictures.csv does not list it"
    assert "an address" in rows["http://b.example/1"].reason
    with pytest.raises(UserError, match=r"labels: pictures.csv has no label 'wolf'"):
        TableData("table", {"wolf": "Wolf"}).fetch(own, tmp_path / "raw")
    put(own / "pictures.csv", b"name,label\n1.png,fox\n")
    with pytest.raises(UserError, match="no column 'file'"):
        data.survey(own)


def test_folders_and_a_file_that_disagree_are_refused_elsewhere_and_asked_on_a_terminal(
    paths: Paths, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        put(folder / ("night", "day")[number // 3] / f"{number}.png", noise(number))
        (folder / f"{number}.png").unlink()
    listing(folder)
    refused = run_command("add", "pets", str(folder), cwd=paths.root)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert (
        "more than one thing may say the labels: choose --labels-from 'labels.csv' or --layout '{label}'"
        in refused.stderr
    )
    answers = iter(["three", "1"])
    monkeypatch.setattr("fieldguide.data.add.is_a_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    asked = run_command("add", "pets", str(folder), "--dry-run", cwd=paths.root).stdout
    assert "  1  --labels-from 'labels.csv'\n  2  --layout '{label}'\n" in asked and "labels: fox 3, owl 3" in asked
    said = run_command("add", "pets", str(folder), "--layout", "{label}", "--dry-run", cwd=paths.root).stdout
    assert "labels: day 3, night 3" in said


def test_a_table_that_cannot_be_read_is_told(paths: Paths, folder: Path) -> None:
    put(folder / "labels.csv", b"file,label\n0.png,fox,red\n")
    refused = run_command("add", "pets", str(folder), cwd=paths.root).stderr
    assert refused.count("\n") == 1 and "has no folders of pictures" in refused and "row 2 has more cells" in refused


def into_folders(folder: Path) -> None:
    """Put the six pictures into folders of two labels."""
    for number in range(6):
        put(folder / ("fox", "owl")[number % 2] / f"{number}.png", noise(number))
        (folder / f"{number}.png").unlink()


def test_folders_and_a_file_that_agree_are_no_question(paths: Paths, folder: Path) -> None:
    into_folders(folder)
    listing(folder, "labels.csv", "file,label,site", *(f"{n}.png,{('fox', 'owl')[n % 2]},N{n}" for n in range(6)))
    assert "sites: N0 1" in add(paths, str(folder), "--dry-run")


def test_a_table_without_labels_takes_those_of_folders(paths: Paths, folder: Path) -> None:
    into_folders(folder)
    listing(folder, "sites.csv", "file,site", *(f"{number}.png,N{number}" for number in range(6)))
    assert "note: sites.csv lists these pictures too" in add(paths, str(folder), "--dry-run")
    said = add(paths, str(folder), "--labels-from", "sites.csv", "--dry-run")
    assert "labels: fox 3, owl 3\nsites: N0 1" in said


def test_paths_say_what_a_table_does_not(paths: Paths, folder: Path) -> None:
    for number in range(6):
        put(folder / f"N{number % 3}" / f"2024-05-0{number + 1}" / f"{number}.png", noise(number))
        (folder / f"{number}.png").unlink()
    listing(folder)
    said = add(paths, str(folder), "--labels-from", "labels.csv", "--layout", "{site}/{}", "--dry-run")
    assert "layout: {site}/{}\nlabels: fox 3, owl 3\nsites: N0 2, N1 2, N2 2\n" in said
    assert "taken: 2024-05-01 00:00:00 to 2024-05-06 00:00:00 (from %Y-%m-%d)" in said


def test_a_detector_adds_boxes_to_folders(paths: Paths, folder: Path) -> None:
    into_folders(folder)
    found = {"category": "1", "conf": 0.9, "bbox": [0.25, 0.25, 0.5, 0.5]}
    images = [{"file": f"fox/{number}.png", "detections": [found, {**found, "category": "2"}]} for number in (0, 2)]
    images.append({"file": "fox/4.png", "detections": [found, {**found, "bbox": [0, 0, 0.5, 0.5]}]})
    content = {"images": images, "detection_categories": {"1": "animal", "2": "person"}}
    put(folder / "md.json", json.dumps(content).encode())
    mask = Image.new("L", (64, 48))
    mask.paste(255, (10, 10, 20, 20))
    put(folder / "fox" / "0_mask.png", mask)
    said = add(paths, str(folder), "--boxes", "md.json")
    assert "left out: 1 file: a mask (fox/0_mask.png)" in said
    assert "labels: fox 3, owl 3\nboxes: 4 in 3 pictures\n" in said
    rows = read_picture_table(paths.sources / "pets" / "pictures.csv")
    assert [row.known.box for row in rows if row.file == "fox/4.png"] == [(0.25, 0.25, 0.5, 0.5), (0, 0, 0.5, 0.5)]
    assert not [row for row in rows if row.known.further["detection"] == "person"]
    assert not next(row for row in rows if row.file == "owl/1.png").known.box


def test_sides_in_the_names_of_files_are_a_given_split(paths: Paths, tmp_path: Path) -> None:
    pictures = tmp_path / "sets"
    for side in ("train", "valid", "test"):
        images = [{"id": number, "file_name": f"{number}.png"} for number in range(4)]
        marks = [{"id": number, "image_id": number, "category_id": number % 2} for number in range(4)]
        names = [{"id": 0, "name": "fox"}, {"id": 1, "name": "owl"}]
        content = {"images": images, "annotations": marks, "categories": names}
        put(pictures / side / "_annotations.coco.json", json.dumps(content).encode())
        for number in range(4):
            put(pictures / side / f"{number}.png", noise(10 * sum(map(ord, side)) + number))
    said = add(paths, str(pictures), "--dry-run")
    assert "labels: fox 6, owl 6\ngiven split: test 4, train 4, valid 4" in said, said
    assert "split.group_by: given_split" in said


def test_tables_of_sides_and_one_without_a_line_of_names(paths: Paths, tmp_path: Path, folder: Path) -> None:
    for side in ("train", "test"):
        rows = [f"{side}{number}.png,64,48,{('fox', 'owl')[number % 2]},8,8,32,32" for number in range(4)]
        listing(tmp_path / "set", f"{side}_labels.csv", "filename,width,height,class,xmin,ymin,xmax,ymax", *rows)
        for number in range(4):
            put(tmp_path / "set" / side / f"{side}{number}.png", noise(10 * sum(map(ord, side)) + number))
    said = add(paths, str(tmp_path / "set"), "--dry-run")
    assert "labels: fox 4, owl 4\ngiven split: test 4, trainval 4\nboxes: 8 in 8 pictures" in said
    said = add(paths, str(listing(folder, "t.csv", "0.png,fox", "1.png,owl", "0.png,owl")), "--dry-run")
    assert "no line of names: its columns are taken for file, label\nlabels: owl 2, fox 1\n" in said
    assert "note: pictures with more than one label: 1; clean leaves them out\n" in said


def test_imagefolder_with_metadata_in_its_folders(paths: Paths, tmp_path: Path) -> None:
    for side in ("train", "test"):
        rows = [f"{number}.png,{('fox', 'owl')[number % 2]}" for number in range(4)]
        listing(tmp_path / "set" / side, "metadata.csv", "file_name,label", *rows)
        for number in range(4):
            put(tmp_path / "set" / side / f"{number}.png", noise(10 * sum(map(ord, side)) + number))
    assert "labels: fox 4, owl 4\ngiven split: test 4, trainval 4" in add(paths, str(tmp_path / "set"), "--dry-run")


@pytest.fixture
def web() -> Iterator[str]:
    pages = {f"/{number}.png": (200, encoded(noise(number), "PNG")) for number in range(4)}
    with serve(pages) as served:
        yield served.address


def test_metadata_without_labels_adds_to_those_of_folders(paths: Paths, tmp_path: Path) -> None:
    for side in ("train", "test"):
        rows = [f"{('fox', 'owl')[number % 2]}/{number}.png,N{number}" for number in range(4)]
        listing(tmp_path / "set" / side, "metadata.csv", "file_name,site", *rows)
        for number in range(4):
            put(
                tmp_path / "set" / side / ("fox", "owl")[number % 2] / f"{number}.png",
                noise(10 * sum(map(ord, side)) + number),
            )
    said = add(paths, str(tmp_path / "set"), "--dry-run")
    assert "layout: {split}/{label}\nlabels: fox 4, owl 4\nsites: N0 2, N1 2, N2 2, N3 2\n" in said
    assert "given split: test 4, trainval 4" in said


def test_addresses_with_sites_are_fetched_and_listed(paths: Paths, tmp_path: Path, web: str) -> None:
    rows = [f"{web}/{number}.png?token=secret,{('fox', 'owl')[number % 2]},N{number}" for number in range(4)]
    rows.append(f"{web}/gone.png,fox,N9")
    table = listing(tmp_path / "list", "t.csv", "url,label,site", *rows)
    done = run_command("add", "pets", str(table), "--allow-private", cwd=paths.root)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"fieldguide: {web}/gone.png: the server answers 404 Not Found\n"
    text = (paths.sources / "pets" / "pictures.csv").read_text(encoding="utf-8")
    assert "secret" not in text and text.splitlines()[0] == "file,label,site,left_out"
    assert text.splitlines()[-1] == f"{web}/gone.png,fox,N9,the server answers 404 Not Found"
    kept = {source: row for source, row in rows_of(paths).items() if row.ok}
    assert {row.known.site for row in kept.values()} == {"N0", "N1", "N2", "N3"}
    assert all(source.startswith("fetched/") for source in kept)


def test_boxes_of_one_picture_are_rows_and_without_crops_one_picture(paths: Paths, folder: Path) -> None:
    rows = ["0.png,fox,0.1,0.1,0.2,0.2", "0.png,fox,0.5,0.5,0.2,0.2", "1.png,owl,0.1,0.1,0.2,0.2"]
    add(paths, str(listing(folder, "t.csv", "file,label,x,y,w,h", *rows)))
    assert download.run(compose(paths), paths)["downloaded"] == 3
    clean.run(compose(paths), paths)
    images = read_table(paths.image_table, IMAGES)
    assert sorted(images.loc[images["status"] == "kept", "label"]) == ["fox", "owl"]


def test_a_label_that_names_nothing_is_mentioned(paths: Paths, folder: Path) -> None:
    rows = ["0.png,UNID", "1.png,owl", "2.png,unknown"]
    said = add(paths, str(listing(folder, "t.csv", "file,label", *rows)), "--dry-run")
    assert "note: 'UNID', 'unknown' may name nothing" in said


@pytest.mark.skipif(not SHARED.is_dir(), reason="the maintainers' pictures are not here")
@pytest.mark.slow
def test_three_real_files_that_say_the_same_give_the_same_table(paths: Paths) -> None:
    boxes = SHARED / "data" / "field" / "boxes"
    refused = run_command("add", "pets", str(boxes), cwd=paths.root)
    assert (
        refused.returncode == 1
        and "--labels-from 'coco_annotations.json' or --labels-from 'labels.csv'" in refused.stderr
    )
    labels = {}
    for name in ("labels.csv", "coco_annotations.json", "md_annotations.json"):
        set_name = name.partition("_")[0].partition(".")[0]
        done = run_command("add", set_name, str(boxes), "--labels-from", name, cwd=paths.root)
        assert done.returncode == 0, done.stderr
        rows = read_picture_table(paths.sources / set_name / "pictures.csv")
        labels[name] = {row.file: row.label.replace("_", " ").title() for row in rows}
        assert len(rows) == 21 and not any(row.left_out for row in rows)
        assert all(row.known.box for row in rows) == (name != "labels.csv")
    assert labels["labels.csv"] == labels["coco_annotations.json"] == labels["md_annotations.json"]
    package = run_command(
        "add", "camtrap", str(SHARED / "data" / "field" / "camtrap_dp_small"), "--dry-run", cwd=paths.root
    )
    for line in (
        "datapackage.json: Camtrap DP",
        "labels: Felis catus 1, Canis aureus 1, Pan 1",
        "sites: Site A 2, Site B 2",
    ):
        assert line in package.stdout
    assert read_params(paths)["data"] == "md"
