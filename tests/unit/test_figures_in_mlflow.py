"""Figures that are named by labels: each keeps a metric of its own in MLflow, whatever the labels are called."""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import noise, put
from fieldguide.base.files import write_json
from fieldguide.base.paths import Paths
from fieldguide.evaluation.tables import write_confusion
from fieldguide.tracking.figures import COUNT, FIRST, MATRIX, MAX_LABELS, log_confusion_matrix, log_figures
from fieldguide.tracking.tags import CONFUSION_MATRIX, MATRIX_TABLE, METRIC_NAMES
from fieldguide.tracking.tracker import Tracker

pytestmark = pytest.mark.slow  # importing MLflow alone takes seconds

STAGES = ("download", "clean", "validate", "split", "train")


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_"))]:
        monkeypatch.delenv(name)


def logged(folder: Path, labels: list[str]) -> tuple[dict[str, float], dict[str, str], str]:
    """The metrics by their names in MLflow, the table of names that the run carries, and what the run tells."""
    data, names, told = delivered(folder, labels)
    return data.metrics, names, told


def delivered(folder: Path, labels: list[str], **texts: str) -> tuple[Any, dict[str, str], str]:
    """The run's data, the table of names that it carries, and what it tells; `texts` are among its metrics."""
    paths = Paths(folder)
    for stage in STAGES:
        write_json(paths.metrics(stage), {"pictures": 3})
    shares = {f"train_share_{label}": place / 100 for place, label in enumerate(labels)}
    write_json(paths.metrics("split"), shares)
    recall = {f"recall_{label}": place / 100 for place, label in enumerate(labels)}
    write_json(paths.metrics("evaluate"), {"accuracy": 0.5, "accuracy_low": 0.25, **texts, **recall})
    counts = np.arange(len(labels) ** 2).reshape(len(labels), -1)
    index = pd.Index(labels, name="label")
    write_confusion(paths.report("evaluate") / "confusion_matrix.csv", pd.DataFrame(counts, index, labels))
    tracker = Tracker(paths)
    run = tracker.client.create_run(tracker.experiment).info.run_id
    told = log_figures(tracker, run)
    files = {file.path for file in tracker.client.list_artifacts(run, "environment")}
    names = Path(tracker.client.download_artifacts(run, METRIC_NAMES)).read_text("utf-8") if files else "{}"
    return tracker.client.get_run(run).data, json.loads(names), told


@pytest.mark.parametrize(
    "labels",
    [
        ["bear🐻", "bear🧸", "bear(cub)", "bear[cub]", "bear_cub_"],
        ["a" * 200 + "x", "a" * 200 + "y", "หมี", "หมู", "ÄÖ"],
        ["label", "low", "high", "id", "accuracy", "prediction", "pictures", "0", "True", "nan", "index"],
    ],
)
def test_labels_of_all_kinds_keep_metrics_of_their_own(tmp_path: Path, labels: list[str]) -> None:
    metrics, names, told = logged(tmp_path, labels)
    own = {names.get(name, name): value for name, value in metrics.items()}
    assert len(own) == len(metrics) == 3 + 4 + 2 * len(labels) + len(labels) ** 2
    for place, label in enumerate(labels):
        assert own[f"recall_{label}"] == own[f"split.train_share_{label}"] == place / 100
        for other, predicted in enumerate(labels):
            assert own[COUNT.format(true=label, predicted=predicted)] == place * len(labels) + other
    assert (own["accuracy"], own["main/accuracy"], own["accuracy_low"]) == (0.5, 0.5, 0.25)
    assert bool(names) == (METRIC_NAMES in told)


def test_texts_among_the_metrics_are_tags_that_can_be_compared(tmp_path: Path) -> None:
    data, _, _ = delivered(tmp_path, ["a", "b"], group_by="site", worst_site="S3 🐻")
    assert {name: data.tags[name] for name in data.tags if name.startswith("evaluate.")} == {
        "evaluate.group_by": "site",
        "evaluate.worst_site": "S3 🐻",
    }
    assert not {name for name in data.metrics if "site" in name}


@pytest.mark.parametrize("count", [MAX_LABELS, MAX_LABELS + 1])
def test_confusions_of_many_labels_stay_in_the_table_and_the_run_says_so(tmp_path: Path, count: int) -> None:
    metrics, names, told = logged(tmp_path, [f"label {number}" for number in range(count)])
    assert names == {}
    cells = [name for name in metrics if name.startswith("pictures of ")]
    assert len(cells) == (count**2 if count <= MAX_LABELS else 0)
    assert told == "" if cells else f"counts of {count} labels are in evaluate/confusion_matrix.csv" in told
    assert metrics[f"recall_label {count - 1}"] == (count - 1) / 100


def test_the_ui_shows_few_figures_first() -> None:
    """By the sections that it makes: see `fieldguide.tracking.figures`."""
    sections = {name.rpartition("/")[0] for name in [*FIRST, MATRIX, COUNT.format(true="a", predicted="b")]}
    assert sorted(sections) == ["main", "pictures of a"]


def test_the_confusion_matrix_is_an_image_and_a_table_of_the_run_once(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    file = put(paths.report("evaluate") / "confusion_matrix.png", noise(1))
    labels = ["bear", "0", "🐻, as \n"]
    counts = pd.DataFrame([[2, 0, 6], [0, 3, 0], [0, 0, 0]], pd.Index(labels, name="label"), labels)
    write_confusion(paths.report("evaluate") / "confusion_matrix.csv", counts)
    tracker = Tracker(paths)
    run = tracker.client.create_run(tracker.experiment).info.run_id

    def images() -> set[str]:
        tags = tracker.client.get_run(run).data.tags
        log_confusion_matrix(tracker, run, tags)
        return {image.path for image in tracker.client.list_artifacts(run, "images") if image.path.endswith(".png")}

    (first,) = images()
    assert images() == {first}
    tracker.client.delete_tag(run, CONFUSION_MATRIX)  # as where it was killed before it had said so
    assert images() == {first}
    assert tracker.client.get_run(run).data.tags["mlflow.loggedImages"] == "True"
    put(file, noise(2))
    assert len(images()) == 2
    table = json.loads(Path(tracker.client.download_artifacts(run, MATRIX_TABLE)).read_text("utf-8"))
    said = ["25 % right: 6 🐻, as \n, 2 bear", "100 % right: 3 0", ""]
    assert table == {
        "columns": ["true label", "predicted"],
        "data": [list(row) for row in zip(labels, said, strict=True)],
    }
    shown = json.loads(tracker.client.get_run(run).data.tags["mlflow.loggedArtifacts"])
    assert shown == [{"path": MATRIX_TABLE, "type": "table"}]


def test_the_image_has_a_name_as_mlflow_gives_one(tmp_path: Path) -> None:
    """By which its UI knows it."""
    paths = Paths(tmp_path)
    put(paths.report("evaluate") / "confusion_matrix.png", noise(1))
    write_confusion(paths.report("evaluate") / "confusion_matrix.csv", pd.DataFrame([[1]], ["a"], ["a"]))
    tracker = Tracker(paths)
    names = []
    for log in (
        lambda run: log_confusion_matrix(tracker, run, {}),
        lambda run: tracker.client.log_image(run, noise(1), key=MATRIX, step=0, synchronous=True),
    ):
        run = tracker.client.create_run(tracker.experiment).info.run_id
        log(run)
        found = sorted(image.path for image in tracker.client.list_artifacts(run, "images"))
        names.append([re.sub(r"\d{13}\+[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "TIME+ID", name) for name in found])
    assert names[0] == names[1]
    assert len(names[0]) == 2 and all("TIME+ID" in name for name in names[0])
