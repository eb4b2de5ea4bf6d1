"""The pages beside the report in a real browser: nothing is cut or runs off a phone's side."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import browser
from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.checks.data_docs import Docs, render_page
from fieldguide.experiments.comparison import Results, compare
from fieldguide.experiments.comparison_page import comparison_page
from fieldguide.retraining.journal import Journal
from fieldguide.retraining.page import RULE, write_page
from stages.test_report import SCRIPT

LABELS = ["crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches"]
COLUMNS = ["pictures", "alarm_rate", "alarm_rate_low", "doubt_share", "doubt_share_low", "twin_share", "quality_share"]
FILE = "rolled-in_scale/2024_05_30_camera_7_00000182.jpg"


def data_docs() -> str:
    """What screening says of six labels."""
    shares = pd.DataFrame(0.583, index=pd.Index(LABELS, name="label"), columns=COLUMNS).assign(pictures=1234)
    return render_page(Docs("Checks of the scores", {"pictures used": 7404}, shares, {}), [])


def job(root: Path) -> Path:
    """A held delivery, with the gate's table and disputed labels."""
    paths = Paths(root)
    values = {"rule": "better than a baseline", "on": "always predicting the most frequent label", "outcome": "met"}
    numbers = {name: 0.123456 for name in RULE if name not in (*values, "detail")}
    rule = {**values, **numbers, "detail": "+0.653 (+0.562 to +0.727), 82 won and 3 lost, sign-flip p < 0.001"}
    made = Journal(paths.retraining / "0001", {})
    made.note(
        incoming=[{**dict.fromkeys(("label", "sha256", "id", "target"), ""), "file": FILE, "bytes": 1} | refused()],
        facts={
            "new": dict.fromkeys(LABELS, 12),
            "had": dict.fromkeys(LABELS, 1234),
            "reviews": 0,
            "doubts": {"which": [{"file": FILE, "label": LABELS[4], "suggested": LABELS[3]}] * 2},
        },
        choice={"reasons": ["labels in doubt: 9 of 60 are disputed (15 %), usually 4 %"], "hold": True},
        moves=[{"copy": False, "target": f"data/held/0001/{file}"} for file in ("scratches/1.jpg", FILE)],
        judged={"verdict": "worse", "against": "version 12", "accepted": False, "rules": [rule] * 3},
        seconds={"collect and decide": 74.1, "train and evaluate": 564.1},
        branch="retrain/0001",
    )
    return write_page(paths, made)[0]


def test_what_was_refused_is_not_counted_as_held_back(tmp_path: Path) -> None:
    page = job(tmp_path).read_text(encoding="utf-8")
    assert "<dt>held back</dt><dd>1</dd>" in page and "<dt>refused</dt><dd>1</dd>" in page


def refused() -> dict[str, str]:
    return {"state": "refused", "reason": "the end of the picture is missing: its last 4096 bytes are zeros"}


def comparison() -> str:
    """Two runs with long names that differ on every second picture."""
    truth = np.array(LABELS * 4)
    runs = []
    for name, answers in (
        ("squish none mobilenet bears-d4ea", truth),
        ("retrain 0003 training bears-6d8e", truth[::-1]),
    ):
        frame = pd.DataFrame({"id": [f"{n:016x}" for n in range(24)], "clean_path": FILE, "path": FILE})
        frame = frame.assign(split="test", label=truth, prediction=answers, probability=0.57, loss=0.3)
        history = pd.DataFrame({"epoch": [1, 2], "train_loss": 1.0, "valid_loss": 1.0, "valid_accuracy": 0.5})
        metrics = {f"accuracy_tta{end}": 0.9 for end in ("", "_low", "_high")}
        runs.append(Results(name, name, {"train.class_weights": name}, {}, metrics, frame, history))
    return comparison_page(compare(runs), {f"{0:016x}": Image.new("RGB", (96, 64))})


@pytest.mark.slow
@pytest.mark.skipif(not browser.CHROMIUM, reason="there is no Chromium")
@pytest.mark.skipif(not importlib.util.find_spec("websockets"), reason="there is no websockets")
def test_nothing_is_cut_on_a_phone(tmp_path: Path) -> None:
    pages = [tmp_path / "docs.html", tmp_path / "comparison.html", job(tmp_path)]
    write_text(pages[0], data_docs())
    write_text(pages[1], comparison())
    with browser.browser() as chromium:
        for page in pages:
            seen = json.loads(chromium.look(page, SCRIPT, 390).answer)
            assert not seen["wide"] and not seen["cut"], f"{page.name}: {seen}"
