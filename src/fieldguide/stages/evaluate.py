"""evaluate: measures the classifier on the pictures that it was not trained on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from fieldguide.base.config import Config
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.base.stage_names import Stage
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, predictions_schema, read_table, write_table

if TYPE_CHECKING:
    from fieldguide.evaluation.metrics import Probabilities

TREE_PICTURES = 5000  # of the training pictures at most: enough for a small tree


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write the predictions for valid and test, and tables, figures and a page about test; return the metrics."""
    import torch

    from fieldguide.evaluation.baselines import majority_accuracy, not_beaten, tree_accuracy
    from fieldguide.evaluation.findings import write_findings
    from fieldguide.evaluation.gallery import hardest, mistakes, show
    from fieldguide.evaluation.metrics import confusion, measure, per_label
    from fieldguide.evaluation.page import Findings
    from fieldguide.evaluation.robustness import measure_shifts, show_shifts
    from fieldguide.evaluation.test_time_augmentation import predict_views
    from fieldguide.model.inference import calibrated, load_classifier, open_for, predict_logits
    from fieldguide.statistics.calibration import coverage, reliability

    table = read_table(paths.split_table, SPLIT)
    description = paths.classifier.with_suffix(".json")
    classifier = load_classifier(paths.classifier, description)
    record = read_json(description)["record"]["config"]
    torch.set_num_threads(record["train"]["threads"])  # another number would be another order of summing
    vocabulary, settings = classifier.vocabulary, cfg.evaluate

    def pictures(rows: pd.DataFrame, task: str) -> Iterator[Image.Image]:
        for path in tqdm(rows["clean_path"], desc=task, unit="picture", disable=None):
            yield open_for(classifier, paths.clean / path)

    unseen = table[table["split"].isin([Split.VALID, Split.TEST])].reset_index(drop=True)
    logits = predict_logits(classifier, pictures(unseen, "evaluate"))
    predictions = _predictions(unseen, calibrated(logits, classifier.temperature), vocabulary)
    write_table(predictions, paths.predictions, predictions_schema(vocabulary))

    logits = logits[predictions["split"] == Split.TEST]
    test = predictions[predictions["split"] == Split.TEST].reset_index(drop=True)
    targets = np.searchsorted(vocabulary, test["label"].to_numpy(str))
    probabilities, uncalibrated = calibrated(logits, classifier.temperature), calibrated(logits, 1.0)
    mirrored = any(transform["name"] == "flip" for transform in record["augment"]["transforms"])
    several = predict_views(classifier, pictures(test, "evaluate, several views"), probabilities, mirrored)
    some = _drawn(test, settings.shift_pictures)
    shifts = measure_shifts(
        classifier, pictures(some, "evaluate, shifts"), list(some["id"]), targets[some.index], probabilities[some.index]
    )

    train = _drawn(table[table["split"] == Split.TRAIN], TREE_PICTURES)
    surest = test.sort_values(["loss", "id"]).drop_duplicates("label").head(3)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    counts = confusion(targets, predicted, vocabulary)
    labels, worst = per_label(counts), hardest(test)
    figures: dict[str, float] = {
        **measure(targets, probabilities, uncalibrated, several, settings.bootstrap),
        "temperature": classifier.temperature,
        "baseline_accuracy": majority_accuracy(table.loc[table["split"] == Split.TRAIN, "label"], test["label"]),
        "baseline_tree_accuracy": tree_accuracy(
            pictures(train, "baseline, train"), train["label"], pictures(test, "baseline, test"), test["label"]
        ),
        **{f"shift_accuracy_{row['shift']}": row["accuracy"] for row in shifts.to_dict("records")},
        **{
            f"{name}_{row['label']}": row[name] for row in labels.to_dict("records") for name in ("precision", "recall")
        },
    }
    if warning := not_beaten(figures):
        print(f"warning: {warning}")
    metrics: Metrics = {name: round(value, 6) for name, value in figures.items()}
    findings = Findings(
        metrics=figures,
        warning=warning,
        test=test,
        counts=counts,
        labels=labels,
        reliability=reliability(confidence, predicted == targets),
        reliability_uncalibrated=reliability(uncalibrated.max(axis=1), predicted == targets),
        coverage=coverage(confidence, predicted == targets),
        shifts=shifts,
        examples=show_shifts(dict(zip(surest["id"], pictures(surest, "examples"), strict=True))),
        hardest=worst,
        hardest_shown=show(classifier, paths.clean, worst),
        pairs=[(title, show(classifier, paths.clean, rows)) for title, rows in mistakes(test, counts)],
    )
    write_findings(paths.report(Stage.EVALUATE), findings)
    return {**metrics, "shift_pictures": len(some), "test_pictures": len(test)}


def _predictions(unseen: pd.DataFrame, probabilities: "Probabilities", vocabulary: list[str]) -> pd.DataFrame:
    from fieldguide.evaluation.metrics import losses

    return unseen[["id", "clean_path", "split", "label"]].assign(
        prediction=np.array(vocabulary)[probabilities.argmax(axis=1)],
        probability=probabilities.max(axis=1),
        loss=losses(np.searchsorted(vocabulary, unseen["label"].to_numpy(str)), probabilities),
        **{f"probability_{label}": probabilities[:, position] for position, label in enumerate(vocabulary)},
    )


def _drawn(rows: pd.DataFrame, at_most: int) -> pd.DataFrame:
    """The same rows every time, as good as drawn by lot: ids are hashes."""
    return rows.sort_values("id").head(at_most)


if __name__ == "__main__":
    main(run)
