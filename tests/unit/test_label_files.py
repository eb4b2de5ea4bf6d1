"""Labels in a file for each picture (YOLO, Pascal VOC, LabelMe), in a column each, in lists; and what says none."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import noise, put
from fieldguide.base.errors import UserError
from fieldguide.base.packs import write_packs
from fieldguide.data.annotations.labelme import is_labelme, read_labelme
from fieldguide.data.annotations.pascal_voc import parse_xml
from fieldguide.data.annotations.yolo import class_names, is_yolo, read_yolo
from fieldguide.data.choices import Ambiguous, Choices
from fieldguide.data.label_files import find_label_files
from fieldguide.data.source_places import pictures_in
from fieldguide.data.source_reading import Reading, describe
from fieldguide.data.split_lists import listed_sides
from fieldguide.data.understanding import understand

CAT_AND_DOG = ("cat", "dog")


def pictures(folder: Path, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        put(folder / name, noise(number))  # 64 x 48


def read(folder: Path, **choices: str) -> Reading:
    return understand(pictures_in(folder), Choices(**choices))  # type: ignore[arg-type]


def told(folder: Path, **choices: str) -> str:
    return "\n".join(describe(read(folder, **choices), datetime(2026, 1, 1)))


def voc(*labels: str, box: tuple[int, int, int, int] = (16, 12, 48, 36)) -> bytes:
    corners = "".join(
        f"<{name}>{value}</{name}>" for name, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    objects = "".join(f"<object><name>{label}</name><bndbox>{corners}</bndbox></object>" for label in labels)
    size = "<size><width>64</width><height>48</height></size>"
    return f"<annotation><filename>elsewhere.jpg</filename>{size}{objects}</annotation>".encode()


def test_yolo_with_its_sides_and_names(tmp_path: Path) -> None:
    names = [f"{side}/images/{number}.png" for side in ("train", "valid", "test") for number in range(4)]
    pictures(tmp_path, names)
    for place, name in enumerate(names):
        line = f"{place % 2} 0.5 0.5 0.25 0.5\n"
        put(tmp_path / name.replace("images", "labels").replace("png", "txt"), line.encode())
    put(tmp_path / "test/labels/3.txt", b"")
    put(tmp_path / "test/labels/2.txt", b"7 0.5 0.5 0.25 0.5\n")
    put(tmp_path / "data.yaml", b"train: ../train/images\nnc: 2\nnames: {0: cat, 1: dog}\n")
    said = told(tmp_path)
    for words in ("./: YOLO\nnames of the classes from data.yaml\nlabels: cat 5, dog 5\n", "train 4, valid 4, test 2"):
        assert words in said
    for words in ("1 file: no object is marked in it (test/images/3.png)", "1 file: its class 7 has no name"):
        assert words in said
    assert read(tmp_path).pictures[0].known.box == (0.375, 0.25, 0.25, 0.5)
    assert read(tmp_path).options == {"kind": "table"}


ALIASES = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) or 'x'}]" for n in range(1, 30)).replace("*a0", "x")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (f"{ALIASES}\nnames: *a29", []),
        ("names: [!!timestamp foo]", []),
        ("names: [!!bool foo]", []),
        ("names: [!!int '']", []),
        ("? [[]]\n: 1\nnames: [cat]", []),
        ("names: [cat, 7, [deep], {a: b}, null]", ["cat", "7", "", "", ""]),
        ("names: {0: cat, 2: dog}", ["cat", "", "dog"]),
    ],
)
def test_names_of_classes_are_texts_and_numbers_whatever_a_stranger_wrote(
    tmp_path: Path, names: str, found: list[str]
) -> None:
    assert class_names({"data.yaml": put(tmp_path / "data.yaml", names.encode())})[1] == found


def test_names_are_read_for_files_of_yolo_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path, [f"{number}.jpg" for number in range(3)])
    put(tmp_path / "data.yaml", b"names: [cat]")
    for number in range(3):
        put(tmp_path / f"{number}.xml", voc("cat"))
    monkeypatch.setattr("fieldguide.data.label_files.class_names", lambda _: pytest.fail("it was read"))
    (found,) = find_label_files(pictures_in(tmp_path).files)
    assert found.annotations.format == "Pascal VOC"


@pytest.mark.parametrize("vanished", [True, False])
def test_a_file_of_labels_that_cannot_be_read_costs_one_picture(
    tmp_path: Path, vanished: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(tmp_path, [f"{number}.jpg" for number in range(4)])
    for number in range(4):
        put(tmp_path / f"{number}.txt", b"0 0.5 0.5 0.2 0.2")
    files = pictures_in(tmp_path).files
    if vanished:
        (tmp_path / "1.txt").unlink()
    else:
        monkeypatch.setattr("fieldguide.data.label_files.LARGEST", 20)
        put(tmp_path / "1.txt", b"0 0.5 0.5 0.2 0.2" + b" " * 9)
    (found,) = find_label_files(files)
    reasons = [row.left_out for row in found.annotations.rows]
    said = "1.txt cannot be read: No such file or directory" if vanished else "1.txt has more than 0 MB"
    assert reasons == ["", said, "", ""]


def test_names_of_classes_that_cannot_be_read_are_the_reason(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{number}.jpg" for number in range(2)])
    for name in ("0.txt", "1.txt", "data.yaml", "train.txt", "test.txt"):
        put(tmp_path / name, b"0 0.5 0.5 0.2 0.2")
    files = pictures_in(tmp_path).files
    for name in ("data.yaml", "train.txt", "test.txt"):
        (tmp_path / name).unlink()
    (found,) = find_label_files(files)
    (reason,) = {row.left_out for row in found.annotations.rows}
    assert reason == "data.yaml, which may name the classes, cannot be read: No such file or directory"
    with pytest.raises(UserError, match=r"^test\.txt cannot be read"):
        listed_sides(files)


def test_files_of_labels_in_packs_say_the_same(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    pictures(plain, [f"images/{number}.jpg" for number in range(4)])
    for number in range(4):
        put(plain / f"labels/{number}.xml", voc("cat").replace(b"<size>", b"<none>").replace(b"</size>", b"</none>"))
        put(plain / f"images/{number}.txt", b"1 0.5 0.5 0.2 0.2")
    put(plain / "classes.txt", b"cat\ndog")
    for side in ("train", "test"):
        put(plain / f"{side}.txt", b"images/0.jpg" if side == "test" else b"images/1.jpg\nimages/2.jpg\nimages/3.jpg")
    packed.mkdir()
    write_packs(packed, pictures_in(plain).files.items())
    found = [find_label_files(pictures_in(folder).files) for folder in (plain, packed)]
    assert found[0] == found[1]
    assert [one.annotations.format for one in found[0]] == ["YOLO", "Pascal VOC"]
    assert not any(row.left_out for one in found[0] for row in one.annotations.rows)


SHAPES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.sampled_from(["circle", "points", "cat"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["label", "points", "shape_type"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(SHAPES, max_size=3), SHAPES)
def test_any_shapes_of_labelme_cost_rows_and_never_the_run(shapes: list[object], other: object) -> None:
    shapes = [*shapes, {"label": "cat", "points": [[1, 1], [9, 9]], "shape_type": other}]
    said = {"imagePath": "1.jpg", "shapes": shapes, "flags": other, "imageWidth": other, "imageHeight": 48}
    content = json.dumps(said).encode()
    assert is_labelme(content)
    assert read_labelme(content, "1.jpg", lambda _: None)


def test_yolo_beside_its_pictures_without_names(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{number}.jpg" for number in range(4)])
    for number in range(4):
        put(tmp_path / f"{number}.txt", f"{number % 2} 0.1 0.1 0.4 0.1 0.4 0.5\n".encode())
    assert "nothing names the classes: their numbers are labels\nlabels: 0 2, 1 2\nboxes: 4 in 4" in told(tmp_path)
    assert read(tmp_path).pictures[0].known.box == (0.1, 0.1, 0.3, 0.4)


@given(st.integers(0, 9), st.tuples(*[st.floats(0.1, 0.9)] * 2, *[st.floats(0.01, 1)] * 2))
def test_a_line_of_yolo_is_centre_and_size(number: int, box: tuple[float, ...]) -> None:
    line = f"{number} " + " ".join(f"{value:.9f}" for value in box)
    (row,) = read_yolo(line, "a.png", [])
    assert is_yolo(line) and row.label == str(number) and row.known.box
    left, top, width, height = row.known.box
    assert (left + width / 2, top + height / 2, width, height) == pytest.approx(box, abs=1e-8)


@pytest.mark.parametrize(
    "text", ["cat 0.5 0.5 0.2 0.2", "0 0.5 0.5 0.2", "0 0.5 0.5 0.2 x", "0.5 1 1 1 1", "2024-05-30"]
)
def test_other_texts_are_no_yolo(text: str) -> None:
    assert not is_yolo(text)


def test_pascal_voc_with_its_lists_of_sides(tmp_path: Path) -> None:
    root = tmp_path / "VOC2012"
    pictures(root / "JPEGImages", [f"{number:03}.jpg" for number in range(12)])
    for number in range(12):
        put(root / "Annotations" / f"{number:03}.xml", voc(CAT_AND_DOG[number % 2]))
    for side, numbers in (("train", range(6)), ("val", range(6, 9)), ("test", range(9, 12)), ("trainval", range(9))):
        put(root / "ImageSets" / "Main" / f"{side}.txt", "".join(f"{number:03}\n" for number in numbers).encode())
    said = told(tmp_path)
    assert "VOC2012/Annotations/: Pascal VOC\nlabels: cat 6, dog 6\ngiven split: train 6, valid 3, test 3\n" in said
    assert read(tmp_path).pictures[0].known.box == (0.25, 0.25, 0.5, 0.5)
    put(root / "Annotations" / "000.xml", voc("cat", "dog"))
    assert "note: pictures with more than one label: 1; clean leaves them out, unless `clean.crop" in told(tmp_path)


BOMB = b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><annotation><name>&b;</name></annotation>'
OUTSIDE = b'<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>'


@pytest.mark.parametrize(
    "content",
    [BOMB, OUTSIDE, b"<a>" * 60 + b"</a>" * 60, b"<a", b"", b'<?xml version="1.0" encoding="none"?><a/>', b"\0"],
)
def test_hostile_xml_is_not_read(content: bytes, tmp_path: Path) -> None:
    assert parse_xml(content) is None
    pictures(tmp_path, ["0.jpg", "1.jpg"])
    put(tmp_path / "0.xml", content)
    with pytest.raises(UserError, match=r"not read, since of no known format: 0\.xml"):
        read(tmp_path)
    put(tmp_path / "a" / "0.jpg", noise(7))  # one among good ones costs itself
    for number in range(1, 12):
        put(tmp_path / f"{number}.jpg", noise(number))
        put(tmp_path / f"{number}.xml", voc(CAT_AND_DOG[number % 2]))
    said = told(tmp_path, labels_from=".")
    assert "labels: dog 6, cat 5" in said and (not content or "its annotation is no such XML document" in said)


def test_labelme(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{number}.png" for number in range(4)])
    for number in range(4):
        shape = {"label": CAT_AND_DOG[number % 2], "points": [[16, 12], [48, 36]], "shape_type": "rectangle"}
        content = {"shapes": [shape], "imagePath": f"{number}.png", "imageWidth": 64, "imageHeight": 48}
        put(tmp_path / f"{number}.json", json.dumps(content).encode())
    assert "./: LabelMe\nlabels: cat 2, dog 2\nboxes: 4 in 4 pictures" in told(tmp_path)
    assert read(tmp_path).pictures[0].known.box == (0.25, 0.25, 0.5, 0.5)


def test_folders_that_agree_are_no_question_and_those_that_do_not_are(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{label}/{number}.jpg" for label in CAT_AND_DOG for number in range(3)])
    for label in CAT_AND_DOG:
        for number in range(3):
            put(tmp_path / label / f"{number}.xml", voc(label))
    assert "./: Pascal VOC\nlabels: cat 3, dog 3" in told(tmp_path)
    for number in range(3):
        put(tmp_path / "cat" / f"{number}.xml", voc("tiger"))
    with pytest.raises(Ambiguous, match=r"--labels-from './' or --layout '\{label\}'"):
        read(tmp_path)
    assert "labels: tiger 3, dog 3" in told(tmp_path, labels_from="./")
    assert "labels: cat 3, dog 3" in told(tmp_path, layout="{label}")


def test_a_column_for_each_label(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{number}.jpg" for number in range(6)])
    rows = [f"{number}.jpg, {int(number % 2 == 0)}, {number % 2}, {number}" for number in range(6)]
    put(tmp_path / "_classes.csv", "\n".join(["filename, cat, dog, age", *rows]).encode())
    assert "labels from the columns cat, dog\nlabels: cat 3, dog 3" in told(tmp_path)
    rows = [f"{number},1,{number % 2},{number % 2}" for number in range(6)]  # names without their ending
    put(tmp_path / "_classes.csv", "\n".join(["image,cat,dog,owl", *rows]).encode())
    with pytest.raises(UserError, match=r"3 of 6 rows have several labels of cat, dog, owl: fieldguide learns one"):
        read(tmp_path)


def test_a_column_of_sides_in_other_words_is_named_and_read_when_they_are_mapped(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{number}.jpg" for number in range(6)])
    rows = [f"{number}.jpg,{CAT_AND_DOG[number % 2]},{('treino', 'teste')[number // 4]}" for number in range(6)]
    put(tmp_path / "labels.csv", "\n".join(["file,label,subset", *rows]).encode())
    words = "'subset' holds 'teste', 'treino', no sides of a split: --columns split=subset with --splits 'teste=SIDE,"
    assert words in told(tmp_path)
    choices = Choices(columns={"split": "subset"}, splits={"treino": "train", "teste": "test"})
    reading = understand(pictures_in(tmp_path), choices)
    assert reading.options["splits"] == {"teste": "test", "treino": "trainval"}
    assert [one.known.given_split for one in reading.pictures] == ["trainval"] * 4 + ["test"] * 2
    with pytest.raises(UserError, match="'teste', 'treino' are no sides of a split"):
        understand(pictures_in(tmp_path), Choices(columns={"split": "subset"}))


def test_files_without_an_ending_are_pictures_only_if_they_begin_as_such(tmp_path: Path) -> None:
    """As the annotations of a public set of dogs, in folders of the same names as those of the pictures."""
    for label in CAT_AND_DOG:
        for number in range(3):
            put(tmp_path / "Images" / label / f"{number}", noise(number))
            put(tmp_path / "Annotation" / label / f"{number}", voc(label))
    assert "labels: cat 3, dog 3\nleft out: 6 files: text or data, not a picture" in told(tmp_path)


def test_a_column_of_addresses_is_no_site_and_files_come_before_numbers(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{number}.jpg" for number in range(6)])
    rows = [
        f"{number},{number}.jpg,gs://b/{number}.jpg,dep {number % 2},{CAT_AND_DOG[number % 2]}" for number in range(6)
    ]
    put(tmp_path / "images.csv", "\n".join(["image_id,filename,location,deployment_id,common_name", *rows]).encode())
    assert "columns: file from 'filename', label from 'common_name', site from 'deployment_id'" in told(tmp_path)


def test_lists_of_pictures_say_labels_or_sides(tmp_path: Path) -> None:
    food = [f"images/{label}/{number}.jpg" for label in ("pie", "ramen") for number in range(4)]
    pictures(tmp_path / "food", food)
    for side, numbers in (("train", range(3)), ("test", range(3, 4))):
        lines = [f"{label}/{number}\n" for label in ("pie", "ramen") for number in numbers]
        put(tmp_path / "food" / "meta" / f"{side}.txt", "".join(lines).encode())
    assert "labels: pie 4, ramen 4\ngiven split: trainval 6, test 2" in told(tmp_path / "food")
    pictures(tmp_path / "flat", [f"val/{number}.JPEG" for number in range(6)])
    put(tmp_path / "flat" / "val.txt", "".join(f"{number}.JPEG {number % 2}\n" for number in range(6)).encode())
    assert "val.txt: a table" in told(tmp_path / "flat") and "labels: 0 3, 1 3" in told(tmp_path / "flat")


@pytest.mark.parametrize(
    ("names", "others", "words"),
    [
        (["DCIM/100APPLE/1.jpg", "DCIM/101APPLE/2.jpg"], [], "named by a camera or a date (100APPLE, 101APPLE)"),
        (["2024-05-01/1.jpg", "2024-05-02/2.jpg"], [], "named by a camera or a date"),
        (["1.jpg", "2.jpg"], ["via_region_data.json"], "not read, since of no known format: via_region_data.json"),
        (["1.jpg", "2.jpg"], ["cat.zip", "dog.zip"], "not read, since of no known format: cat.zip, dog.zip"),
        (["1.jpg", "2.jpg"], ["survey.csv"], "survey.csv has no column of files or addresses"),
    ],
)
def test_what_says_no_label_is_refused_and_names_what_was_not_read(
    tmp_path: Path, names: list[str], others: list[str], words: str
) -> None:
    pictures(tmp_path, names)
    for other in others:
        put(tmp_path / other, b'{"a": {}}' if other.endswith("json") else b"number,metadata\n71,x\n")
    with pytest.raises(UserError) as refused:
        read(tmp_path)
    assert words in str(refused.value) and "\n" not in str(refused.value)
