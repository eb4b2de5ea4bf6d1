"""Writing the findings of an evaluation: tables, figures, and the page that joins them."""

from pathlib import Path

from fieldguide.base.files import write_text
from fieldguide.base.shares import decimal
from fieldguide.data.csv_files import write_csv
from fieldguide.evaluation.page import Findings, evaluation_page
from fieldguide.evaluation.tables import write_confusion
from fieldguide.pages import figures
from fieldguide.pages.png import save_figure
from fieldguide.statistics.calibration import coverage_steps


def write_findings(folder: Path, found: Findings) -> None:
    """Write tables (csv), figures (png) and index.html into `folder`."""
    tables = {
        "confusion": found.test[["label", "prediction"]],
        "per_label": found.labels,
        "by_site": found.sites,
        "by_month": found.months,
        "reliability": found.reliability,
        "reliability_uncalibrated": found.reliability_uncalibrated,
        "reliability_groups": found.reliability_groups,
        "coverage": found.coverage,
        "shifts": found.shifts,
        "top_losses": found.hardest,
    }
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table, ".4f")
    write_confusion(folder / "confusion_matrix.csv", found.counts)
    title = f"test split: accuracy {decimal(found.metrics['accuracy'])} of {len(found.test)} pictures"
    galleries = [("", found.hardest_shown[start : start + 6]) for start in range(0, len(found.hardest_shown), 6)]
    charts = {
        "confusion_matrix": figures.confusion_figure(found.counts, title),
        "reliability": figures.reliability_figure(found.reliability_groups),
        "coverage": figures.coverage_figure(coverage_steps(found.coverage)),
        "shifts": figures.shifts_figure(found.shifts, found.examples),
        "top_losses": figures.gallery_figure(galleries),
        "confused_pairs": figures.gallery_figure(found.pairs),
    }
    for name, chart in charts.items():
        save_figure(chart, folder / f"{name}.png")
    write_text(folder / "index.html", evaluation_page(found))
