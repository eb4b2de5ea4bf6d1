"""What the stages before `report` leave in a checkout, of small tables made here."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from fieldguide.base.config import Config
from fieldguide.base.files import write_json, write_text
from fieldguide.base.paths import Paths
from fieldguide.checks.conclusion import CHECKS_COLUMNS, FLAGGED_COLUMNS
from fieldguide.configuration.compose import compose
from fieldguide.data.csv_files import write_csv
from fieldguide.data.table import IMAGES, SCREEN, SPLIT, write_table
from fieldguide.evaluation.tables import write_confusion
from fieldguide.screening.noticed_labels import COLUMNS
from screened import screened

CHECKOUT = Path(__file__).parents[1]
METRICS = {
    "accuracy": 0.92,
    "accuracy_low": 0.86,
    "accuracy_high": 0.96,
    "ece": 0.04,
    "ece_uncalibrated": 0.09,
    "ece_by_chance": 0.03,
    "ece_by_chance_high": 0.05,
    "temperature": 0.6,
    "log_loss": 0.2,
    "log_loss_uncalibrated": 0.25,
    "baseline_accuracy": 0.5,
    "baseline_gain": 0.42,
    "baseline_gain_low": 0.3,
    "baseline_gain_high": 0.5,
    "baseline_tree_accuracy": 0.6,
    "baseline_tree_gain": 0.32,
    "baseline_tree_gain_low": 0.2,
    "baseline_tree_gain_high": 0.4,
    "border_pictures": 8,
    "border_accuracy": 0.55,
    "border_accuracy_low": 0.4,
    "border_accuracy_high": 0.69,
    "border_gain": 0.05,
    "border_gain_low": -0.1,
    "border_gain_high": 0.2,
    "shift_accuracy_unchanged": 0.92,
    "shift_accuracy_night": 0.31,
    "shift_accuracy_rain": 0.9,
    "test_pictures": 8,
}
SCREEN_METRICS = {
    "expectations": 1,
    "flagged_pictures": 0,
    "out_of_domain": 1,
    "test_pictures": 8,
    "test_alarms": 1,
    "test_alarm_rate": 0.125,
    "test_alarm_rate_low": 0.02,
    "test_alarm_rate_high": 0.47,
    "alarm_rate_promised": 0.05,
    "label_doubts": 1,
    "weak_label_doubts": 0,
    "twins": 0,
    "low_quality": 0,
    "review_queue": 2,
}


def frame(columns: str, *rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


def as_images(split: pd.DataFrame) -> pd.DataFrame:
    """An image table for the pictures of a split table; each one's own file is `LABEL/own ID.jpg`."""
    texts = dict.fromkeys(("source", "reason", "perceptual_hash", "raw_label", "review"), "")
    own = split["label"].str.replace("/", "") + "/own " + split["id"] + ".jpg"
    return split.assign(**texts, path=own, file="data/raw/" + own, status="kept").reindex(columns=IMAGES.names)


def write_results(root: Path, labels: tuple[str, str], strange: str) -> tuple[Config, Paths]:
    """24 pictures of two labels: one is odd, one in doubt, and one was left out; `strange` is part of many texts."""
    paths, (first, second) = Paths(root), labels
    for link in ("conf", "params.yaml"):
        (paths.root / link).symlink_to(CHECKOUT / link)
    chance = np.random.default_rng(0)
    pictures = pd.DataFrame(
        {
            "id": [f"{number:016x}" for number in range(24)],
            "label": [first, second] * 12,
            "split": ["train"] * 12 + ["valid"] * 4 + ["test"] * 8,
        }
    )
    pictures["clean_path"] = pictures["label"].str.replace("/", "") + "/" + pictures["id"] + ".jpg"
    for path in pictures["clean_path"]:
        (paths.clean / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(paths.clean / path)

    texts = dict.fromkeys(("source", "reason", "clean_sha256", "perceptual_hash", "raw_label", "review"), "")
    pictures["path"] = pictures["label"].str.replace("/", "") + "/own " + pictures["id"] + ".jpg"
    images = pictures.assign(**texts, file="data/raw/" + pictures["path"], status="kept")
    lost = {
        **texts,
        "path": f"teddy/{strange}.jpg",
        "file": f"data/raw/teddy/{strange}.jpg",
        "label": second,
        "status": "unreadable",
        "clean_path": "",
    }
    write_table(pd.concat([images, pd.DataFrame([lost])]).reindex(columns=IMAGES.names), paths.image_table, IMAGES)
    split = pictures.assign(clean_sha256="", group=pictures["id"], depth=8).reindex(columns=SPLIT.names)
    write_table(split, paths.split_table, SPLIT)
    findings: dict[int, dict[str, Any]] = {
        20: {"p_value": 0.001, "out_of_domain": True, "reason": "much darker than any training picture"},
        2: {"label_quality": 0.1, "suggested_label": second, "label_doubt": True},
    }
    rows = [
        screened(
            str(picture.id),
            str(picture.label),
            str(picture.split),
            path=picture.path,
            clean_path=picture.clean_path,
            **findings.get(number, {}),
        )
        for number, picture in enumerate(pictures.itertuples())
    ]
    write_table(pd.DataFrame(rows)[SCREEN.names], paths.screen_table, SCREEN)

    write_json(paths.screen.with_suffix(".json"), {"alarm_rate": 0.05, "calibration_pictures": 103})
    write_text(paths.classifier, "weights")
    write_json(paths.classifier.with_suffix(".json"), {"record": {"fingerprint": "f" * 64}})
    write_json(paths.metrics("clean"), {"pictures": 25, "kept": 24})
    write_json(paths.metrics("screen"), SCREEN_METRICS)
    write_json(paths.metrics("evaluate"), METRICS)
    kept = {"epochs": 2, "best_epoch": 2, "valid_loss": 0.6, "valid_accuracy": 0.9}
    write_json(paths.metrics("train"), {**kept, "lr": 0.003})
    write_csv(
        paths.report("train") / "history.csv",
        frame("epoch train_loss valid_loss valid_accuracy", (1, 1, 1, 0.5), (2, 0.5, 0.6, 0.9)),
    )
    write_csv(paths.report("train") / "lr_find.csv", frame("lr loss"))
    path, clean_path = pictures["path"][20], pictures["clean_path"][20]
    reliability = frame("low high confidence accuracy pictures", (0.8, 0.8667, 0.85, 0.9, 4), (0.9333, 1, 0.97, 1, 4))
    tables = {
        "per_label": frame(
            "label pictures groups precision precision_low precision_high recall recall_low recall_high "
            "f1 f1_low f1_high",
            (first, 4, 4, 0.8, 0.4, 0.96, 1.0, 0.5, 1.0, 0.89, 0.5, 0.97),
            (second, 4, 4, 1.0, 0.4, 1.0, 0.75, 0.3, 0.95, 0.86, 0.4, 0.97),
        ),
        "reliability": reliability,
        "reliability_uncalibrated": reliability,
        "reliability_groups": frame(
            "low high confidence accuracy accuracy_low accuracy_high pictures", (0.8, 1, 0.9, 0.92, 0.86, 0.96, 8)
        ),
        "coverage": frame(
            "threshold coverage accuracy pictures accuracy_low accuracy_high",
            (0.9, 0.5, 1.0, 4, 0.5, 1.0),
            (0.6, 1.0, 0.9, 8, 0.86, 0.96),
        ),
        "shifts": frame(
            "shift pictures accuracy accuracy_low accuracy_high drop confidence",
            ("unchanged", 8, 0.92, 0.86, 0.96, 0, 0.9),
            ("night", 8, 0.31, 0.1, 0.6, 0.6, 0.8),
        ),
        "top_losses": frame(
            "path clean_path label prediction probability loss", (path, clean_path, first, second, 0.9, 2.3)
        ),
    }
    for name, table in tables.items():
        write_csv(paths.report("evaluate") / f"{name}.csv", table)
    counts = pd.DataFrame([[4, 0], [1, 3]], index=labels, columns=labels)
    write_confusion(paths.report("evaluate") / "confusion_matrix.csv", counts)
    checks = [
        ("readable", "pictures", "error", "passed", "0 of 25 pictures unreadable", "no picture unreadable", 0),
        (
            "well_lit",
            "pictures",
            "warning",
            "warning",
            "1 of 24 pictures (4.2 %): brightness below 0.1",
            "brightness",
            1,
        ),
    ]
    write_csv(paths.report("validate") / "checks.csv", pd.DataFrame(checks, columns=CHECKS_COLUMNS))
    write_csv(
        paths.report("validate") / "flagged.csv",
        pd.DataFrame([(path, "well_lit", "0.01", "brightness", "warning")], columns=FLAGGED_COLUMNS),
    )
    sites = frame(
        "site pictures groups alarms alarm_rate alarm_rate_low alarm_rate_high",
        (f"by {strange}", 8, 4, 1, 0.125, 0.02, 0.5),
    )
    write_csv(paths.report("screen") / "by_site.csv", sites)
    unknown = [(label, 8, 4, 0.8, 0.7, 0.9, 0.2, 0.1, 0.4) for label in labels]
    write_csv(paths.report("screen") / "unknown_labels.csv", pd.DataFrame(unknown, columns=COLUMNS))
    failed = [
        (
            "same_world",
            "splits",
            "error",
            "error",
            "1 of 3 splits: alarm rate (lower bound) above 0.5",
            "alarm rate",
            1,
        )
    ]
    write_csv(paths.report("screen") / "checks.csv", pd.DataFrame(failed, columns=CHECKS_COLUMNS))
    write_csv(paths.report("screen") / "flagged.csv", frame(" ".join(FLAGGED_COLUMNS)))
    queue = frame(
        "id picture why score suggestion", (pictures["id"][2], "", f"label {strange}", 0.9, f"relabel {second}")
    )
    write_csv(paths.report("screen") / "review_queue.csv", queue)
    return compose(paths), paths
