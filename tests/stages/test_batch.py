"""`fieldguide screen`: a row for every new picture, and whether the batch as a whole has shifted."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldguide.base.files import write_json
from fieldguide.base.paths import Paths
from fieldguide.cli import main
from stages.training import composed, linked

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def screened(source: Paths, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    from fieldguide.stages import screen, train

    paths = linked(source, tmp_path_factory.mktemp("batch"))
    write_json(paths.metrics("train"), train.run(composed("train.epochs=1"), paths))
    screen.run(composed(), paths)
    return paths


@pytest.fixture(autouse=True)
def here(screened: Paths, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(screened.root)
    yield


def arrived(folder: Path, light: float) -> Path:
    """24 pictures like those of `source`, so much darker or as they are, and one that is none."""
    folder.mkdir()
    chance = np.random.default_rng(11)
    for number in range(24):
        width, height = (int(side) for side in chance.integers(30, 70, 2))
        pixels = chance.integers(0, 120, (height, width, 3), dtype=np.uint8)
        pixels[:, :, number % 3] += 100
        Image.fromarray((pixels * light).astype(np.uint8)).save(folder / f"{number:02}.png")
    (folder / "note.txt").write_text("no picture")
    return folder


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["screen", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_a_batch_of_the_known_kind_has_not_shifted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(str(arrived(tmp_path / "day", 1.0)), "--format", "csv") == 0
    told = capsys.readouterr()
    assert "Like what is known: " in told.err
    assert "1 could not be read" in told.err
    rows = list(csv.DictReader(io.StringIO(told.out)))
    assert list(rows[0]) == ["path", "label", "probability", "p_value", "out_of_domain", "reason"]
    assert len(rows) == 25
    assert {row["out_of_domain"] for row in rows} <= {"true", "false", ""}
    unread = next(row for row in rows if row["path"].endswith("note.txt"))
    assert unread["label"] == unread["p_value"] == ""
    assert unread["reason"]


def test_a_batch_from_the_night_has_shifted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "pages" / "night.html"
    night = arrived(tmp_path / "night", 0.1)
    assert exit_code(str(night), "--format", "csv", "--page", str(page)) == 3
    told = capsys.readouterr()
    assert "Shifted: " in told.err
    assert "brightness is lower" in told.err
    assert str(night / "00.png") in told.out
    content = page.read_text(encoding="utf-8")
    assert content.count("data:image/jpeg") >= 24
    assert "much darker than the training pictures" in content
    assert "<title>New pictures: night</title>" in content  # by its own name, not by where it is
    assert "expected loss of accuracy" in content and "1 could not be read" in content


def test_the_page_of_many_files_is_named_after_the_first(tmp_path: Path) -> None:
    page, folder = tmp_path / "day.html", arrived(tmp_path / "day", 1.0)
    exit_code(*map(str, sorted(folder.glob("*.png"))), "--page", str(page))
    content = page.read_text(encoding="utf-8")
    assert "<title>New pictures: 00.png, 01.png, 02.png and 21 more</title>" in content
    assert "<small>all read</small>" in content


def test_hostile_names_are_escaped_in_what_is_told_and_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night, page = arrived(tmp_path / "night", 0.1), tmp_path / "night.html"
    for number, name in enumerate((b"new\nline.png", b"\x1b[31mred.png", b"no_utf8_\xff.png", b"<b>.png", b"plain")):
        (night / f"{number:02}.png").rename(os.fsdecode(os.fsencode(night) + b"/" + name))
    assert exit_code(str(night), "--page", str(page)) == 3
    told = capsys.readouterr()
    assert all(line.startswith(("fieldguide: ", "  ")) for line in told.err.splitlines())
    content = page.read_text(encoding="utf-8").replace("<wbr>", "")  # where a long name may break
    assert "\x1b" not in told.err + told.out + content
    for shown in (r"new\nline.png", r"\x1b[31mred.png", r"no_utf8_\udcff.png", "&lt;b&gt;.png", ">plain<"):
        assert shown in content


def test_files_of_which_none_is_a_picture_are_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_text("no picture")
    with pytest.raises(SystemExit, match="fieldguide: no picture to screen: 2 files could not be read"):
        main(["screen", str(tmp_path)])
    assert capsys.readouterr().out.count("not a picture") == 2


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    night = arrived(tmp_path / "night", 0.1)
    with pytest.raises(SystemExit, match=r"--page .* is a folder: give a file"):
        main(["screen", str(night), "--page", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"page\.html cannot be written"):
        main(["screen", str(night), "--page", str(night / "00.png" / "page.html")])


def test_a_few_pictures_are_no_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = arrived(tmp_path / "night", 0.1)
    page = tmp_path / "page.html"
    files = (str(night / name) for name in ("00.png", "01.png", "note.txt"))
    assert exit_code(*files, "--page", str(page)) == 0
    told = f": too few to test for a shift, and for {page}, needed are 10 and 5; 1 could not be read"
    assert told in capsys.readouterr().err
    assert not page.exists()


def test_a_few_known_pictures_are_nothing_to_compare_with(
    screened: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file, save_file

    models, night = tmp_path / "models", arrived(tmp_path / "night", 0.1)
    models.mkdir()
    for path in (screened.root / "models").iterdir():
        (models / path.name).symlink_to(path)
    few = {name: tensor[:4].contiguous() for name, tensor in load_file(models / "reference.safetensors").items()}
    (models / "reference.safetensors").unlink()
    save_file(few, models / "reference.safetensors")
    assert exit_code(str(night), "--model", str(models)) == 0
    assert "24 read, 4 to compare with: too few to test for a shift" in capsys.readouterr().err


def test_a_model_without_a_screen_is_refused_in_one_line(screened: Paths, tmp_path: Path) -> None:
    for kind in ("safetensors", "json"):
        (tmp_path / f"classifier.{kind}").symlink_to(screened.root / "models" / f"classifier.{kind}")
    with pytest.raises(SystemExit, match=r"fieldguide: no screen\.safetensors beside .*: run `dvc repro`"):
        main(["screen", str(tmp_path), "--model", str(tmp_path)])


def test_a_reference_of_another_classifier_is_refused(screened: Paths, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    for path in (screened.root / "models").iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "reference.safetensors").unlink()
    wrong = {"logits": torch.zeros(4, 2), "features": torch.zeros(4, 8), "measurements": torch.zeros(4, 7).double()}
    save_file(wrong, tmp_path / "reference.safetensors")
    with pytest.raises(SystemExit, match=r"reference\.safetensors does not belong to this classifier"):
        main(["screen", str(tmp_path), "--model", str(tmp_path)])


def test_a_job_sees_the_same_of_pictures_and_says_why_one_cannot_be_read(screened: Paths, tmp_path: Path) -> None:
    """What `fieldguide retrain` compares is what `fieldguide screen` measures; a file may go while it looks."""
    from fieldguide.retraining.incoming_checks import observe, shift_in_words

    day, night = (sorted(arrived(tmp_path / name, light).glob("*.png")) for name, light in (("d", 1.0), ("n", 0.1)))
    gone, text = tmp_path / "gone.png", tmp_path / "d" / "note.txt"
    light = observe(screened.classifier, [gone, *day, text])
    assert next(iter(light.unread.items())) == (gone, "No such file or directory")
    assert list(light.unread) == [gone, text] and len(light) == len(light.features) == len(day)
    assert set(light.measurements) >= {"brightness", "aspect ratio", "border"}
    dark = observe(screened.classifier, night)
    assert "brightness (1.00)" in str(shift_in_words(light, dark))
    assert dark.out_of_domain.mean() > 0.9 and light.out_of_domain.mean() < 0.5
    nothing = observe(screened.classifier, [gone])
    assert (len(nothing), list(nothing.unread)) == (0, [gone])
    assert shift_in_words(light, nothing) is None
