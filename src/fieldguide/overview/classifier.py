"""How good the classifier is, on pictures that it has never seen."""

from html import escape

import pandas as pd

from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.evaluation.page import calibration_text, confusion_table, coverage_text, labels_table
from fieldguide.overview.pictures import titled_gallery
from fieldguide.pages.figures import coverage_figure, in_words, reliability_figure
from fieldguide.pages.learning_curves import curves_figure
from fieldguide.pages.parts import chart_tag, html_table, percent, share_cell

HARDEST = 12


def answers(paths: Paths) -> str:
    """How often it is right, by label, what it takes for what, and the pictures that it finds hardest."""
    counts = pd.read_csv(paths.report("evaluate") / "confusion_matrix.csv", index_col="label", keep_default_na=False)
    hardest = _table(paths, "top_losses").head(HARDEST)
    shown = [
        (row["clean_path"], (f"label {row['label']}", f"said {row['prediction']}, {row['probability']:.0%}"))
        for row in hardest.to_dict("records")
    ]
    return "\n".join(
        [
            "<p>Precision: how often a label is right when it is given. Recall: how many of a label&rsquo;s pictures "
            "are found. In small figures the 95 % intervals.</p>",
            labels_table(_table(paths, "per_label")),
            "<h3>What it takes for what</h3>",
            "<p>Rows are true labels, columns what it said.</p>",
            confusion_table(counts),
            titled_gallery(paths, "What it finds hardest", shown, HARDEST),
        ]
    )


def shifts(paths: Paths) -> str:
    """How often it is right when pictures are different."""
    rows = [
        f"<tr><th>{escape(in_words(row['shift']))}</th>"
        f"{share_cell(row['accuracy'], (row['accuracy_low'], row['accuracy_high']))}"
        f"<td>{percent(row['confidence'])}</td></tr>"
        for row in _table(paths, "shifts").to_dict("records")
    ]
    text = "<p>The test pictures, changed by a program as the world might change them.</p>"
    return text + html_table(("pictures", "right", "how sure it was"), rows)


def sureness(paths: Paths) -> str:
    """Whether its probabilities are true, and what leaving the unsure pictures to a person brings."""
    metrics, coverage = read_json(paths.metrics("evaluate")), _table(paths, "coverage")
    reliability = reliability_figure(_table(paths, "reliability"), _table(paths, "reliability_uncalibrated"))
    return "\n".join(
        [
            calibration_text(metrics, metrics["test_pictures"]),
            chart_tag(reliability, "reliability diagram"),
            coverage_text(coverage),
            chart_tag(coverage_figure(coverage), "accuracy against coverage"),
        ]
    )


def learning(paths: Paths) -> str:
    """The course of the training."""
    metrics = read_json(paths.metrics("train"))
    history, search = (pd.read_csv(paths.report("train") / f"{name}.csv") for name in ("history", "lr_find"))
    figure = curves_figure(history, metrics["best_epoch"], search, metrics["lr"])
    rounds = (
        f"{metrics['epochs']} rounds over the training pictures; the weights of round {metrics['best_epoch']} were kept"
    )
    return f"<p>{rounds}.</p>" + chart_tag(figure, "learning curves")


def _table(paths: Paths, name: str) -> pd.DataFrame:
    return pd.read_csv(paths.report("evaluate") / f"{name}.csv", keep_default_na=False)
