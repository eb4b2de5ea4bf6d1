"""The beginning of the page: the verdict in plain words, and the headline figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.stopped import Stopped
from fieldguide.evaluation.baselines import not_beaten
from fieldguide.evaluation.tables import read_evaluation
from fieldguide.overview.checks_section import read_checks
from fieldguide.overview.screening_section import alarm_promise, alarm_share, flagged_count, read_screen
from fieldguide.pages.parts import in_words, percent

LOW_ACCURACY = 0.75  # shifts below it are named
MAX_NAMED = 3


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
    """The verdict on the classifier, what to know beside it, and the headline figures."""
    metrics, screened = read_json(paths.metrics("evaluate")), read_screen(paths)
    checks = pd.concat([read_checks(paths, stage) for stage in ("validate", "screen")])
    warned = int((checks["state"] == "warning").sum())
    bad = not_beaten(metrics)
    line = (
        "The classifier is no better than a simple rule: do not use it yet"
        if bad
        else f"The classifier labels {_of_100(metrics['accuracy'])} of 100 new pictures correctly"
    )
    points = [
        f"That was measured on {metrics['test_pictures']} pictures that it had never seen. Of other pictures of the "
        f"same kind expect {_of_100(metrics['accuracy_low'])} to {_of_100(metrics['accuracy_high'])} of 100.",
        f"Always predicting the most frequent label would be right {_of_100(metrics['baseline_accuracy'])} times of "
        f"100, a simple rule on colours {_of_100(metrics['baseline_tree_accuracy'])} times.",
        _weak(metrics),
        f"{flagged_count(screened)} of {len(screened)} pictures are out of domain or have a label in doubt: a person "
        "should review them.",
        f"{warned} of {len(checks)} data checks gave a warning." if warned else "All data checks passed.",
    ]
    return Verdict(
        "warning" if bad else "passed",
        line,
        [point for point in points if point],
        _facts(paths, metrics, screened, checks),
    )


def _weak(metrics: dict[str, Any]) -> str:
    prefix = "shift_accuracy_"
    shares = {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}
    weak = sorted(
        (value, in_words(name)) for name, value in shares.items() if name != "unchanged" and value < LOW_ACCURACY
    )
    if not weak:
        return ""
    named = ", ".join(f"{name} ({_of_100(value)} of 100 right)" for value, name in weak[:MAX_NAMED])
    more = f" and {len(weak) - MAX_NAMED} more, see below" if len(weak) > MAX_NAMED else ""
    return f"Do not rely on it under these shifts: {named}{more}."


def _facts(
    paths: Paths, metrics: dict[str, Any], screened: pd.DataFrame, checks: pd.DataFrame
) -> list[tuple[str, str, str]]:
    clean = read_json(paths.metrics("clean"))
    labels = read_evaluation(paths.report("evaluate"), "per_label")
    weakest = labels.sort_values(["recall", "label"]).iloc[0].to_dict()
    share, interval = alarm_share(screened)
    promise = alarm_promise(paths)
    passed = int((checks["state"] == "passed").sum())
    return [
        ("accuracy", percent(metrics["accuracy"]), _between(metrics, "accuracy")),
        (f"recall of {weakest['label']}, the weakest label", percent(weakest["recall"]), _between(weakest, "recall")),
        (
            "test pictures out of domain",
            share,
            f"{interval}; expected {percent(promise.rate)}{f', {promise.interval}' if promise.interval else ''}",
        ),
        ("pictures used", str(clean["kept"]), f"of {clean['pictures']} that came in"),
        ("labels in doubt", str(int(screened["label_doubt"].sum())), "see below"),
        ("checks passed", f"{passed} of {len(checks)}", ""),
    ]


def _between(metrics: Mapping[Any, Any], name: str) -> str:
    return f"{percent(metrics[f'{name}_low'])} to {percent(metrics[f'{name}_high'])}"


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}"
