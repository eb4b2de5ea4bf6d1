"""The page that tells everything in short, of small tables made here."""

import html.parser
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import browser
from fieldguide.base.config import Config
from fieldguide.base.files import read_json, sha256_of_file, write_json, write_text
from fieldguide.base.paths import Paths
from fieldguide.checks.conclusion import CHECKS_COLUMNS, FLAGGED_COLUMNS
from fieldguide.configuration.compose import compose
from fieldguide.data.table import IMAGES, SCREEN, SPLIT, write_table
from fieldguide.overview.headline import Stopped
from fieldguide.overview.origin import chosen
from fieldguide.overview.page import overview_page
from fieldguide.stages.report import run
from screened import screened

HOSTILE = "<script>alert(1)</script>"
CHECKOUT = Path(__file__).parents[2]
METRICS = {
    "accuracy": 0.92,
    "accuracy_low": 0.86,
    "accuracy_high": 0.96,
    "ece": 0.04,
    "ece_uncalibrated": 0.09,
    "ece_by_chance": 0.03,
    "temperature": 0.6,
    "log_loss": 0.2,
    "log_loss_uncalibrated": 0.25,
    "baseline_accuracy": 0.5,
    "baseline_tree_accuracy": 0.6,
    "shift_accuracy_unchanged": 0.92,
    "shift_accuracy_night": 0.31,
    "shift_accuracy_rain": 0.9,
    "test_pictures": 8,
}


def frame(columns: str, *rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


def write_csv(path: Path, table: pd.DataFrame) -> None:
    write_text(path, table.to_csv(index=False))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Paths]:
    """What the stages before it leave: 24 pictures, of which one is odd, one in doubt, and one was left out."""
    paths = Paths(tmp_path_factory.mktemp("made"))
    for link in ("conf", "params.yaml"):
        (paths.root / link).symlink_to(CHECKOUT / link)
    chance = np.random.default_rng(0)
    pictures = pd.DataFrame(
        {
            "id": [f"{number:016x}" for number in range(24)],
            "label": ["black", "teddy"] * 12,
            "split": ["train"] * 12 + ["valid"] * 4 + ["test"] * 8,
        }
    )
    pictures["clean_path"] = pictures["label"] + "/" + pictures["id"] + ".jpg"
    for path in pictures["clean_path"]:
        (paths.clean / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(paths.clean / path)

    texts = dict.fromkeys(("source", "reason", "clean_sha256", "perceptual_hash", "raw_label", "review"), "")
    images = pictures.assign(**texts, path=pictures["clean_path"], status="kept")
    lost = {**texts, "path": f"teddy/{HOSTILE}.jpg", "label": "teddy", "status": "unreadable", "clean_path": ""}
    write_table(pd.concat([images, pd.DataFrame([lost])]).reindex(columns=IMAGES.names), paths.image_table, IMAGES)
    write_table(pictures.assign(clean_sha256="", group=pictures["id"])[SPLIT.names], paths.split_table, SPLIT)
    findings: dict[int, dict[str, Any]] = {
        20: {"p_value": 0.001, "out_of_domain": True, "reason": "much darker than any training picture"},
        2: {"label_quality": 0.1, "suggested_label": "teddy", "label_doubt": True},
    }
    rows = [
        screened(str(picture.id), str(picture.label), str(picture.split), **findings.get(number, {}))
        for number, picture in enumerate(pictures.itertuples())
    ]
    write_table(pd.DataFrame(rows)[SCREEN.names], paths.screen_table, SCREEN)

    write_json(paths.screen.with_suffix(".json"), {"alarm_rate": 0.05})
    write_text(paths.classifier, "weights")
    write_json(paths.classifier.with_suffix(".json"), {"record": {"fingerprint": "f" * 64}})
    write_json(paths.metrics("clean"), {"pictures": 25, "kept": 24})
    write_json(paths.metrics("evaluate"), METRICS)
    write_json(paths.metrics("train"), {"epochs": 2, "best_epoch": 2, "lr": 0.003})
    write_csv(
        paths.report("train") / "history.csv",
        frame("epoch train_loss valid_loss valid_accuracy", (1, 1, 1, 0.5), (2, 0.5, 0.6, 0.9)),
    )
    write_csv(paths.report("train") / "lr_find.csv", frame("lr loss"))
    path = pictures["clean_path"][20]
    reliability = frame("low high confidence accuracy pictures", (0.8, 0.8667, 0.85, 0.9, 4), (0.9333, 1, 0.97, 1, 4))
    tables = {
        "confusion_matrix": frame("label black teddy", ("black", 4, 0), ("teddy", 1, 3)),
        "per_label": frame(
            "label pictures precision precision_low precision_high recall recall_low recall_high f1",
            ("black", 4, 0.8, 0.4, 0.96, 1.0, 0.5, 1.0, 0.89),
            ("teddy", 4, 1.0, 0.4, 1.0, 0.75, 0.3, 0.95, 0.86),
        ),
        "reliability": reliability,
        "reliability_uncalibrated": reliability,
        "coverage": frame("threshold coverage accuracy pictures", (0.9, 0.5, 1.0, 4), (0.6, 1.0, 0.9, 8)),
        "shifts": frame(
            "shift pictures accuracy accuracy_low accuracy_high drop confidence",
            ("unchanged", 8, 0.92, 0.86, 0.96, 0, 0.9),
            ("night", 8, 0.31, 0.1, 0.6, 0.6, 0.8),
        ),
        "top_losses": frame("clean_path label prediction probability loss", (path, "black", "teddy", 0.9, 2.3)),
    }
    for name, table in tables.items():
        write_csv(paths.report("evaluate") / f"{name}.csv", table)
    checks = [
        ("readable", "pictures", "error", "passed", "0 of 25 pictures outside", "status", 0),
        ("well_lit", "pictures", "warning", "warning", "1 of 24 pictures (4.2 %) outside", "brightness", 1),
    ]
    write_csv(paths.report("validate") / "checks.csv", pd.DataFrame(checks, columns=CHECKS_COLUMNS))
    write_csv(
        paths.report("validate") / "flagged.csv",
        pd.DataFrame([(path, "well_lit", "0.01", "brightness", "warning")], columns=FLAGGED_COLUMNS),
    )
    failed = [("same_world", "splits", "error", "error", "1 of 3 splits outside", "alarm_rate_low", 1)]
    write_csv(paths.report("screen") / "checks.csv", pd.DataFrame(failed, columns=CHECKS_COLUMNS))
    queue = frame("id picture why score suggestion", (pictures["id"][2], "", f"label {HOSTILE}", 0.9, "relabel teddy"))
    write_csv(paths.report("screen") / "review_queue.csv", queue)
    return compose(paths), paths


class Parts(html.parser.HTMLParser):
    """Collects tags, addresses and pictures of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


@pytest.fixture(scope="module")
def page(made: tuple[Config, Paths]) -> str:
    run(*made)
    return made[1].overview.read_text(encoding="utf-8")


def test_the_page_opens_with_a_verdict_in_plain_words_and_its_interval(page: str) -> None:
    top = page[: page.index("<nav>")]
    assert "The classifier names 92 of 100 new pictures correctly" in top
    assert "expect 86 to 96 of 100" in top
    assert "Do not rely on it for pictures of these kinds: night (31 of 100 right)." in top
    assert "2 of 24 pictures look wrong or strange" in top
    assert "<dt>of teddy found, the hardest label</dt><dd>75.0 %</dd><small>30.0 % to 95.0 %</small>" in top
    for jargon in ("F1", "macro", "calibrat", "p-value", "epoch", "recall"):
        assert jargon not in top


def test_the_page_holds_everything_itself_and_escapes_what_strangers_named(page: str) -> None:
    parts = Parts()
    parts.feed(page)
    assert not {"script", "link", "iframe"} & set(parts.tags)
    assert parts.tags.count("img") == 8  # 4 charts; hardest, odd, in doubt, and the queue's
    inside = [address for address in parts.addresses if address.startswith(("data:image/", "#"))]
    assert [address for address in parts.addresses if address not in inside] == [
        "validate/data_docs/index.html",
        "screen/data_docs/index.html",
    ]
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2


def test_flagged_pictures_stand_by_reason_and_every_choice_is_named(page: str) -> None:
    assert "Much darker than any training picture <small>1</small>" in page
    assert "rather teddy?" in page
    assert "<td>0.90</td><td>relabel teddy</td>" in page
    assert "<th>damaged</th><td>1</td>" in page
    for group in ("data", "resize", "augment", "model", "schedule", "checks"):
        assert f"<tr><th>{group}</th><td>" in page


def test_the_index_of_data_docs_leads_to_both_suites(page: str, made: tuple[Config, Paths]) -> None:
    parts = Parts()
    parts.feed((made[1].docs_index / "index.html").read_text(encoding="utf-8"))
    assert parts.addresses == ["../validate/data_docs/index.html", "../screen/data_docs/index.html"]


def test_the_same_results_give_the_same_bytes_and_are_named_by_their_hash(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    first = run(cfg, paths)
    assert run(cfg, paths) == first
    assert first["page_sha256"] == sha256_of_file(paths.overview)
    assert str(paths.root) not in paths.overview.read_text(encoding="utf-8")


def test_a_page_about_a_stop_before_training_shows_nothing_of_an_older_run(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    text = overview_page(paths, chosen(cfg), Stopped("validate", f"check failed: {HOSTILE}"))
    assert "Stopped before training: the pictures did not pass the checks" in text
    assert "validate: check failed: &lt;script&gt;" in text
    assert "Did not pass: well lit" in text
    for later in ("How good is it?", "of 100", "fingerprint", "Fingerprint", "same world"):
        assert later not in text


def test_a_page_about_a_stop_after_training_names_the_check_and_shows_the_rest(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    text = overview_page(paths, chosen(cfg), Stopped("screen", "check failed"))
    assert "Stopped after training: the scores did not pass the checks" in text
    assert "<b>same world</b>: 1 of 3 splits outside" in text
    assert text.index("Data checks</h2>") < text.index("How good is it?</h2>")


def test_no_better_than_a_simple_rule_is_said_first(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    good = read_json(paths.metrics("evaluate"))
    write_json(paths.metrics("evaluate"), {**good, "accuracy": 0.55})
    text = overview_page(paths, chosen(cfg), None)
    write_json(paths.metrics("evaluate"), good)
    assert '<p class="verdict warning">The classifier is no better than a simple rule' in text


SCRIPT = """JSON.stringify({
  wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  broken: [...document.images].filter(image => !image.naturalWidth).length,
  back: getComputedStyle(document.body).backgroundColor})"""


@pytest.mark.slow
@pytest.mark.skipif(not browser.CHROMIUM, reason="there is no Chromium")
@pytest.mark.skipif(not importlib.util.find_spec("websockets"), reason="there is no websockets")
def test_a_browser_shows_it_on_phone_and_desktop_light_and_dark(page: str, made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    stopped = paths.root / "stopped.html"
    write_text(stopped, overview_page(paths, chosen(cfg), Stopped("screen", "check failed: " + "word " * 60)))
    with browser.browser() as chromium:
        for file in (paths.overview, stopped, paths.docs_index / "index.html"):
            for width in (390, 1280):
                backs = []
                for scheme in ("light", "dark"):
                    look = chromium.look(file, SCRIPT, width, scheme=scheme)
                    seen = json.loads(look.answer)
                    assert not seen["wide"], f"{file.name} is wider than {width} pixels"
                    assert not seen["broken"]
                    assert not look.complaints
                    backs.append(seen["back"])
                assert backs[0] != backs[1]
