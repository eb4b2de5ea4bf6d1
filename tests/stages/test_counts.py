"""Every count has one name, one meaning and the same value on every page, on the terminal and in metrics.json."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import CHECKOUT, OwnData, put
from fieldguide.base.config import ModelConfig
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.runner import run_stage
from fieldguide.data.counts import COUNTS, read_counts
from fieldguide.data.csv_files import read_csv
from fieldguide.data.table import IMAGES, QUALITY_ISSUES, SCREEN, SPLIT, read_table
from fieldguide.overview.summary import ROWS, summarize
from fieldguide.training.kept_epoch import kept_epoch
from stages.training import FAST

ONES, MANYS = ({getattr(count, form): key for key, count in COUNTS.items()} for form in ("one", "many"))
BY_NAME = ONES | MANYS
NAMES = "|".join(sorted(map(re.escape, BY_NAME), key=len, reverse=True))


def coloured(channel: int, number: int) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 120, (48, 56, 3), dtype=np.uint8)
    pixels[:, :, channel] += 100
    return Image.fromarray(pixels)


def write_pictures(source: Path) -> None:
    """75 pictures in three colours; besides a copy, a broken file, a grey and a dark one, and a wrong label."""
    for number in range(75):
        put(source / "rgb"[number % 3] / f"mine {number}.png", coloured(number % 3, number))
    put(source / "r" / "again.png", coloured(0, 0))
    put(source / "g" / "broken.jpg", b"\xff\xd8\xff no picture")
    put(source / "b" / "grey.png", coloured(0, 100).convert("L").convert("RGB"))
    put(source / "b" / "dark.png", coloured(2, 101).point(lambda value: value // 25))
    put(source / "r" / "wrong.png", coloured(2, 102))


@pytest.fixture
def made(own_data: OwnData, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[Paths, str]:
    """A data set that went through all stages, and what they printed."""
    from fieldguide.stages import clean, download, evaluate, report, screen, split, train, validate, weights

    monkeypatch.setattr("fieldguide.screening.out_of_fold.EPOCHS", 1)
    cfg, paths = own_data("{}", *FAST, "augment=light", "checks=standard", "evaluate.bootstrap=100")
    cfg.model = ModelConfig(arch="test_resnet", weights="random")
    write_pictures(paths.sources / "own")
    for module in (weights, download, clean, validate, split, train, evaluate, screen, report):
        run_stage(module.__name__.rpartition(".")[2], module.run, cfg, paths)
    return paths, capsys.readouterr().out


def said(text: str) -> Iterator[tuple[str, int]]:
    """Every number that stands before the name of a count, or below it as a headline figure."""
    for name, number in re.findall(rf"<dt>({NAMES})</dt><dd>(\d+)", text):
        yield BY_NAME[name], int(number)
    plain = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", re.sub("</(dd|td|th|small)>", ";", text)))
    for number, name in re.findall(rf"(?<![\d.])(\d+) ({NAMES})\b", plain):
        assert (name in ONES) if int(number) == 1 and name not in ONES.keys() & MANYS.keys() else True, name
        yield BY_NAME[name], int(number)


def recounted(paths: Paths) -> dict[str, int]:
    """The counts anew, from the tables."""
    images, split = read_table(paths.image_table, IMAGES), read_table(paths.split_table, SPLIT)
    table = read_table(paths.screen_table, SCREEN)
    labels = table.set_index("id")["label"]
    twin = table["near_duplicate_of"].map(labels).fillna(table["label"]) != table["label"]
    poor = table[[f"is_{issue}_issue" for issue in QUALITY_ISSUES]].any(axis=1)
    unlike = table["suggested_label"] != table["label"]
    flagged = {stage: read_csv(paths.report(stage) / "flagged.csv")["path"] for stage in ("validate", "screen")}
    return {
        "clean.pictures": len(images),
        "clean.kept": int((images["status"] == "kept").sum()),
        **{f"split.{side}": int((split["split"] == side).sum()) for side in ("train", "valid", "test", "left_out")},
        **{f"{stage}.flagged_pictures": paths_.nunique() for stage, paths_ in flagged.items()},
        **{
            f"{stage}.expectations": len(read_csv(paths.report(stage) / "checks.csv"))
            for stage in ("validate", "screen")
        },
        "screen.out_of_domain": int(table["out_of_domain"].sum()),
        "screen.test_alarms": int((table["out_of_domain"] & (table["split"] == "test")).sum()),
        "screen.label_doubts": int(table["label_doubt"].sum()),
        "screen.weak_label_doubts": int((unlike & ~table["label_doubt"]).sum()),
        "screen.twins": int(twin.sum()),
        "screen.low_quality": int(poor.sum()),
        "screen.review_queue": len(read_csv(paths.review_queue)),
    }


@pytest.mark.slow
def test_every_count_is_the_same_wherever_it_is_said(made: tuple[Paths, str]) -> None:
    paths, printed = made
    counts = read_counts(paths, ROWS)
    assert counts == recounted(paths)
    texts = {
        "summary": summarize(paths),
        "terminal": printed,
        **{str(page.relative_to(paths.root)): page.read_text(encoding="utf-8") for page in paths.root.rglob("*.html")},
    }
    heard = set()
    for where, text in texts.items():
        for key, number in said(text):
            assert number == counts[key], f"{where}: {key}"
            heard.add(key)
    assert heard == set(COUNTS)
    assert len(read_csv(paths.review_queue).merge(read_table(paths.screen_table, SCREEN), on="id")) == len(
        read_csv(paths.review_queue)
    )

    screened = read_table(paths.screen_table, SCREEN)  # what the queue is made of
    queued = set(read_csv(paths.review_queue)["id"])
    asked = screened["out_of_domain"] | screened["label_doubt"] | (screened["suggested_label"] != screened["label"])
    poor = screened[[f"is_{issue}_issue" for issue in QUALITY_ISSUES]].any(axis=1)
    assert set(screened.loc[asked | poor, "id"]) <= queued
    assert queued <= set(screened.loc[asked | poor | (screened["near_duplicate_of"] != ""), "id"])

    kept = kept_epoch(read_json(paths.metrics("train")))
    for where in ("summary", "terminal"):
        assert kept in texts[where], where
    assert f"E{kept[1:]}" in texts["reports/index.html"]

    tables = [read_csv(file) for file in paths.root.glob("reports/*/*.csv")]
    tables += [pd.read_parquet(file) for file in [*paths.root.glob("reports/*/*.parquet"), paths.screen_table]]
    own = [str(path) for table in tables if "path" in table for path in table["path"]]
    files = [str(file) for table in tables if "file" in table for file in table["file"]]
    files += list(read_csv(paths.review_queue)["picture"])
    assert len(own) > 100 and len(files) > 70
    assert not [path for path in own if not (paths.sources / "own" / path).is_file()]
    assert not [file for file in files if not (paths.checkout / file).is_file()]
    assert not [path for path in own + files if re.search("[0-9a-f]{16}", path)]


def test_the_documentation_defines_every_count() -> None:
    text = (CHECKOUT / "docs" / "counts.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (.+?) \| (`\w+\.\w+` \| .+?) \|$", text, re.MULTILINE))
    assert rows == {count.many: f"`{key}` | {count.meaning}" for key, count in COUNTS.items()}
