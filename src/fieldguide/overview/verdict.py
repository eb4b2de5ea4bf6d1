"""The beginning of the page: the verdict in plain words, and the headline figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.shares import of_100, percent
from fieldguide.base.stopped import Stopped
from fieldguide.checks.set_notes import issue_notes
from fieldguide.data.counts import COUNTS, read_counts, said
from fieldguide.evaluation.baselines import is_beaten, not_beaten
from fieldguide.evaluation.border_verdict import border_sentences, border_warning
from fieldguide.evaluation.field_section import site_lines, witness_lines
from fieldguide.evaluation.tables import are_unequal, read_evaluation
from fieldguide.overview.checks_section import read_checks
from fieldguide.overview.screening_section import alarm_promise, read_screen
from fieldguide.pages.parts import in_words

LOW_ACCURACY = 0.75  # shifts whose interval is not above it are named
MAX_NAMED = 3
REVIEWED = (  # what a person is asked about
    "screen.label_doubts",
    "screen.weak_label_doubts",
    "screen.out_of_domain",
    "screen.twins",
    "screen.low_quality",
)


@dataclass(frozen=True)
class StopVerdict:
    """What stopped the run, and the rows of checks.csv that did it, if a check did."""

    line: str
    failed: Sequence[dict[Any, Any]]


@dataclass(frozen=True)
class Verdict:
    """A sentence and its tone (passed or warning), what to know beside it, and figures: name, value and remark."""

    tone: str
    line: str
    points: Sequence[str]
    facts: Sequence[tuple[str, str, str]]


def stop_verdict(paths: Paths, stopped: Stopped) -> StopVerdict:
    """What stopped the run."""
    if not stopped.by_check:
        return StopVerdict(f"Stopped in the stage {stopped.stage}", [])
    when = {"validate": "before training: the pictures", "screen": "after training: the scores"}[stopped.stage]
    checks = read_checks(paths, stopped.stage)
    failed = checks[checks["state"] == "error"].to_dict("records")
    return StopVerdict(f"Stopped {when} did not pass the checks", failed)


def verdict(paths: Paths) -> Verdict:
    """The verdict on the classifier, what to know beside it, and the headline figures.

    All follows from intervals: it is good where it was shown to be, not where it may be.
    """
    metrics, screened = read_json(paths.metrics("evaluate")), read_screen(paths)
    checks = pd.concat([read_checks(paths, stage) for stage in ("validate", "screen")])
    counts = read_counts(paths, ("clean", "screen"))
    between = f"95 % interval: {of_100(metrics['accuracy_low'])} to {of_100(metrics['accuracy_high'])}"
    background = border_warning(metrics)
    points = [
        f"That was measured on {metrics['test_pictures']} pictures that it had never seen.",
        *witness_lines(metrics),
        *site_lines(metrics),
        f"Always predicting the most frequent label would be right {of_100(metrics['baseline_accuracy'])} times of "
        f"100, a simple rule on colours {of_100(metrics['baseline_tree_accuracy'])} times.",
        *border_sentences(metrics),
        *_under_shifts(read_evaluation(paths.report("evaluate"), "shifts")),
        *(f"{note}: the set is like that." for note in _about_the_set(checks, screened)),
        _to_review(counts),
        _checks_in_words(checks),
    ]
    line = f"The classifier labels {of_100(metrics['accuracy'])} of 100 new pictures correctly ({between})"
    if not_beaten(metrics):
        line = (
            "The classifier is no better than a simple rule: do not use it yet"
            if is_beaten(metrics)
            else f"{line}, but was not shown to be better than a simple rule: measure it on more pictures"
        )
    elif background:
        line = f"{line}, but it may go by their background"
    tone = "warning" if not_beaten(metrics) or background else "passed"
    return Verdict(tone, line, points, _facts(paths, metrics, counts, checks))


def _under_shifts(shifts: pd.DataFrame) -> Iterator[str]:
    """Under which shifts it is not reliable, and under which that is not known."""
    changed = shifts[shifts["shift"] != "unchanged"].sort_values(["accuracy", "shift"])
    weak = changed["accuracy_high"] < LOW_ACCURACY
    if weak.any():
        yield f"Do not rely on it under these shifts: {_named(changed[weak])}."
    if (unsure := ~weak & (changed["accuracy_low"] < LOW_ACCURACY)).any():
        yield f"Too few pictures to rely on it under these: {_named(changed[unsure])}."


def _named(shifts: pd.DataFrame) -> str:
    rows = shifts.to_dict("records")
    named = [f"{in_words(row['shift'])} ({of_100(row['accuracy'])} of 100 right)" for row in rows]
    more = f" and {len(named) - MAX_NAMED} more, see below" if len(named) > MAX_NAMED else ""
    return ", ".join(named[:MAX_NAMED]) + more


def _about_the_set(checks: pd.DataFrame, screened: pd.DataFrame) -> list[str]:
    """What most of the pictures are like."""
    said = list(checks.loc[checks["state"] == "note", "observed"])
    return [*said, *issue_notes(screened, said)]


def _to_review(counts: Mapping[str, int]) -> str:
    key = "screen.review_queue"
    if not counts[key]:
        return "No picture waits for a review."
    kinds = [kind for kind in REVIEWED if counts[kind]]
    return f"{said(counts, key)}: among them {said(counts, *kinds)}." if kinds else f"{said(counts, key)}."


def _checks_in_words(checks: pd.DataFrame) -> str:
    warned = int((checks["state"] == "warning").sum())
    return f"{warned} of {len(checks)} data checks gave a warning." if warned else "No data check gave a warning."


def _others_in_words(checks: pd.DataFrame) -> str:
    """How many warn, stop, or tell what the whole set is like."""
    counts = [(int((checks["state"] == state).sum()), state) for state in ("error", "warning", "note")]
    return ", ".join(f"{count} {state}{'s' if count > 1 else ''}" for count, state in counts if count)


def _facts(
    paths: Paths, metrics: Mapping[str, Any], counts: Mapping[str, int], checks: pd.DataFrame
) -> list[tuple[str, str, str]]:
    screen = read_json(paths.metrics("screen"))
    labels = read_evaluation(paths.report("evaluate"), "per_label")
    lowest = labels.sort_values(["recall", "label"]).iloc[0].to_dict()
    promise = alarm_promise(paths)
    passed = int((checks["state"] == "passed").sum())
    return [
        ("accuracy", percent(metrics["accuracy"]), _between(metrics, "accuracy")),
        *([("macro F1", percent(metrics["macro_f1"]), _between(metrics, "macro_f1"))] if are_unequal(labels) else []),
        (f"recall of {lowest['label']}, the lowest", percent(lowest["recall"]), _between(lowest, "recall")),
        (
            COUNTS["screen.test_alarms"].many,
            f"{counts['screen.test_alarms']} of {screen['test_pictures']}",
            f"{_between(screen, 'test_alarm_rate')}: "
            f"{promise.against(screen['test_alarm_rate_low'], screen['test_alarm_rate_high'])}",
        ),
        (
            COUNTS["clean.kept"].many,
            str(counts["clean.kept"]),
            f"of {said(counts, 'clean.pictures')}",
        ),
        (COUNTS["screen.label_doubts"].many, str(counts["screen.label_doubts"]), "see below"),
        ("checks passed", f"{passed} of {len(checks)}", _others_in_words(checks)),
    ]


def _between(metrics: Mapping[Any, Any], name: str) -> str:
    return f"{percent(metrics[f'{name}_low'])} to {percent(metrics[f'{name}_high'])}"
