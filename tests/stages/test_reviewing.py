"""`fieldguide explain` tells a picture's story, `fieldguide review` writes down what a person decides."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from conftest import OwnData, few_daily, id_of, noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.data.addresses import Address
from fieldguide.data.reviews import read_reviews
from fieldguide.model.architecture import Architecture
from fieldguide.reviewing.decide import read_wishes, record_decision, record_decisions
from fieldguide.reviewing.explain import explain
from fieldguide.stages import clean, download, split
from screened import screened
from untrained import save_classifier

FILES: dict[str, Image.Image | bytes] = {
    "a/1.png": noise(1),
    "a/2.png": noise(2),
    "a/both.png": noise(3),
    "a/copy.png": noise(1),
    "b/both.png": noise(3),
    "b/broken.png": b"no picture",
    "b/dark.png": noise(4).point(lambda value: value // 20),
    "b/small.png": noise(5, 20, 20),
}


@pytest.fixture
def made(own_data: OwnData, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A checkout after download, clean and split, with a screen table and a queue as the stage writes them."""
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)
    cfg, paths = own_data("{}", "split.valid=0.01", "split.test=0.01")
    for place, content in FILES.items():
        put(paths.sources / "own" / place, content)
    download.run(cfg, paths)
    clean.run(cfg, paths)
    monkeypatch.setattr("fieldguide.stages.split.shortage", lambda *_: "")
    split.run(cfg, paths)
    monkeypatch.chdir(paths.root)
    for command in (["init", "--quiet"], ["config", "user.name", "Ada"]):
        subprocess.run(["git", *command], cwd=paths.root, check=True)
    return paths


def identity(place: str) -> str:
    content = FILES[place]
    assert not isinstance(content, bytes)
    return id_of(content)


def test_the_story_of_a_kept_picture(made: Paths) -> None:
    story = explain(made, "data/sources/own/a/1.png")
    assert story.startswith("data/sources/own/a/1.png\n  source      a/1.png, with the label a\n")
    assert f"  id          {identity('a/1.png')}\n  pixels      64 x 48, brightness" in story
    assert re.search(r"  file        [\d,]+ bytes, sha256 [0-9a-f]{64}\n", story)
    assert f"  clean       kept as data/clean/a/{identity('a/1.png')}.jpg, label a\n" in story
    assert "  copy        data/sources/own/a/copy.png, left out, duplicate: the same picture as a/1.png\n" in story
    assert re.search(r"  split       (train|valid|test)$", story)


def test_the_story_of_a_picture_from_the_web_tells_its_address(own_data: OwnData) -> None:
    cfg, paths = own_data("{}")
    address = Address("https://example.org/bears/1.png?token=secret", "a", 3)
    put(paths.sources / "own" / address.file, FILES["a/1.png"])
    (paths.sources / "own.csv").write_text(f"url,label\nhttps://example.org/2.png,b\n{address.url},a\n")
    download.run(cfg, paths)
    clean.run(cfg, paths)
    story = explain(paths, address.file)
    assert "  address     data/sources/own.csv, line 3, https://example.org/bears/1.png\n" in story
    assert "secret" not in story


@pytest.mark.parametrize(
    ("name", "line"),
    few_daily(
        [
            ("a/copy.png", "clean       left out, duplicate: the same picture as a/1.png"),
            ("b/broken.png", "clean       left out, not a picture: not a picture that fieldguide reads"),
            ("b/both.png", "clean       left out, conflict: the same picture has another label: a/both.png"),
            ("b/small.png", "clean       left out, too small: 20 x 20 pixels"),
        ],
        4,
    ),
)
def test_the_story_of_a_picture_that_was_left_out_says_why(made: Paths, name: str, line: str) -> None:
    assert line in explain(made, name)


def test_one_picture_has_many_names(made: Paths, tmp_path: Path) -> None:
    number = identity("a/2.png")
    elsewhere = put(tmp_path / "downloads" / "x.png", noise(2))
    wanted = explain(made, "a/2.png")
    names = (
        "data/sources/own/a/2.png",
        "data/raw/a/2.png",
        str(made.sources / "own/a/2.png"),
        f"data/clean/a/{number}.jpg",
        number,
        number[:6],
        elsewhere,
    )
    for name in names:
        assert explain(made, str(name)) == wanted, name
    assert explain(made, identity("a/1.png")).startswith("data/sources/own/a/1.png\n")  # the kept one of two copies


def test_no_picture_is_one_clear_line(made: Paths) -> None:
    put(made.root / "other.png", noise(77))
    put(made.root / "text.png", b"text")
    for name, message in (
        (
            "nothing.png",
            "no picture 'nothing.png': give an id, the path of its file or below data/clean, or a picture file",
        ),
        ("data/sources/own/a/9.png", "no picture 'data/sources/own/a/9.png'"),
        ("ffffff", "no picture 'ffffff'"),
        ("other.png", f"no picture of this data set is that of other.png .*{id_of(noise(77))}"),
        ("text.png", "text.png is not among the pictures, and cannot be opened: "),
    ):
        with pytest.raises(UserError, match=message) as caught:
            explain(made, name)
        assert "\n" not in str(caught.value)


def test_an_ambiguous_beginning_of_an_id_is_said(made: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    images = pd.read_parquet(made.image_table)
    images.loc[images["path"].isin(["a/1.png", "a/2.png"]), "id"] = ["abcdef0000000001", "abcdef0000000002"]
    monkeypatch.setattr("fieldguide.reviewing.explain.read_table", lambda *_: images)
    with pytest.raises(UserError, match=r"several ids \(abcdef0000000001, abcdef0000000002\): give more digits"):
        explain(made, "abcdef")


def test_the_story_tells_what_later_stages_and_people_said(made: Paths) -> None:
    number = identity("b/dark.png")
    row = screened(
        number,
        "b",
        p_value=0.0012,
        out_of_domain=True,
        reason="much darker than any training picture",
        label_quality=0.03,
        suggested_label="a",
        label_doubt=True,
        dark_score=0.05,
        is_dark_issue=True,
    )
    pd.DataFrame([row]).to_parquet(made.root / "data" / "screen.parquet")
    made.report("screen").mkdir(parents=True)
    pd.DataFrame(
        {"id": ["0" * 16, number], "picture": "", "why": "may be a", "score": 0.97, "suggestion": "relabel a"}
    ).to_csv(made.report("screen") / "review_queue.csv", index=False)
    made.report("evaluate").mkdir()
    predicted = {"id": number, "clean_path": row["clean_path"], "split": "test", "label": "b", "prediction": "a"}
    pd.DataFrame([{**predicted, "probability": 0.9, "probability_a": 0.9, "probability_b": 0.1}]).to_parquet(
        made.report("evaluate") / "predictions.parquet"
    )
    made.report("validate").mkdir()
    (made.report("validate") / "flagged.csv").write_text(
        "path,expectation,value,limit,severity\nb/dark.png,well_lit,0.02,at least 0.1,warning\n", encoding="utf-8"
    )
    record_decision(made, number, "relabel", "a", "it is dark")
    lines = explain(made, "b/dark.png").splitlines()
    for line in (
        "  check       warning well_lit: 0.02; limit: at least 0.1",
        "  screen      out of domain: much darker than any training picture (p = 0.0012)",
        "  label       b with the out-of-fold probability 0.030, may be a",
        "  quality     poor: dark 0.05",
        "  queue       place 2 of 2: may be a (relabel a)",
        "  prediction  a 0.900 (label b 0.100)",
        "              data/reviews.csv has changed since clean ran: run `dvc repro`",
    ):
        assert line in lines
    assert any(re.fullmatch(r"  review      relabel a, by Ada on \S+: it is dark \(.*line 2\)", line) for line in lines)


def test_a_decision_is_written_down_and_replayed(made: Paths, own_data: OwnData) -> None:
    said = record_decision(made, "a/2.png", "drop", "", "two\nlines")
    assert said.startswith(
        f"data/reviews.csv: drop {identity('a/2.png')} (data/sources/own/a/2.png); `dvc repro` applies it"
    )
    review = read_reviews(made.reviews)[identity("a/2.png")]
    assert (review.decision, review.reviewer, review.note) == ("drop", "Ada", "two lines")
    record_decision(made, "b/both.png", "relabel", "b", "")
    record_decision(made, "b/small.png", "keep", "", "")
    cfg, paths = own_data("{}")
    clean.run(cfg, paths)
    assert "clean       left out, dropped: dropped by Ada: two lines" in explain(made, "a/2.png")
    assert f"clean       kept as data/clean/b/{identity('a/both.png')}.jpg, label b" in explain(made, "a/both.png")
    assert "clean       kept as" in explain(made, "b/small.png")
    assert "has changed since" not in explain(made, "a/2.png")


def test_a_wrong_decision_is_refused_before_anything_is_written(made: Paths) -> None:
    for picture, decision, label, message in (
        ("a/2.png", "relabel", "c", "no picture has the label 'c': choose one of a, b"),
        ("a/2.png", "relabel", "", "relabel needs the new label"),
        ("a/2.png", "drop", "a", "drop takes no label"),
        ("a/both.png", "keep", "", "has several labels"),
        ("b/broken.png", "drop", "", r"b/broken.png is not_a_picture .*: no decision is possible"),
        ("b/none.png", "drop", "", "no picture 'b/none.png'"),
    ):
        with pytest.raises(UserError, match=message):
            record_decision(made, picture, decision, label, "")
    assert not made.reviews.exists()


@pytest.mark.slow
def test_a_decision_is_replaced_and_taken_back_and_clean_follows(made: Paths, own_data: OwnData) -> None:
    def status() -> str:
        cfg, paths = own_data("{}")
        clean.run(cfg, paths)
        return next(line.split()[1] for line in explain(made, "a/2.png").splitlines() if line.startswith("  clean "))

    record_decision(made, "a/2.png", "drop", "", "")
    assert status() == "left"
    said = record_decision(made, "a/2.png", "relabel", "b", "")
    assert "relabel b" in said
    assert "instead of drop by Ada on" in said
    assert status() == "kept"
    assert "label b" in explain(made, "a/2.png")
    assert "instead of relabel b by Ada" in record_decision(made, "a/2.png", "undo", "", "")
    assert identity("a/2.png") not in read_reviews(made.reviews)
    assert status() == "kept"
    assert "label a" in explain(made, "a/2.png")
    for decision, label, message in (("undo", "", "nothing to undo"), ("relabel", "a", "has the label 'a' already")):
        with pytest.raises(UserError, match=message):
            record_decision(made, "a/2.png", decision, label, "")


def test_a_table_of_decisions_is_recorded_whole_or_not_at_all(made: Paths, tmp_path: Path) -> None:
    table = tmp_path / "queue.csv"
    first, second, third = (identity(name) for name in ("a/1.png", "a/2.png", "b/dark.png"))
    header = "id,picture,why,score,suggestion,decision,label,note\n"
    good = f"{first},p,w,0.9,drop,,,\n{second},p,w,0.8,drop,drop,,twice\n"
    for bad, message in (
        (f"{third},p,w,0.7,drop,delete,,\n", "line 4: the decision must be one of"),
        (f"{third},p,w,0.7,drop,relabel,c,\n", "line 4: .*no picture has the label 'c'"),
        (f"{second},p,w,0.7,drop,keep,,\n", "line 4: .*has a decision on an earlier line"),
    ):
        table.write_text(header + good + bad, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            record_decisions(made, list(read_wishes(table)))
        assert not made.reviews.exists()
    table.write_text(header + good + f"{third},p,w,0.7,drop,delete,,\n{first},p,w,0.7,,relabel,c,\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"line 4: the decision must be .*; refused too: line 5; nothing was recorded"):
        record_decisions(made, list(read_wishes(table)))
    table.write_text(header + good + f"{third},p,w,0.7,relabel a,relabel a,,\n", encoding="utf-8")
    said = record_decisions(made, list(read_wishes(table)))
    assert said == "data/reviews.csv: 2 decisions recorded (1 drop, 1 relabel); `dvc repro` applies them"
    assert {key: review.words for key, review in read_reviews(made.reviews).items()} == {
        second: "drop",
        third: "relabel a",
    }
    table.write_text("picture\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 1: no column 'id'"):
        list(read_wishes(table))


@pytest.mark.slow
def test_the_page_shows_the_picture_where_the_classifier_looks_and_the_story(made: Paths) -> None:
    page = made.root / "one" / "story.html"
    untold = run_command("explain", "a/1.png", "--page", str(page), cwd=made.root)
    assert untold.returncode == 1 and "run `dvc repro`" in untold.stderr and not page.exists()
    save_classifier(made.classifier.parent, size=64)
    for picture, label in (("a/1.png", "label a"), ("a/both.png", "not used; see below")):
        told = run_command("explain", picture, "--page", str(page), cwd=made.root)
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout == f"{explain(made, picture)}\n  page        {page}\n"
        text = page.read_text(encoding="utf-8")
        assert f"<h1>data/sources/own/{picture}</h1>" in text and label in text
        assert text.count("<img") == 3  # the picture, where it looks, the colours
        assert re.search(r'alt="what speaks for (black|grizzly|teddy): (most |nowhere)', text)
        assert "class activation maps (Zhou et al. 2016)" in text
        assert all(source.startswith("data:image/") for source in re.findall('src="([^"]*)"', text))
    for picture, out, message in (
        ("b/broken.png", page, "cannot be opened"),
        ("a/1.png", made.root, "is a folder: give a file"),
    ):
        told = run_command("explain", picture, "--page", str(out), cwd=made.root)
        assert told.returncode == 1 and message in told.stderr and told.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_network_that_takes_grad_cam_is_explained_by_it_or_the_page_says_what_is_missing(
    made: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_classifier(made.classifier.parent, Architecture("timm", "test_vit", {"dynamic_img_size": True}), size=64)
    page = made.root / "story.html"
    assert run_command("explain", "a/1.png", "--page", str(page), cwd=made.root).returncode == 0
    assert "Grad-CAM (Selvaraju et al. 2017)" in page.read_text(encoding="utf-8")
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "fieldguide.model.grad_cam")
    told = run_command("explain", "a/1.png", "--page", str(page), cwd=made.root)
    missing = "where the classifier looks is not shown: that takes Grad-CAM, which needs torch"
    assert told.returncode == 0 and missing in told.stdout
    assert "which needs torch: pip install" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_commands(made: Paths) -> None:
    done = run_command("review", "a/2.png", "relabel", "b", "--note", "why not", cwd=made.root)
    assert (done.returncode, done.stderr) == (0, "")
    told = run_command("explain", "a/2.png", cwd=made.root)
    assert told.returncode == 0
    assert "relabel b, by Ada on" in told.stdout
    again = run_command("review", "a/2.png", "drop", cwd=made.root)
    assert (again.returncode, again.stderr) == (0, "")
    assert "instead of relabel b by Ada" in again.stdout
    assert run_command("review", "a/2.png", "--undo", cwd=made.root).returncode == 0
    assert run_command("review", "a/2.png", "drop", "--undo", cwd=made.root).returncode == 2
    assert run_command("review", cwd=made.root).returncode == 2
