"""evaluate: measures the classifier on the pictures that it was not trained on."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from fieldguide.base.config import Config
from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, predictions_schema, read_table, write_table
from fieldguide.stages.runner import Metrics, main


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write the predictions for valid and test, the confusion matrix and the figures per label; return the metrics."""
    from fieldguide.model.predict import load_classifier, open_for, predict
    from fieldguide.report.figures import confusion_figure, save_figure
    from fieldguide.report.metrics import baseline_accuracy, confusion, headline, per_label

    report = paths.report("evaluate")
    table = read_table(paths.split_table, SPLIT)
    classifier = load_classifier(paths.classifier, paths.classifier.with_suffix(".json"))
    vocabulary = classifier.vocabulary

    unseen = table[table["split"].isin([Split.VALID, Split.TEST])].reset_index(drop=True)
    files = tqdm([paths.clean / path for path in unseen["clean_path"]], desc="evaluate", unit="picture", disable=None)
    probabilities = predict(classifier, (open_for(classifier, file) for file in files))
    predictions = unseen[["id", "clean_path", "split", "label"]].assign(
        prediction=np.array(vocabulary)[probabilities.argmax(axis=1)],
        probability=probabilities.max(axis=1),
        loss=-np.log(np.maximum(probabilities[np.arange(len(unseen)), _positions(unseen["label"], vocabulary)], 1e-15)),
        **{f"probability_{label}": probabilities[:, position] for position, label in enumerate(vocabulary)},
    )
    write_table(predictions, report / "predictions.parquet", predictions_schema(vocabulary))

    tested = predictions[predictions["split"] == Split.TEST]
    labels, predicted = tested["label"].to_numpy(str), tested["prediction"].to_numpy(str)
    metrics = headline(labels, probabilities[tested.index], vocabulary)
    trained = table.loc[table["split"] == Split.TRAIN, "label"].to_numpy(str)
    metrics["baseline_accuracy"] = baseline_accuracy(trained, labels)

    counts = confusion(labels, predicted, vocabulary)
    write_text(report / "confusion_matrix.csv", counts.to_csv())
    write_text(report / "confusion.csv", tested[["label", "prediction"]].to_csv(index=False))
    title = f"test split: accuracy {metrics['accuracy']:.3f} of {len(tested)} pictures"
    save_figure(confusion_figure(counts, title), report / "confusion_matrix.png")
    each = per_label(labels, predicted, vocabulary)
    write_text(report / "per_label.csv", each.to_csv(index=False, float_format="%.4f"))
    for row in each.to_dict("records"):
        metrics[f"precision_{row['label']}"] = row["precision"]
        metrics[f"recall_{row['label']}"] = row["recall"]
    rounded: Metrics = {name: round(value, 6) for name, value in metrics.items()}
    return {**rounded, "test_pictures": len(tested)}


def _positions(labels: "pd.Series[str]", vocabulary: list[str]) -> list[int]:
    position = {label: number for number, label in enumerate(vocabulary)}
    return [position[label] for label in labels]


if __name__ == "__main__":
    main(run)
