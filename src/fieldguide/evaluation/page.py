"""The page that says how good the classifier is, where it fails, and how far the figures can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd
from PIL import Image

from fieldguide.evaluation.baselines import BASELINES
from fieldguide.pages.document import document
from fieldguide.pages.figures import Shown, coverage_figure, in_words, reliability_figure
from fieldguide.pages.parts import STYLE as PARTS_STYLE
from fieldguide.pages.parts import THUMBNAIL, chart_tag, html_table, image_tag, number, percent, share_cell
from fieldguide.statistics.calibration import at_coverage


@dataclass(frozen=True)
class Findings:
    """All that an evaluation found; the tables are those of the functions named beside them."""

    metrics: Mapping[str, float]
    warning: str  # "" if the classifier beats the baselines
    test: pd.DataFrame  # predictions for the test split
    counts: pd.DataFrame  # metrics.confusion
    labels: pd.DataFrame  # metrics.per_label
    reliability: pd.DataFrame  # confidence.reliability
    reliability_uncalibrated: pd.DataFrame
    coverage: pd.DataFrame  # confidence.coverage
    shifts: pd.DataFrame  # robustness.measure_shifts
    examples: Mapping[str, Image.Image]  # one picture for every row of shifts
    hardest: pd.DataFrame  # gallery.hardest
    hardest_shown: Sequence[Shown]  # the same, as pictures
    pairs: Sequence[tuple[str, Sequence[Shown]]]  # mistakes of the most confused pairs of labels


def evaluation_page(found: Findings) -> str:
    """The page as HTML; every text is escaped, since names of files and labels come from strangers."""
    metrics = found.metrics
    beaten = "Better than " + " and ".join(f"{text} ({percent(metrics[name])})" for name, text in BASELINES.items())
    tone = "warning" if found.warning else "passed"
    parts = [
        f'<p class="verdict {tone}">{escape(found.warning or beaten)}</p>',
        _facts(metrics, len(found.test)),
        "<h2>Labels</h2>",
        labels_table(found.labels),
        "<h2>Confusions</h2>",
        "<p>Rows are true labels, columns predictions; the bar is the share of the row.</p>",
        confusion_table(found.counts),
        *(f"<h3>{escape(title)}</h3>{gallery(shown)}" for title, shown in found.pairs),
        "<h2>Are its probabilities true?</h2>",
        calibration_text(metrics, len(found.test)),
        chart_tag(reliability_figure(found.reliability, found.reliability_uncalibrated), "reliability diagram"),
        "<h2>If it may say &ldquo;I do not know&rdquo;</h2>",
        coverage_text(found.coverage),
        chart_tag(coverage_figure(found.coverage), "accuracy against coverage"),
        "<h2>When pictures are different</h2>",
        f"<p>{found.shifts['pictures'].iloc[0]} of the {len(found.test)} test pictures, changed by a program as the "
        "world might change them. A confidence that stays high while the accuracy falls is the dangerous kind.</p>",
        _shifts(found.shifts, found.examples),
        "<h2>What it finds hardest</h2>",
        "<p>The test pictures with the highest loss: mistakes of the classifier, or of the labels.</p>",
        gallery(found.hardest_shown),
    ]
    return document("How good is the classifier?", "\n".join(parts), STYLE)


def _facts(metrics: Mapping[str, float], pictures: int) -> str:
    def between(name: str) -> str:
        form = percent if name.startswith(("accuracy", "macro_f1")) else number
        return f"{form(metrics[f'{name}_low'])} to {form(metrics[f'{name}_high'])}"

    facts = [
        ("accuracy", percent(metrics["accuracy"]), between("accuracy")),
        ("macro F1", percent(metrics["macro_f1"]), between("macro_f1")),
        ("log loss", number(metrics["log_loss"]), between("log_loss")),
        ("calibration error", number(metrics["ece"]), between("ece")),
        ("accuracy, several views", percent(metrics["accuracy_tta"]), between("accuracy_tta")),
        ("log loss, several views", number(metrics["log_loss_tta"]), between("log_loss_tta")),
        ("test pictures", str(pictures), "95 % intervals"),
    ]
    cells = [f"<div><dt>{name}</dt><dd>{value}</dd><small>{more}</small></div>" for name, value, more in facts]
    return f"<dl>{''.join(cells)}</dl>"


def labels_table(labels: pd.DataFrame) -> str:
    """Precision, recall and F1 of every label, of the table of `metrics.per_label`."""
    rows = [
        f"<tr><th>{escape(row['label'])}</th><td>{row['pictures']}</td>"
        f"{share_cell(row['precision'], (row['precision_low'], row['precision_high']))}"
        f"{share_cell(row['recall'], (row['recall_low'], row['recall_high']))}{share_cell(row['f1'])}</tr>"
        for row in labels.to_dict("records")
    ]
    return html_table(("label", "pictures", "precision", "recall", "F1"), rows)


def confusion_table(counts: pd.DataFrame) -> str:
    """The counts of `metrics.confusion`, with bars for the shares of each row."""
    rows = []
    for label, row in zip(counts.index, counts.to_numpy(), strict=True):
        cells = [
            f'<td class="share" style="--share: {100 * count / max(row.sum(), 1):.1f}%">{count}</td>' for count in row
        ]
        rows.append(f"<tr><th>{escape(label)}</th>{''.join(cells)}</tr>")
    return html_table(("", *counts.columns), rows)


def calibration_text(metrics: Mapping[str, float], pictures: int) -> str:
    """How far the probabilities for so many pictures can be believed."""
    served, trained, chance = (number(metrics[name]) for name in ("ece", "ece_uncalibrated", "ece_by_chance"))
    return (
        "<p>Of the predictions with confidence 0.8, 80 % should be right. The mean distance from that (expected "
        f"calibration error, 15 bins) is <b>{served}</b> as served and {trained} as trained; on {pictures} pictures "
        f"chance alone gives {chance} to probabilities that are perfectly true. The difference is the temperature "
        f"{metrics['temperature']:.3g}, fitted on the valid split; it takes the log loss from "
        f"{number(metrics['log_loss_uncalibrated'])} to {number(metrics['log_loss'])}.</p>"
    )


def coverage_text(table: pd.DataFrame) -> str:
    """What leaving the unsure pictures to a person brings, of the table of `confidence.coverage`."""
    rows = [at_coverage(table, share) for share in (0.9, 0.8)]
    said = " ".join(
        f"If it leaves all below {row['threshold']:.2f} to a person, it answers {percent(row['coverage'])} of the "
        f"pictures, and {percent(row['accuracy'])} of these answers are right."
        for row in rows
    )
    return f"<p>{said}</p>"


def _shifts(table: pd.DataFrame, examples: Mapping[str, Image.Image]) -> str:
    rows = [
        f"<tr><td>{image_tag(examples[row['shift']], row['shift'])}</td><th>{escape(in_words(row['shift']))}</th>"
        f"{share_cell(row['accuracy'], (row['accuracy_low'], row['accuracy_high']))}"
        f"<td>{100 * row['drop']:.1f}</td><td>{percent(row['confidence'])}</td></tr>"
        for row in table.to_dict("records")
    ]
    heads = ("", "shift", "accuracy", "lost points", "confidence")
    return html_table(heads, rows, "shifts")


def gallery(shown: Sequence[Shown], side: int = THUMBNAIL) -> str:
    """Pictures of at most `side` pixels, each with its lines, in as many columns as fit."""
    figures = []
    for one in shown:
        caption = "<br>".join(escape(line) for line in one.lines)
        figures.append(f"<figure>{image_tag(one.picture, side=side)}<figcaption>{caption}</figcaption></figure>")
    return f'<div class="gallery">{"".join(figures)}</div>'


STYLE = (
    PARTS_STYLE
    + """\
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .75rem; }
figure { margin: 0; padding: .5rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
figure img { width: 100%; height: 8rem; object-fit: contain; }
figcaption { font-size: .8rem; line-height: 1.35; margin-top: .4rem; }
.shifts img { min-width: 5rem; max-height: 3.5rem; }
.shifts th { overflow-wrap: normal; }
.shifts td:first-child { padding-right: 0; }
"""
)
