"""The page that shows runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from fieldguide.base.shares import decimal
from fieldguide.experiments.comparison import (
    Comparison,
    Results,
    differing_answers,
    differing_choices,
    evidence,
    verdict,
)
from fieldguide.experiments.comparison_charts import comparison_curves, matrices
from fieldguide.pages.parts import in_words
from fieldguide.pages.render import render

THUMBNAIL = 96  # pixels of the longer side
NOTHING = "\N{EN DASH}"
SHIFT = "shift_accuracy_"
PICTURES = "test_pictures"
FIGURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "ece": "calibration error",
    "accuracy_tta": "accuracy, test-time augmentation",
    "accuracy_at_coverage_90": "accuracy at 90 % coverage",
    "accuracy_at_coverage_80": "accuracy at 80 % coverage",
    "train.valid_accuracy": "valid accuracy",
    PICTURES: "test pictures",
}
IN_UNITS = ("log_loss", "ece")  # the other figures are shares


@dataclass(frozen=True)
class Figure:
    """A run's metric: a share with its interval, or else a text with what it lies between."""

    text: str = NOTHING
    between: str = ""
    share: float | None = None
    low: float | None = None
    high: float | None = None


def comparison_page(found: Comparison, thumbnails: Mapping[str, Image.Image]) -> str:
    """The page as HTML; `thumbnails` are pictures by id, as far as they are here."""
    runs = found.runs
    return render(
        "experiments/comparison.html",
        title="Which run is better?",
        found=found,
        names=[run.name for run in runs],
        verdicts=_verdicts(found),
        choices=differing_choices(runs),
        figures=_figures(runs, FIGURES),
        shifts=_figures(runs, _shifts(runs)),
        pictures=len(found.answers[0]),
        labels=list(found.matrices[0].columns),
        matrices=matrices(found),
        curves=comparison_curves(runs),
        groups=[(title, rows.to_dict("records")) for title, rows in differing_answers(found)],
        thumbnails=thumbnails,
        side=THUMBNAIL,
    )


def _verdicts(found: Comparison) -> list[dict[str, str]]:
    first, verdicts = found.runs[0].name, []
    for other, test in zip(found.runs[1:], found.tests, strict=True):
        tone = "" if not test.beyond_chance else "passed" if test.difference > 0 else "warning"
        said = {"verdict": verdict(first, other.name, test), "evidence": evidence(first, other.name, test)}
        verdicts.append({"tone": tone, **said})
    return verdicts


def _figures(runs: Sequence[Results], names: Mapping[str, str]) -> list[tuple[str, list[Figure]]]:
    return [(text, [_figure(run.metrics, name) for run in runs]) for name, text in names.items()]


def _shifts(runs: Sequence[Results]) -> dict[str, str]:
    names = dict.fromkeys(name for run in runs for name in run.metrics if name.startswith(SHIFT))
    return {name: in_words(name.removeprefix(SHIFT)) for name in names}


def _figure(metrics: Mapping[str, float], name: str) -> Figure:
    if name not in metrics:
        return Figure()
    value, low, high = metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    if name == PICTURES:
        return Figure(f"{value:.0f}")
    if name not in IN_UNITS:
        return Figure(share=value, low=low, high=high)
    return Figure(decimal(value), "" if low is None or high is None else f"{decimal(low)} to {decimal(high)}")
