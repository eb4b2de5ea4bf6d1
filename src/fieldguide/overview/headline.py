"""The beginning of the page: the verdict in plain words, and the few figures that matter."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.evaluation.baselines import not_beaten
from fieldguide.overview.checked import read_checks
from fieldguide.overview.screened import alarm_rate, alarm_share, flagged_count, read_screen
from fieldguide.pages.figures import in_words
from fieldguide.pages.parts import percent

WEAK = 0.75  # a share of right answers below which pictures of a kind are named here
NAMED = 3


@dataclass(frozen=True)
class Stopped:
    """A run that a check stopped: in which stage, and what the terminal said."""

    stage: str
    message: str


def stop_verdict(paths: Paths, stopped: Stopped) -> str:
    """What stopped the run, and what to do."""
    when = {"validate": "before training: the pictures", "screen": "after training: the scores"}[stopped.stage]
    checks = read_checks(paths, stopped.stage)
    failed = checks[checks["state"] == "error"]
    rows = "".join(
        f"<li><b>{escape(in_words(row['name']))}</b>: {escape(row['observed'])}<br>"
        f"<small>{escape(row['limit'])}</small></li>"
        for row in failed.to_dict("records")
    )
    return (
        f'<p class="verdict error">Stopped {when} did not pass the checks</p>'
        f'<ul class="points">{rows}</ul><p>What follows is as far as the run came. The pictures are below; a limit '
        f"that is too narrow for them is set in conf/checks/. After that, <code>dvc repro</code> goes on. It said:</p>"
        f'<pre class="said">{escape(stopped.stage)}: {escape(stopped.message)}</pre>'
    )


def verdict(paths: Paths) -> str:
    """The verdict on the classifier, what to know beside it, and the headline figures."""
    metrics, screened = read_json(paths.metrics("evaluate")), read_screen(paths)
    checks = pd.concat([read_checks(paths, stage) for stage in ("validate", "screen")])
    warned = int((checks["state"] == "warning").sum())
    bad = not_beaten(metrics)
    tone = "warning" if bad else "passed"
    line = (
        "The classifier is no better than a simple rule: do not use it yet"
        if bad
        else f"The classifier names {_of_100(metrics['accuracy'])} of 100 new pictures correctly"
    )
    points = [
        f"That was measured on {metrics['test_pictures']} pictures that it had never seen. Of other pictures of the "
        f"same kind expect {_of_100(metrics['accuracy_low'])} to {_of_100(metrics['accuracy_high'])} of 100.",
        f"Always giving the most frequent label would be right {_of_100(metrics['baseline_accuracy'])} times of 100, "
        f"a simple rule on colours {_of_100(metrics['baseline_tree_accuracy'])} times.",
        _weak(metrics),
        f"{flagged_count(screened)} of {len(screened)} pictures look wrong or strange: a person should look at them.",
        f"{warned} of {len(checks)} checks of the data gave a warning." if warned else "All checks of the data passed.",
    ]
    listed = "".join(f"<li>{escape(point)}</li>" for point in points if point)
    said = f'<p class="verdict {tone}">{line}</p><ul class="points">{listed}</ul>'
    return said + _facts(paths, metrics, screened, checks)


def _weak(metrics: dict[str, Any]) -> str:
    prefix = "shift_accuracy_"
    shares = {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}
    weak = sorted((value, in_words(name)) for name, value in shares.items() if name != "unchanged" and value < WEAK)
    if not weak:
        return ""
    named = ", ".join(f"{name} ({_of_100(value)} of 100 right)" for value, name in weak[:NAMED])
    more = f" and {len(weak) - NAMED} more, see below" if len(weak) > NAMED else ""
    return f"Do not rely on it for pictures of these kinds: {named}{more}."


def _facts(paths: Paths, metrics: dict[str, Any], screened: pd.DataFrame, checks: pd.DataFrame) -> str:
    clean = read_json(paths.metrics("clean"))
    labels = pd.read_csv(paths.report("evaluate") / "per_label.csv", keep_default_na=False)
    weakest = labels.sort_values(["recall", "label"]).iloc[0].to_dict()
    share, interval = alarm_share(screened)
    passed = int((checks["state"] == "passed").sum())
    facts = [
        ("named correctly", percent(metrics["accuracy"]), _between(metrics, "accuracy")),
        (f"of {weakest['label']} found, the hardest label", percent(weakest["recall"]), _between(weakest, "recall")),
        ("of new pictures look odd", share, f"{interval}; promised {percent(alarm_rate(paths))}"),
        ("pictures used", str(clean["kept"]), f"of {clean['pictures']} that came in"),
        ("labels in doubt", str(int(screened["label_doubt"].sum())), "see below"),
        ("checks passed", f"{passed} of {len(checks)}", ""),
    ]
    cells = [f"<div><dt>{escape(name)}</dt><dd>{value}</dd><small>{more}</small></div>" for name, value, more in facts]
    return f"<dl>{''.join(cells)}</dl>"


def _between(metrics: Mapping[Any, Any], name: str) -> str:
    return f"{percent(metrics[f'{name}_low'])} to {percent(metrics[f'{name}_high'])}"


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}"
