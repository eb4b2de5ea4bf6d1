"""The figures of a run in MLflow, named so that its UI shows the few that matter first.

The UI makes a section of what is before the last slash of a metric or an image, in the order of their character codes;
names without a slash are in the section "Model metrics", which comes after them. Its third view shows tables of several
runs side by side, one row for each value of their first column.
"""

import json
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pandas as pd
from PIL import Image

from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.shares import percent
from fieldguide.base.stage_names import Stage
from fieldguide.evaluation.tables import read_confusion
from fieldguide.tracking.tags import CONFUSION_MATRIX, LOGGED_TABLES, MATRIX_TABLE, METRIC_NAMES
from fieldguide.tracking.tracker import Tracker

FIRST = {  # sorts before COUNT
    "main/accuracy": "accuracy",
    "main/macro F1": "macro_f1",
    "main/log loss": "log_loss",
    "main/calibration error": "ece",
}
MATRIX = "main/confusion matrix"
COUNT = "pictures of {true}/as {predicted}"  # a section for each row of the matrix
MAX_LABELS = 20  # whose confusion counts are metrics: their number is its square


def log_figures(tracker: Tracker, run: str) -> str:
    """Log the metrics of all stages, the most important ones again in a section of their own, and the confusion counts.

    What is a text among them, as the worst site, becomes a tag `evaluate.worst_site`.

    Returns notes on them for the run's description, or "".
    """
    paths = tracker.paths
    metrics: dict[str, Any] = {}
    for stage in (Stage.DOWNLOAD, Stage.CLEAN, Stage.VALIDATE, Stage.SPLIT, Stage.TRAIN):
        metrics |= {f"{stage}.{name}": value for name, value in read_json(paths.metrics(stage)).items()}
    evaluated = read_json(paths.metrics(Stage.EVALUATE))
    metrics |= evaluated | {shown: evaluated[name] for shown, name in FIRST.items() if name in evaluated}
    counts = read_confusion(paths.report(Stage.EVALUATE) / "confusion_matrix.csv")
    notes = []
    if len(counts) <= MAX_LABELS:
        cells = zip(counts.index, counts.to_numpy().tolist(), strict=True)
        metrics |= {
            COUNT.format(true=true, predicted=predicted): count
            for true, row in cells
            for predicted, count in zip(counts.columns, row, strict=True)
        }
    else:
        notes.append(
            f"The confusion counts of {len(counts)} labels are in evaluate/confusion_matrix.csv and .png; they are "
            f"metrics too where there are at most {MAX_LABELS} labels."
        )
    tracker.log_metrics(run, metrics)
    tracker.log_texts(run, {f"{Stage.EVALUATE}.{name}": value for name, value in evaluated.items()})
    if renamed := tracker.log_metric_names(run, metrics):
        notes.append(f"{renamed} metrics have names that MLflow does not accept: {METRIC_NAMES} lists them.")
    return "\n\n".join(notes)


def log_confusion_matrix(tracker: Tracker, run: str, tags: dict[str, str]) -> None:
    """Log the confusion matrix as an image, and as a table that the UI shows for several runs side by side; once.

    The image has a name as MLflow gives one, but of the file's own time and content: what was killed in between is
    replaced by the next call, where MLflow would put another image beside it.
    """
    from mlflow.tracking.multimedia import compress_image_size
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_IMAGES

    report, client = tracker.paths.report(Stage.EVALUATE), tracker.client
    file = report / "confusion_matrix.png"
    digest = sha256_of_file(file)
    if tags.get(CONFUSION_MATRIX) == digest:
        return
    drawn, identity = int(file.stat().st_mtime * 1000), uuid5(NAMESPACE_OID, digest)
    name = f"images/{MATRIX.replace('/', '~')}+step+0+timestamp+{drawn}+{identity}"
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    client.log_image(run, picture, artifact_file=f"{name}.png")
    client.log_image(run, compress_image_size(picture), artifact_file=f"{name}+compressed.webp")
    client.set_tag(run, MLFLOW_LOGGED_IMAGES, "True")
    client.log_dict(run, _matrix_table(read_confusion(report / "confusion_matrix.csv")), MATRIX_TABLE)
    client.set_tag(run, LOGGED_TABLES, json.dumps([{"path": MATRIX_TABLE, "type": "table"}]))
    client.set_tag(run, CONFUSION_MATRIX, digest)


def _matrix_table(counts: pd.DataFrame) -> dict[str, Any]:
    """A row for each true label: `93 % right: 70 black, 4 grizzly, 1 teddy`, the most frequent prediction first."""
    rows = []
    for place, (true, row) in enumerate(zip(counts.index, counts.to_numpy().tolist(), strict=True)):
        cells = sorted(zip(row, counts.columns, strict=True), key=lambda cell: -cell[0])
        predicted = ", ".join(f"{count} {label}" for count, label in cells if count)
        rows.append([true, f"{percent(row[place] / sum(row), 0)} right: {predicted}" if predicted else ""])
    return {"columns": ["true label", "predicted"], "data": rows}
