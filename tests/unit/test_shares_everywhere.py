"""Nowhere is a share that is nearly all or nothing shown as 1 or as 0: on pages, in lines, by the app's scripts."""

import csv
import html
import io
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import browser
from evaluated import findings
from fieldguide.base.config import RetrainConfig
from fieldguide.base.files import read_json, write_json, write_text
from fieldguide.base.paths import Paths
from fieldguide.base.shares import between, decimal, percent
from fieldguide.configuration.compose import compose
from fieldguide.data.status import Status
from fieldguide.evaluation.baselines import not_beaten
from fieldguide.evaluation.border_verdict import border_lines
from fieldguide.evaluation.page import evaluation_page
from fieldguide.experiments import compare_command
from fieldguide.experiments.comparison import Results
from fieldguide.overview.page import overview_page
from fieldguide.overview.provenance import chosen
from fieldguide.overview.summary import summarize
from fieldguide.pages.figures import confusion_figure, coverage_figure, reliability_figure
from fieldguide.release.gate.command import decision_in_words
from fieldguide.release.gate.decision import Decision
from fieldguide.release.gate.rules import Outcome, Rule
from fieldguide.retraining.triggers import Doubts, Facts, decide
from fieldguide.statistics.noninferiority import Verdict
from fieldguide.tracking import run_list
from fieldguide.training.kept_epoch import kept_epoch
from results import METRICS, write_results

SOURCE = Path(__file__).parents[2] / "src" / "fieldguide"
SCRIPTS = SOURCE / "app" / "static"
NEARLY = (0.9996, 0.0004)
KEPT = ("drop", "coverage")  # a difference, and what pages look a row up by
TRULY_ALL_ANSWERED = ["100.0 %"] * 2  # at both coverages that pages tell
# Of all or nothing: 1.000, 0.00, 100 %, 0.0 %, 100 of 100, an interval's "to 100" or "(0 to".
ALL_OR_NOTHING = re.compile(r"(?<![\d.+-])(?:[01]\.0+(?!\d)|(?:100|0)(?:\.0)? (?:%|of 100)|0 to )|to 100(?! \w)")
NUMBERS_BY_THEMSELVES = {
    "*.py": (
        r"(?<!\+)[:%]\.[3-9]f|(?<!\+):\.\d%\}",
        r"100 \* [^{}]*(?<!\+):\.\d+f\} %",
        r"(?<!\+):\.2f\}(?! times| \{_machine_id)",  # how many times as large; a moment
    ),
    "*.html": (r'%\.\df" \| format\((?!100 \* share\) \}\}%|100 \* row\.drop\)|cell\.strength\))',),  # widths, points
    "*.md": (r"%\.\df",),
    "*.js": (r"\.toFixed\(",),
}


def shown_as_all_or_nothing(text: str) -> list[str]:
    """What a reader sees of such figures."""
    body = re.sub(r"<style.*?</style>|<svg.*?</svg>", "", text, flags=re.DOTALL)
    return [found[0] for found in ALL_OR_NOTHING.finditer(html.unescape(re.sub(r"<[^>]*>", " ", body)))]


def with_shares(figures: dict[str, Any], share: float) -> dict[str, Any]:
    """Figures in which every share is that one; what is a count, a gain or no number stays."""

    def changed(name: str, value: Any) -> Any:
        return share if isinstance(value, float) and 0 <= value <= 1 and "gain" not in name else value

    return {name: changed(name, value) for name, value in figures.items()}


def give_shares(paths: Paths, share: float) -> None:
    """Make every share in the reports of a checkout that one."""
    for file in paths.root.glob("reports/*/metrics.json"):
        write_json(file, with_shares(read_json(file), share))
    for file in [*paths.root.glob("reports/evaluate/*.csv"), *paths.root.glob("reports/screen/*.csv")]:
        rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
        changed = [
            [str(share) if re.fullmatch(r"[01]\.\d+", cell) and name not in KEPT else cell for name, cell in row]
            for row in (list(zip(rows[0], line, strict=True)) for line in rows[1:])
        ]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([rows[0], *changed])
        write_text(file, text.getvalue())


@pytest.fixture(params=NEARLY)
def share(request: pytest.FixtureRequest) -> float:
    return float(request.param)


def test_the_pattern_finds_what_it_is_for() -> None:
    wrong = "accuracy 1.000, 100.0 % (97 to 100), 0.000, 0 %, (0 to 5), 100 of 100, recall 1.00"
    assert len(shown_as_all_or_nothing(wrong)) == 8
    right = "> 0.999, > 99.9 % (97 to > 99), < 0.001, +0.0 points, 10 of 100, 100 pictures, 0.010, 21.000, < 0.1 %"
    assert shown_as_all_or_nothing(right) == []


@pytest.mark.slow
def test_the_overview(tmp_path: Path, share: float) -> None:
    cfg, paths = write_results(tmp_path, ("black", "teddy"), "odd")
    give_shares(paths, share)
    truly_no_alarms = ["0.0", "0 to "] * 2  # in train and valid
    found = shown_as_all_or_nothing(overview_page(paths, chosen(cfg), None))
    assert found == TRULY_ALL_ANSWERED + truly_no_alarms


@pytest.mark.slow
def test_the_summary(tmp_path: Path, share: float) -> None:
    _, paths = write_results(tmp_path, ("black", "teddy"), "odd")
    unknown = dict.fromkeys(("auroc", "auroc_low", "auroc_high", "caught"), 0.5)
    more: dict[str, dict[str, Any]] = {
        "clean": {str(status): 0 for status in Status},
        "validate": {"expectations": 2, "passed": 1, "warnings": 1, "flagged_pictures": 0},
        "split": {"train": 12, "valid": 4, "test": 8, "left_out": 0},
        "evaluate": dict.fromkeys(("macro_f1", "accuracy_at_coverage_90", "precision_teddy", "recall_teddy"), 0.5),
        "screen": {
            "passed": 1,
            "warnings": 0,
            "unknown_labels": 2,
            "calibration_pictures": 9,
            "calibration_strangers": 1,
            **{f"unknown_label_{name}": value for name, value in unknown.items()},
            "alarm_rate_promised_low": 0.01,
            "alarm_rate_promised_high": 0.1,
        },
    }
    for stage, figures in more.items():
        file = paths.metrics(stage)
        write_json(file, {**figures, **(read_json(file) if file.is_file() else {})})
    write_json(paths.classifier.with_suffix(".json"), {"preprocessing": {}})
    give_shares(paths, share)
    text = summarize(paths)
    assert text.count(decimal(share)) > 15 and shown_as_all_or_nothing(text) == []


@pytest.mark.slow
def test_the_page_about_an_evaluation(share: float) -> None:
    found = findings(("black", "teddy"), "odd")
    tables: dict[str, Any] = {
        name: table.assign(**{str(column): share for column in table.select_dtypes("float") if column not in KEPT})
        for name, table in vars(found).items()
        if isinstance(table, pd.DataFrame) and name not in ("test", "counts")
    }
    tables["shifts"] = tables["shifts"].assign(drop=0.05)
    shown = replace(found, metrics={**with_shares(dict(found.metrics), share), "temperature": 0.7}, **tables)
    assert shown_as_all_or_nothing(evaluation_page(shown)) == TRULY_ALL_ANSWERED


def test_its_figures(share: float) -> None:
    rows = pd.DataFrame({"pictures": [30, 40], "accuracy_low": 0.5, "accuracy_high": 0.9, "accuracy": 0.8})
    counts = pd.DataFrame([[2499, 1], [1, 2499]], index=["a", "b"], columns=["a", "b"])
    figures = (
        reliability_figure(rows.assign(low=share, high=share, confidence=share)),
        coverage_figure(rows.assign(coverage=share, threshold=0.5)),
        confusion_figure(counts, ""),
    )
    for figure in figures:
        (axes,) = figure.axes
        texts = [text.get_text() for text in (*axes.get_yticklabels(), *axes.texts)]
        assert texts and shown_as_all_or_nothing(" ".join(texts)) == []


def test_warnings_reasons_and_log_lines(share: float) -> None:
    metrics = with_shares(METRICS, share) | {"middle_told": share, "baseline_gain_low": -0.1}
    trained = {"best_epoch": 3, "epochs": 9, "valid_loss": share / 10, "valid_accuracy": 0.99996}
    doubts = Doubts(disputed=4, pictures=10_000, usual=share, excess=share, p_value=0.001)
    held = decide(Facts(new={"black": 10_000}, had={"black": 9_996, "teddy": 4}, doubts=doubts), retraining())
    for text in (not_beaten(metrics), *border_lines(metrics), kept_epoch(trained), *held.reasons):
        assert text and shown_as_all_or_nothing(text) == []


def retraining() -> RetrainConfig:
    return replace(compose(Paths(SOURCE.parents[1])).retrain, max_label_doubt=0.0)


def test_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    figures: dict[str, float | None] = dict.fromkeys(run_list.FIGURES, share)
    started = "2026-11-28T12:30:00"
    run = run_list.ListedRun("a" * 32, "pad", "training", started, "finished", "bears", "", figures)
    without = replace(run, figures={**figures, "accuracy_low": None})
    monkeypatch.setattr(run_list, "read_runs", lambda *_: [run, without])
    assert decimal(share) in (text := run_list.list_runs(Paths(tmp_path), None, False))
    assert shown_as_all_or_nothing(text) == []


def test_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(compare_command, "read_results", lambda *_: [compared(name, share) for name in ("one", "two")])
    text = compare_command.compare_runs(Paths(tmp_path), ["one", "two"], tmp_path / "page.html")
    assert decimal(share) in text and shown_as_all_or_nothing(text) == []
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert percent(share) in html.unescape(page) and shown_as_all_or_nothing(page) == []


def compared(name: str, share: float) -> Results:
    """A run all of whose figures are that share; of the two runs each has others wrong."""
    figures = ("accuracy", "macro_f1", "log_loss", "ece", "accuracy_tta", "shift_accuracy_rain")
    metrics = {f"{figure}{end}": share for figure in figures for end in ("", "_low", "_high")}
    wrong = ["deer", "bear"] * 2
    predicted = [*wrong[:2], *["bear", "deer"] * 3] if name == "one" else [*["bear", "deer"] * 3, *wrong[:2]]
    answers = pd.DataFrame({"label": ["bear", "deer"] * 4, "prediction": predicted, "probability": share, "loss": 0.3})
    answers = answers.assign(id=[f"{number:04x}" for number in range(8)], clean_path="a.jpg", split="test")
    history = pd.DataFrame({"epoch": [1], "train_loss": 1.0, "valid_loss": 1.0, "valid_accuracy": share})
    return Results(name, "", {}, {}, {**metrics, "test_pictures": 8}, answers, history)


def test_the_gates_table(share: float) -> None:
    rules = tuple(
        Rule(name, "current test", Outcome.MET, share, share, share, 100, "") for name in ("accuracy", "calibration")
    )
    decision = Decision("version 2", "version 1", Verdict.BETTER, True, None, {}, rules)
    text = decision_in_words(decision)
    assert decimal(share) in text and shown_as_all_or_nothing(text) == []


@pytest.mark.slow
@pytest.mark.skipif(not browser.CHROMIUM, reason="there is no Chromium")
def test_scripts_of_the_app_say_the_same_as_python(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    shares = [1 / 16, 1 / 8, 3 / 8, 5 / 8, 0.0025]  # ties
    shares += [0, 1e-9, 0.00049, 0.0004, 0.25, 0.0995, 0.786, 0.994, 0.996, 0.9996, 1 - 1e-9, 1, *chance.random(200)]
    source = (SCRIPTS / "shares.js").read_text(encoding="utf-8").replace("export ", "")
    write_text(tmp_path / "page.html", f"<script>{source}</script>")
    asked = json.dumps([float(share) for share in shares])
    script = f"{asked}.map((one) => [percent(one), percent(one, 0), decimal(one), between(one, one), inPercent(one)])"
    with browser.browser() as started:
        answers = started.look(tmp_path / "page.html", script).answer
    for one, told in zip(shares, answers, strict=True):
        wanted = [percent(one), percent(one, 0), decimal(one), between(one, one)]
        assert told == [*wanted, percent(one, 0 if one > 0.0995 else 1)]


@pytest.mark.parametrize("kind", NUMBERS_BY_THEMSELVES)
def test_nothing_else_formats_shares(kind: str) -> None:
    files = [file for file in SOURCE.rglob(kind) if file.stem != "shares"]
    assert files
    assert list(formatted(files, NUMBERS_BY_THEMSELVES[kind])) == []


def formatted(files: Iterable[Path], patterns: Iterable[str]) -> Iterable[str]:
    """The lines of files in which one of the patterns stands."""
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if any(re.search(pattern, line) for pattern in patterns):
                yield f"{file.relative_to(SOURCE)}:{number}: {line.strip()}"
