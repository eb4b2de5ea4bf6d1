"""When the classifier that sees only the border of each picture is too good, and what pages and the terminal say."""

from collections.abc import Iterator, Mapping
from typing import Any

from fieldguide.base.shares import between, percent

BORDER = 0.1  # of the width and of the height, on each side
ALIKE = 0.8  # the share of pictures up to which middle and corners count as not told apart; guessing has 0.5
REMEDIES = (
    "crop to boxes (clean.crop), split by site (split.group_by: site) to see what is left at new places, and collect "
    "pictures of each label before other backgrounds"
)


def stands_out(metrics: Mapping[str, Any]) -> bool:
    """Whether the border brings more than half of what the classifier knows beyond guessing: by the interval's end."""
    half = (metrics["baseline_accuracy"] + metrics["accuracy"]) / 2
    return bool(metrics["border_gain_low"] > 0 and metrics["border_accuracy_low"] > half)


def border_warning(metrics: Mapping[str, Any]) -> str:
    """The warning where labels can be told from the background, of the metrics of `evaluate`; "" elsewhere."""
    if "border_accuracy" not in metrics or not stands_out(metrics) or _is_surface(metrics):
        return ""
    return (
        f"the background may give the labels away: {_named(metrics)}. The classifier may have learned the background "
        f"and not what is before it: {REMEDIES}"
    )


def border_sentences(metrics: Mapping[str, Any]) -> list[str]:
    """The warning, or else what there is to say, as whole sentences; none for older metrics."""
    warning = border_warning(metrics)
    return [f"{warning[0].upper()}{warning[1:]}."] if warning else list(border_lines(metrics))


def border_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    """A sentence on it where there is no warning; none for older metrics, which lack it."""
    if "border_accuracy" not in metrics or border_warning(metrics):
        return
    if stands_out(metrics):
        told = percent(metrics["middle_told"])
        yield (
            f"The border shows the same as the middle: {_named(metrics)}, and the middle is told from the corners in "
            f"only {told} of the pictures. So it is with surfaces and close-ups, which have no background."
        )
    elif metrics["border_gain_low"] > 0:
        yield (
            "The background says something about the labels, but was not shown to say more than half of what the "
            f"classifier knows: {_named(metrics)}."
        )
    else:
        yield f"No sign that the background gives the labels away: {_named(metrics)}."


def _named(metrics: Mapping[str, Any]) -> str:
    accuracy, guessing, classifier = (
        percent(metrics[name]) for name in ("border_accuracy", "baseline_accuracy", "accuracy")
    )
    reach = between(metrics["border_accuracy_low"], metrics["border_accuracy_high"])
    return (
        f"the border alone, {percent(BORDER, 0)} of each side, names {accuracy} of {metrics['border_pictures']} unseen "
        f"pictures rightly (95 % interval {reach} %; the most frequent label {guessing}, the "
        f"classifier {classifier})"
    )


def _is_surface(metrics: Mapping[str, Any]) -> bool:
    return bool(metrics["middle_told"] <= ALIKE)
