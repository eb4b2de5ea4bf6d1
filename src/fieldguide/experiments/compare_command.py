"""`fieldguide compare`: a page that shows runs side by side, and a summary for the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import indent

from PIL import Image

from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import write_text
from fieldguide.base.json_output import as_json
from fieldguide.base.paths import Paths
from fieldguide.base.shares import with_interval
from fieldguide.base.terminal import table
from fieldguide.data.images import PictureError, open_picture
from fieldguide.experiments.comparison import (
    Comparison,
    Results,
    compare,
    differing_answers,
    differing_choices,
    evidence,
    verdict,
)
from fieldguide.experiments.comparison_page import comparison_page
from fieldguide.experiments.run_results import read_results

SUMMARY_ROWS = {"accuracy": "accuracy", "macro_f1": "macro F1", "log_loss": "log loss", "ece": "calibration error"}
MAX_THUMBNAILS = 300  # of a page: about a megabyte
MAX_MEGAPIXELS = 25.0  # of a cleaned picture
MAX_VALUE_LENGTH, MAX_NAME_LENGTH = 28, 44  # characters of a value, and of a run's name, on the terminal


def compare_runs(paths: Paths, names: Sequence[str], out: Path | None = None, as_document: bool = False) -> str:
    """Write the page that compares runs; returns what a terminal shows.

    Parameters
    ----------
    names
        Two or more: ids, beginnings of ids or names in MLflow, or "." for the results in the checkout.
    out
        The page; default: reports/compare/<names>.html.
    as_document
        Whether to return JSON.

    Raises
    ------
    UserError
        If a run is not found or has no results, or if MLflow does not answer.
    """
    if len(names) < 2:
        raise UserError("give two or more runs, or `.` for the results in this checkout")
    found = compare(read_results(paths, names))
    page = out or Path("reports", "compare", f"{_file_name(found.runs)}.html")
    try:
        write_text(page if out else paths.root / page, comparison_page(found, _thumbnails(paths, found)))
    except OSError as error:
        raise UserError(f"{page} cannot be written ({error.strerror})") from None
    return as_json(_content(found, page)) if as_document else f"{_summary(found)}\n\n  see {page}"


def _content(found: Comparison, page: Path) -> dict[str, object]:
    """What is compared, for a program: the runs, their differing choices, and the tests against the first."""
    runs = [{"name": run.name, "run": run.run or None, "metrics": dict(run.metrics)} for run in found.runs]
    first = found.runs[0].name
    tests = [
        {
            "run": run.name,
            "against": first,
            **asdict(test),
            "beyond_chance": test.beyond_chance,
            "verdict": verdict(first, run.name, test),
        }
        for run, test in zip(found.runs[1:], found.tests, strict=True)
    ]
    choices = dict(differing_choices(found.runs))
    return {"runs": runs, "differing_choices": choices, "tests": tests, "note": found.note, "page": str(page)}


def _file_name(runs: Sequence[Results]) -> str:
    parts = ["".join(letter if letter.isalnum() else "-" for letter in run.name)[:24].strip("-") for run in runs]
    return "_".join(f"{part}-{run.run[:8] or 'checkout'}" for part, run in zip(parts, runs, strict=True))[:200]


def _thumbnails(paths: Paths, found: Comparison) -> dict[str, Image.Image]:
    """The cleaned pictures on which the runs differ, by id, as far as they are in the checkout."""
    rows = [row for _, group in differing_answers(found) for row in group.to_dict("records")]
    clean, pictures = paths.clean.resolve(), {}
    for row in rows[:MAX_THUMBNAILS]:
        path = (clean / row["clean_path"]).resolve()
        if not path.is_relative_to(clean):  # the table may come from an untrusted server
            continue
        try:
            pictures[str(row["id"])] = open_picture(path, MAX_MEGAPIXELS)
        except (PictureError, OSError):
            continue
    return pictures


def _summary(found: Comparison) -> str:
    names = [run.name for run in found.runs]
    rows = [*differing_choices(found.runs)]
    rows += [(text, [_figure(run.metrics, name) for run in found.runs]) for name, text in SUMMARY_ROWS.items()]
    headers = ["", *(_short(name, MAX_NAME_LENGTH) for name in names)]
    figures = table([[name, *map(_short, values)] for name, values in rows], headers)
    verdicts = [found.note] if found.note else []
    for name, test in zip(names[1:], found.tests, strict=True):
        verdicts += [verdict(names[0], name, test), f"  {evidence(names[0], name, test)}"]
    return indent("\n".join([figures, "", *map(printable, verdicts)]), "  ")


def _figure(metrics: Mapping[str, float], name: str) -> str:
    if name not in metrics:
        return "-"
    return with_interval(*(metrics[f"{name}{end}"] for end in ("", "_low", "_high")))


def _short(text: str, most: int = MAX_VALUE_LENGTH) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
