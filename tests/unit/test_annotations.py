"""Tables and annotation files: what each format says of pictures, boxes, sites and times, and what is refused."""

import csv
import io
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import encoded, examples, noise, put
from fieldguide.base.errors import UserError
from fieldguide.data.annotations.annotation import Annotation, Annotations
from fieldguide.data.annotations.picture_table import read_picture_table, write_picture_table
from fieldguide.data.annotations.reading import read_annotations
from fieldguide.data.annotations.times import read_times
from fieldguide.data.choices import Ambiguous
from fieldguide.data.field_data import FieldData
from fieldguide.data.listed_files import ListedFiles
from fieldguide.data.moments import offset_of

SHARED = Path(__file__).resolve().parents[3] / "shared"
QUARTER = (0.25, 0.25, 0.5, 0.5)
TEXTS = st.text("abcXYZ019 äé熊-('\"=+@;,", min_size=1, max_size=8).map(str.strip).filter(bool)


def table(path: Path, text: str) -> Annotations:
    return read_annotations(put(path, text.encode()))


def said(annotations: Annotations) -> list[tuple[Any, ...]]:
    return [(row.file, row.label, row.known.site, row.known.time, row.known.box) for row in annotations.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_is_read_whatever_its_separator_and_encoding(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = [["File Name", "Species"], [r"a\b\1.jpg", f'fox {separator} "red"'], ["2.jpg", "Bär"]]
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    read = read_annotations(put(tmp_path / "list.csv", text.getvalue().encode(encoding)))
    assert [(row.file, row.label) for row in read.rows] == [("a/b/1.jpg", f'fox {separator} "red"'), ("2.jpg", "Bär")]


def test_a_table_in_a_code_page_is_read_and_said(tmp_path: Path) -> None:
    read = read_annotations(put(tmp_path / "list.csv", "file,label\n1.jpg,Bär\n".encode("cp1252")))
    assert read.rows[0].label == "Bär" and any("Windows-1252" in line for line in read.understood)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("filename,class,location,datetime", "1.jpg,fox,N1,2024-05-30T12:13:14+02:00"),
        ("image;category;station;timestamp", "1.jpg;fox;N1;30/05/2024 12:13:14"),
        ("Path,Common Name,Deployment,Date,Time", "1.jpg,fox,N1,2024:05:30,12:13:14"),
        ("image_path,scientificName,locationID,DateTimeOriginal", "1.jpg,fox,N1,2024:05:30 12:13:14"),
        ("file,label,site,date,hour,time", "1.jpg,fox,N1,2024-05-30 00:00:00,12,12:13:14"),
        ("FILE,LABEL,SITE,TIME", "1.jpg,fox,N1,30.05.2024 12:13:14"),
        ("img,species,camera,date_captured", '1.jpg,fox,N1,"5/30/2024, 12:13:14 PM"'),
    ],
)
def test_columns_are_known_by_their_usual_names(tmp_path: Path, header: str, row: str) -> None:
    taken = datetime(2024, 5, 30, 12, 13, 14, tzinfo=offset_of(row[-6:]))
    assert said(table(tmp_path / "list.csv", f"{header}\n{row}\n")) == [("1.jpg", "fox", "N1", taken, None)]


def test_sequences_sides_and_own_columns(tmp_path: Path) -> None:
    text = "file,label,seq_id,subset,weather\n1.jpg,fox,s1,train,rain\n2.jpg,owl,s2,Validation,\n"
    rows = table(tmp_path / "list.csv", text).rows
    known = [(row.known.sequence, row.known.given_split, dict(row.known.further)) for row in rows]
    assert known == [("s1", "train", {"weather": "rain"}), ("s2", "Validation", {"weather": None})]
    folds = table(tmp_path / "folds.csv", "file,label,fold\n1.jpg,fox,0\n2.jpg,owl,1\n").rows
    assert [dict(row.known.further) for row in folds] == [{"fold": "0"}, {"fold": "1"}]


def test_a_column_that_is_named_as_times_and_holds_none_is_told(tmp_path: Path) -> None:
    read = table(tmp_path / "list.csv", "file,label,timestamp\n1.jpg,fox,1717070000\n2.jpg,owl,1717070001\n")
    assert "warning: 'timestamp' cannot be read as times" in read.understood
    assert dict(read.rows[0].known.further) == {"timestamp": "1717070000"}
    read = table(tmp_path / "list.csv", "file,label,time\n1.jpg,fox,2024-05-30 12:00\n2.jpg,owl,soon\n")
    assert "warning: times that cannot be read: 1, the first is 'soon'" in read.understood


def test_what_may_be_two_columns_is_asked_and_can_be_said(tmp_path: Path) -> None:
    text = "file,species,common_name\n1.jpg,Vulpes vulpes,fox\n2.jpg,Strix aluco,owl\n"
    with pytest.raises(Ambiguous, match="--columns 'label=species' or --columns 'label=common_name'"):
        table(tmp_path / "list.csv", text)
    read = read_annotations(tmp_path / "list.csv", columns={"label": "common_name"})
    assert [row.label for row in read.rows] == ["fox", "owl"]
    with pytest.raises(UserError, match="no column 'kind': its columns are file, species, common_name"):
        read_annotations(tmp_path / "list.csv", columns={"label": "kind"})
    with pytest.raises(UserError, match=r"no 'lable' \(did you mean label\?\)"):
        read_annotations(tmp_path / "list.csv", columns={"lable": "species"})
    dates = "file,label,date\n1.jpg,fox,03/04/2024\n2.jpg,owl,05/06/2024\n"
    with pytest.raises(Ambiguous, match="dates=day-first' or --columns 'dates=month-first'"):
        table(tmp_path / "dates.csv", dates)
    read = read_annotations(tmp_path / "dates.csv", columns={"dates": "day-first"})
    assert [row.known.time for row in read.rows] == [datetime(2024, 4, 3), datetime(2024, 6, 5)]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("x,y,w,h", "50,25,100,50"),
        ("xmin,ymin,xmax,ymax", "50,25,150,75"),
        ("box_left,box_top,box_width,box_height", "0.25,0.25,0.5,0.5"),
        ("bboxX,bboxY,bboxWidth,bboxHeight", "0.25,0.25,0.5,0.5"),
        ("x_center,y_center,width,height", "0.5,0.5,0.5,0.5"),
        ("width,height,xmin,ymin,xmax,ymax", "400,200,100,50,300,150"),
        ("bbox", '"[50, 25, 100, 50]"'),
        ("bbox", "50 25 100 50"),
        ("bounding_box", '"(0.25, 0.25, 0.5, 0.5)"'),
    ],
)
def test_boxes_are_read_in_pixels_and_shares(tmp_path: Path, header: str, cells: str) -> None:
    put(tmp_path / "1.png", noise(1, 200, 100))
    [row] = table(tmp_path / "list.csv", f"file,label,{header}\n1.png,fox,{cells}\n").rows
    assert (row.known.box, row.left_out) == (QUARTER, "")


def test_boxes_in_one_column_are_corners_where_they_would_leave_the_picture_otherwise(tmp_path: Path) -> None:
    put(tmp_path / "1.png", noise(1, 200, 100))
    read = table(tmp_path / "list.csv", 'file,label,bbox\n1.png,fox,"[150, 50, 190, 90]"\n1.png,owl,"[2, 2, 9, 9]"\n')
    assert [row.known.box for row in read.rows] == [(0.75, 0.5, 0.2, 0.4), (0.01, 0.02, 0.035, 0.07)]
    assert any("left, top, right, bottom, in pixels" in line for line in read.understood)


def test_pixels_are_those_of_the_upright_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    put(tmp_path / "1.jpg", encoded(noise(1, 100, 200), "JPEG", exif=exif))  # upright it is 200 x 100
    [row] = table(tmp_path / "list.csv", "file,label,x,y,w,h\n1.jpg,fox,50,25,100,50\n").rows
    assert row.known.box == QUARTER


@pytest.mark.parametrize("box", ["0,0,0,0", "5,5,1,1", "0.1,0.1,-0.2,0.2", "nan,0,1,1", "a,b,c,d"])
def test_a_box_that_is_none_costs_its_row(tmp_path: Path, box: str) -> None:
    put(tmp_path / "1.png", noise(1, 4, 4))
    rows = table(tmp_path / "list.csv", f"file,label,x,y,w,h\n1.png,fox,{box}\n1.png,owl,0.1,0.1,0.2,0.2\n").rows
    assert rows[0].left_out.startswith("its box") and not rows[1].left_out


COCO: dict[str, Any] = {
    "images": [
        {"id": 1, "file_name": "a\\1.jpg", "width": 200, "height": 100, "location": 7, "seq_id": "s"},
        {"id": "two", "file_name": "2.jpg", "datetime": "2024-05-30 12:13:14", "location": "north"},
        {"id": 3, "file_name": "3.jpg"},
    ],
    "categories": [{"id": 0, "name": "empty"}, {"id": 5, "name": "fox"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 5, "bbox": [50, 25, 100, 50]},
        {"id": 2, "image_id": 1, "category_id": 5, "bbox": [0, 0, 20, 10]},
        {"id": 3, "image_id": "two", "category_id": 0},
        {"id": 6, "image_id": "two", "category_id": 0},
        {"id": 7, "image_id": 1, "category_id": 5},
        {"id": 4, "image_id": 99, "category_id": 5},
        {"id": 5, "image_id": 1, "category_id": 6},
    ],
}


def test_coco_and_camera_traps(tmp_path: Path) -> None:
    read = read_annotations(put(tmp_path / "any.name", json.dumps(COCO).encode()))
    assert said(read)[:3] == [
        ("a/1.jpg", "fox", "7", None, QUARTER),
        ("a/1.jpg", "fox", "7", None, (0.0, 0.0, 0.1, 0.1)),
        ("a/1.jpg", "", "7", None, None),
    ]
    assert said(read)[3][:4] == ("2.jpg", "empty", "north", datetime(2024, 5, 30, 12, 13, 14))
    assert [row.left_out for row in read.rows] == [
        *("", "", "its category '6' is not listed", ""),
        *("the file lists the picture without an annotation", "an annotation of the image '99', which is not listed"),
    ]


@pytest.mark.parametrize("size", [float("inf"), float("nan"), "wide", None, 0, -4, [3]])
def test_a_size_that_is_none_costs_the_boxes_of_its_picture(tmp_path: Path, size: Any) -> None:
    images = [{"id": 1, "file_name": "1.jpg", "width": size, "height": 100}]
    marks = [{"image_id": 1, "category_id": 5, "bbox": [1, 1, 5, 5]}, {"image_id": 1, "category_id": 0}]
    content = {**COCO, "images": images, "annotations": marks}
    read = read_annotations(put(tmp_path / "coco.json", json.dumps(content).encode()))
    assert [(row.label, row.left_out) for row in read.rows] == [
        *(("fox", "its box is in pixels, and the size of the picture is not known"), ("empty", "")),
    ]


def test_megadetector_in_both_of_its_forms(tmp_path: Path) -> None:
    found = {"category": "1", "conf": 0.9, "bbox": [0.25, 0.25, 0.5, 0.5]}
    old = {
        "info": {"detector_metadata": {"typical_detection_threshold": 0.5}},
        "detection_categories": {"1": "animal", "2": "person"},
        "images": [
            {"file": "a\\1.png", "detections": [found, {**found, "conf": 0.4}, {**found, "category": "2"}]},
            {"file": "2.png", "detections": []},
            {"file": "3.png", "failure": "cannot open", "detections": None},
        ],
    }
    read = read_annotations(put(tmp_path / "md.json", json.dumps(old).encode()))
    assert [(row.file, row.known.box, row.known.further["detection"]) for row in read.rows[:3]] == [
        *(("a/1.png", QUARTER, "animal"), ("a/1.png", QUARTER, "person"), ("2.png", None, None)),
    ]
    assert read.rows[3].left_out == "the detector failed: cannot open"
    assert len(read_annotations(tmp_path / "md.json", least_confidence=0.3).rows) == 5
    put(tmp_path / "1.png", noise(1, 200, 100))
    new = [{"file": "1.png", "detections": [{"category": "animal", "confidence": 0.9, "bbox": [50, 25, 150, 75]}]}]
    [row] = read_annotations(put(tmp_path / "new.json", json.dumps(new).encode())).rows
    assert (row.known.box, row.known.further["confidence"]) == (QUARTER, "0.9")


CAMTRAP = {
    "datapackage.json": json.dumps(
        {"resources": [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]}
    ),
    "deployments.csv": "deploymentID,locationID,locationName\nd1,l1,North\nd2,l2,North\n",
    "media.csv": "mediaID,deploymentID,timestamp,filePath\n"
    "m1,d1,2024-05-30T12:13:14+02:00,1.jpg\nm2,d1,2024-05-30T12:13:20+02:00,2.jpg\nm3,d2,2024-05-30T12:13:20Z,3.jpg\n",
    "observations.csv": "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,"
    "observationType,scientificName,bboxX,bboxY,bboxWidth,bboxHeight\n"
    "o1,d1,m1,e1,2024-05-30T12:13:14+02:00,2024-05-30T12:13:14+02:00,media,animal,Vulpes vulpes,0.25,0.25,0.5,0.5\n"
    "o2,d1,,e1,2024-05-30T12:13:10+02:00,2024-05-30T12:13:30+02:00,event,animal,Meles meles,,,,\n"
    "o3,d2,m3,e3,2024-05-30T12:13:20Z,2024-05-30T12:13:20Z,media,blank,,,,,\n",
}


def test_camtrap_dp_by_file_and_by_event(tmp_path: Path) -> None:
    for name, text in CAMTRAP.items():
        put(tmp_path / name, text.encode())
    read = read_annotations(tmp_path / "datapackage.json")
    summer = offset_of("+02:00")
    taken = [
        datetime(2024, 5, 30, 12, 13, second, tzinfo=zone) for second, zone in ((14, summer), (20, summer), (20, UTC))
    ]
    assert said(read) == [
        ("1.jpg", "Vulpes vulpes", "l1", taken[0], QUARTER),  # both places are named North
        ("2.jpg", "Meles meles", "l1", taken[1], None),
        ("3.jpg", "blank", "l2", taken[2], None),
    ]
    assert [row.known.sequence for row in read.rows] == ["e1", "e1", "e3"]
    later = CAMTRAP["observations.csv"].replace("media,animal,Vulpes vulpes", "media,unclassified,")
    put(tmp_path / "observations.csv", later.encode())
    put(tmp_path / "deployments.csv", CAMTRAP["deployments.csv"].replace("l2,North", "l2,South").encode())
    read = read_annotations(tmp_path / "datapackage.json")
    assert [(row.label, row.known.site) for row in read.rows] == [
        *(("Meles meles", "North"), ("Meles meles", "North"), ("blank", "South")),
    ]
    put(tmp_path / "datapackage.json", CAMTRAP["datapackage.json"].replace("media.csv", "../media.csv").encode())
    with pytest.raises(UserError, match=r"names ../media.csv for media, which is not in its folder"):
        read_annotations(tmp_path / "datapackage.json")


def test_the_same_table_in_any_format_says_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "file": ["1.jpg", "2.jpg"],
            "label": ["fox", "007"],
            "site": ["N1", None],
            "time": pd.to_datetime(["2024-05-30 12:13:14", "2024-05-30 00:00:00"]),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True, date_format="iso")
    frame.to_json(tmp_path / "t.json", orient="records", date_format="iso")
    read = {path.name: said(read_annotations(path)) for path in tmp_path.iterdir()}
    assert len(read) == 6 and all(one == read["t.csv"] for one in read.values())
    assert read["t.csv"][1] == ("2.jpg", "007", None, datetime(2024, 5, 30), None)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text("12a/", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["file", "bbox", "detections", "classifications", "category", "conf", "id", "image_id", "category_id",
         "file_name", "width"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


CREATE_ML = [
    {"image": "1.png", "annotations": [
        {"label": "fox", "coordinates": {"x": 100, "y": 50, "width": 100, "height": 50}},
        {"label": "owl", "coordinates": {"x": 100, "y": 50, "width": 0, "height": 50}},
    ]},
    {"image": "2.png", "annotations": []},
]  # fmt: skip


def test_create_ml(tmp_path: Path) -> None:
    put(tmp_path / "1.png", noise(1, 200, 100))
    read = read_annotations(put(tmp_path / "any.json", json.dumps(CREATE_ML).encode()))
    assert [(row.file, row.label, row.known.box, row.left_out) for row in read.rows] == [
        ("1.png", "fox", QUARTER, ""),
        ("1.png", "owl", None, "its box has no area"),
        ("2.png", "", None, "the file lists the picture without an annotation"),
    ]
    shares = {"x": 0.5, "y": 0.5, "width": 0.5, "height": 0.5}
    older = [{"imagefilename": "9.png", "annotation": [{"label": "fox", "coordinates": shares}]}]
    assert said(read_annotations(put(tmp_path / "old.json", json.dumps(older).encode()))) == [
        ("9.png", "fox", None, None, QUARTER)
    ]
    whole = [{"image": "1.png", "annotation": "fox"}, {"image": "2.png", "annotation": "owl"}]
    labels = read_annotations(put(tmp_path / "labels.json", json.dumps(whole).encode()))
    assert [(row.file, row.label) for row in labels.rows] == [("1.png", "fox"), ("2.png", "owl")]


RECT = {"name": "rect", "x": 50, "y": 25, "width": 100, "height": 50}
VIA_SHAPES = {
    "rect": RECT,
    "circle": {"name": "circle", "cx": 100, "cy": 50, "r": 25},
    "ellipse": {"name": "ellipse", "cx": 100, "cy": 50, "rx": 50, "ry": 25},
    "turned": {"name": "ellipse", "cx": 100, "cy": 50, "rx": 25, "ry": 50, "theta": 1.5707963267948966},
    "polygon": {"name": "polygon", "all_points_x": [50, 150, 90], "all_points_y": [25, 30, 75]},
    "point": {"name": "point", "cx": 1, "cy": 2},
    "odd": {"name": "polygon", "all_points_x": "abc", "all_points_y": 7},
}


def via(regions: Any, says: Any = None, file: str = "1.png") -> dict[str, Any]:
    return {f"{file}123": {"filename": file, "size": 123, "regions": regions, "file_attributes": says or {}}}


def region(label: Any, shape: Any = None, **more: Any) -> dict[str, Any]:
    return {"shape_attributes": RECT if shape is None else shape, "region_attributes": {"animal": label, **more}}


def test_via_in_all_its_forms(tmp_path: Path) -> None:
    put(tmp_path / "1.png", noise(1, 200, 100))
    content = via([region(name, shape) for name, shape in VIA_SHAPES.items()]) | via([], file="2.png")
    read = read_annotations(put(tmp_path / "via.json", json.dumps(content).encode()))
    boxes = {row.label: row.known.box for row in read.rows}
    assert read.format == "VGG Image Annotator" and read.understood == ["labels from the attribute 'animal'"]
    assert {boxes[name] for name in ("rect", "ellipse", "turned", "polygon")} == {QUARTER}
    assert boxes["circle"] == (0.375, 0.25, 0.25, 0.5) and boxes["point"] is None
    assert {row.label or row.file: row.left_out for row in read.rows if row.left_out} == {
        "odd": "its box has no area",
        "2.png": "no region is marked in it",
    }
    first = via({"0": region("rect"), "1": region("circle", VIA_SHAPES["circle"])})  # as version 1 writes them
    project = {"_via_settings": {}, "_via_img_metadata": first}
    text = io.StringIO()
    writer = csv.writer(text)
    header = "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    writer.writerow(header.split(","))
    for number, name in enumerate(("rect", "circle")):
        writer.writerow(["1.png", 1, "{}", 2, number, json.dumps(VIA_SHAPES[name]), json.dumps({"animal": name})])
    forms = [json.dumps(first), json.dumps(project), text.getvalue()]
    rows = [read_annotations(put(tmp_path / "form", form.encode())).rows for form in forms]
    assert rows[0] == rows[1] == rows[2] and [row.label for row in rows[0]] == ["rect", "circle"]


def test_which_attribute_of_via_is_the_label_is_asked_unless_its_name_says_it(tmp_path: Path) -> None:
    put(tmp_path / "1.png", noise(1, 200, 100))
    path = put(tmp_path / "via.json", json.dumps(via([region("fox", sex="f")])).encode())
    with pytest.raises(Ambiguous) as asked:
        read_annotations(path)
    assert asked.value.options == [("--columns", "label=animal"), ("--columns", "label=sex")]
    assert [row.label for row in read_annotations(path, columns={"label": "sex"}).rows] == ["f"]
    with pytest.raises(UserError, match=r"has no attribute 'sexx' \(did you mean sex\?\)"):
        read_annotations(path, columns={"label": "sexx"})
    put(path, json.dumps(via([region("a", Species="fox"), region("a", Species={"fox": True, "owl": True})])).encode())
    named = read_annotations(path).rows
    assert [(row.label, row.left_out) for row in named] == [
        ("fox", ""), ("", "a region of it has several labels: fox, owl"),
    ]  # fmt: skip
    of_files = via([], {"animal": "fox"}) | via([{"shape_attributes": RECT}], {"animal": "owl"}, "9.png")
    put(path, json.dumps(of_files).encode())
    assert [(row.label, row.known.box, row.left_out) for row in read_annotations(path).rows] == [
        ("fox", None, ""), ("owl", None, "its box is in pixels, and the size of the picture is not known"),
    ]  # fmt: skip


def test_open_images(tmp_path: Path) -> None:
    header = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded\n"
    rows = ["a1,xclick,/m/0fox,1,0.25,0.75,0.25,0.75,0", "b2,xclick,/m/0owl,0,0,1,0,1,0", "b2,x,/m/0elk,1,0,1,0,1,0"]
    path = put(tmp_path / "train-annotations-bbox.csv", (header + "\n".join(rows)).encode())
    nameless = read_annotations(path)
    assert [row.label for row in nameless.rows] == ["/m/0fox", "/m/0elk"]
    assert "labels that have no name: 2, as /m/0elk: put class-descriptions.csv" in nameless.understood[1]
    put(tmp_path / "class-descriptions-boxable.csv", b"/m/0fox,Fox\n/m/0owl,Owl\n/m/0elk,Elk\n")
    read = read_annotations(path)
    assert [(row.file, row.label, row.known.box) for row in read.rows] == [
        ("a1", "Fox", QUARTER),
        ("b2", "Elk", (0.0, 0.0, 1.0, 1.0)),
    ]
    assert "labels that were looked for in vain: 1" in " ".join(read.understood)


@settings(max_examples=examples(80), derandomize=True, deadline=None)
@given(JSON, JSON, JSON)
def test_any_json_of_other_tools_costs_rows_and_never_the_run(
    tmp_path_factory: pytest.TempPathFactory, one: Any, other: Any, third: Any
) -> None:
    for content in (
        [{"image": one, "annotations": other}],
        [{"image": "a", "annotations": [{"label": one, "coordinates": other}]}],
        [{"image": "a", "annotation": [{"label": one, "coordinates": {"x": other, "y": 1, "width": third}}]}],
        {"a": {"filename": "a", "regions": one, "file_attributes": other}},
        {"_via_img_metadata": {"a": {"filename": "a", "regions": [{"shape_attributes": one}], "file_attributes": 1}}},
        via([region(one, other)], third),
        via([region("fox", {"name": one})]),
        via([region("fox", {"name": "ellipse", "cx": 1, "cy": 1, "rx": one, "ry": other, "theta": third})]),
        via([region("fox", {"name": "polygon", "all_points_x": one, "all_points_y": other})]),
    ):
        with suppress(UserError):
            read_annotations(put(tmp_path_factory.getbasetemp() / "any.json", json.dumps(content).encode()))


def test_boxes_of_imagefolder(tmp_path: Path) -> None:
    put(tmp_path / "1.png", noise(1, 200, 100))
    rows = [
        {"file_name": "1.png", "objects": {"bbox": [[50, 25, 100, 50], [0, 0, 20, 10]], "categories": ["fox", "owl"]}},
        {"file_name": "2.png", "objects": {"bbox": [], "categories": []}},
    ]
    read = read_annotations(put(tmp_path / "metadata.jsonl", "\n".join(map(json.dumps, rows)).encode()))
    assert [(row.label, row.known.box) for row in read.rows] == [
        *(("fox", QUARTER), ("owl", (0.0, 0.0, 0.1, 0.1)), ("", None)),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\0", "not text"),
        (b"PAR1 and no more", "cannot be read as Parquet"),
        (b"PK\x03\x04 and no more", "cannot be read as an Excel file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel file"),
        (b'{"a": 1', "neither JSON lines nor"),
        (b"[1, 2]", "must be a JSON object"),
        (b"a,b\n1,2\n", "no column of files"),
        (b"file,label\n1.jpg,fox,owl\n", "row 2 has more cells"),
        (b"file,file\n1.jpg,2.jpg\n", "2 columns 'file'"),
        (b'file,label\n"1.jpg,fox\n', "cannot be read as a CSV file"),
    ],
)
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        read_annotations(put(tmp_path / "list.csv", content))
    assert "\n" not in str(refused.value)


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]":,0afile\n', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for read in (read_annotations, read_picture_table):
        try:
            read(put(tmp_path_factory.getbasetemp() / "any", content))
        except UserError as error:
            assert str(error)


@settings(max_examples=examples(80), derandomize=True, deadline=None)
@given(st.lists(JSON, max_size=3), st.lists(JSON, max_size=3), st.lists(JSON, max_size=3), st.booleans())
def test_any_json_of_the_right_shape_costs_rows_and_never_the_run(
    tmp_path_factory: pytest.TempPathFactory, images: Any, annotations: Any, categories: Any, detector: bool
) -> None:
    content = {"images": images, "annotations": annotations, "categories": categories}
    if detector:
        content = {"images": images, "detection_categories": {"1": "animal"}, "info": annotations}
    read = read_annotations(put(tmp_path_factory.getbasetemp() / "any.json", json.dumps(content).encode()))
    assert read.format in ("COCO", "MegaDetector results")


@settings(max_examples=examples(80), derandomize=True, deadline=None)
@given(JSON, JSON, JSON)
def test_any_json_in_other_shapes_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, one: Any, other: Any, third: Any
) -> None:
    for content in (
        {"resources": [{"name": one}, other]},
        {"resources": one},
        {"images": one, "detection_categories": other, "info": third},
        {"images": [{"file": "a.jpg", "detections": one}], "detection_categories": {}},
        {"images": [{"file": "a.jpg", "detections": [{"conf": 1, "classifications": one}]}], "detection_categories": 1},
        {"images": [], "annotations": [], "categories": one},
        [{"file_name": "a.jpg", "objects": {"bbox": one, "categories": other}}],
    ):
        with suppress(UserError):
            read_annotations(put(tmp_path_factory.getbasetemp() / "any.json", json.dumps(content).encode()))


CLOCKS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda one: one.replace(microsecond=0))
OFFSETS = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
ROWS = st.builds(
    lambda file, label, site, time, further, box: Annotation(
        file, label, FieldData(site=site, time=time, box=box, further={"own": further})
    ),
    TEXTS, TEXTS, st.none() | TEXTS,
    st.none() | CLOCKS | st.builds(lambda clock, offset: clock.replace(tzinfo=offset), CLOCKS, OFFSETS),
    st.none() | TEXTS,
    st.none() | st.tuples(*[st.integers(0, 40).map(lambda pixel: pixel / 48)] * 2, *[st.just(7 / 48)] * 2),
)  # fmt: skip


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_the_table_of_a_data_set_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Annotation]
) -> None:
    path = tmp_path_factory.getbasetemp() / "pictures.csv"
    write_picture_table(path, rows)
    back = read_picture_table(path)
    assert [(one.file, one.label, one.known.site, str(one.known.time)) for one in back] == [
        (one.file, one.label, one.known.site, str(one.known.time)) for one in rows
    ]
    for one, other in zip(rows, back, strict=True):
        assert one.known.further.get("own") == other.known.further.get("own")
        assert one.known.box == pytest.approx(other.known.box, abs=1e-11) if one.known.box else not other.known.box


def test_listed_files_are_found_as_others_write_them() -> None:
    files = ListedFiles({name: Path(name) for name in ("a/1.jpg", "a/2.jpg", "b/2.jpg", "train/0.png", "c/Ünï.JPG")})
    found = {
        "a/1.jpg": "a/1.jpg",
        "./a/1.jpg": "a/1.jpg",
        "/home/me/pictures/a/1.jpg": "a/1.jpg",
        "C:/pictures/a/1.jpg": "a/1.jpg",
        "1.jpg": "a/1.jpg",
        "1": "a/1.jpg",
        "A/1.JPG": "a/1.jpg",
        "c/Ünï.jpg": "c/Ünï.JPG",
    }
    assert {written: files.find(written)[0] for written in found} == found
    assert files.find("0.png", "train") == ("train/0.png", "")
    reasons = {"2.jpg": "several files", "../a/1.jpg": "out of the folder", "": "no file", "9.jpg": "no such file"}
    for written, reason in reasons.items():
        assert files.find(written)[0] == "" and reason in files.find(written)[1]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-05-30T12:13:14+99:99", (12, 13, 14)),
        ("20240530T121314", (12, 13, 14)),
        ("20240530_121314", (12, 13, 14)),
        ("2024/5/30 2:13 PM", (14, 13, 0)),
        ("30.5.2024, 12:13", (12, 13, 0)),
        ("30-05-24 12:13:14", (12, 13, 14)),
    ],
)
def test_times_keep_the_clock_of_the_camera(text: str, time: tuple[int, int, int]) -> None:
    assert read_times([text])[0] == [datetime(2024, 5, 30, *time)]


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2024-05-30T12:13:14.123Z", "+00:00"),
        ("2024-05-30 12:13:14-0700", "-07:00"),
        ("2024-05-30 12:13:14+05", "+05:00"),
        ("30.05.2024 12:13:14 UTC", "+00:00"),
        ("2024:05:30 12:13:14-03:30", "-03:30"),
    ],
)
def test_an_offset_is_kept_beside_the_clock(text: str, offset: str) -> None:
    [time] = read_times([text])[0]
    assert time is not None and time.isoformat() == f"2024-05-30T12:13:14{offset}"


def test_an_event_has_its_files_in_whatever_offset_they_are_written(tmp_path: Path) -> None:
    in_utc = CAMTRAP["observations.csv"].replace(
        "2024-05-30T12:13:10+02:00,2024-05-30T12:13:30+02:00", "2024-05-30T10:13:10Z,2024-05-30T10:13:30Z"
    )
    for name, text in {**CAMTRAP, "observations.csv": in_utc}.items():
        put(tmp_path / name, text.encode())
    read = read_annotations(tmp_path / "datapackage.json")
    assert [row.label for row in read.rows] == ["Vulpes vulpes", "Meles meles", "blank"]


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "2024-05-30 25:00", "12:13", "0000-00-00 00:00:00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_times([text])[0] == [None]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the maintainers' pictures are not here")
def test_real_files_that_say_the_same_are_read_the_same() -> None:
    folder = SHARED / "data" / "field" / "boxes"
    read = [read_annotations(folder / name) for name in ("labels.csv", "coco_annotations.json", "md_annotations.json")]
    plain = [{row.file: row.label.replace("_", " ").title() for row in one.rows} for one in read]
    assert len(plain[0]) == 21 and plain[0] == plain[1] == plain[2]
    assert all(row.known.box for one in read[1:] for row in one.rows)
    package = read_annotations(SHARED / "data" / "field" / "camtrap_dp_small" / "datapackage.json")
    cat = next(row for row in package.rows if row.file == "small_cat.jpg")
    assert cat == Annotation(
        "small_cat.jpg",
        "Felis catus",
        FieldData(
            "Site A",
            datetime(2020, 5, 30, 4, 57, 37, tzinfo=UTC),
            "evt1",
            (0.1, 0.2, 0.3, 0.4),
            None,
            {"deployment": "dep1", "media": "m1"},
        ),
    )
