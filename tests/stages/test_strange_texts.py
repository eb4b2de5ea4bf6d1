"""Labels, file names, reasons, notes and names of runs that were chosen to break a page, a table or a terminal."""

import csv
import html.parser
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluated import PICTURE, findings, predictions
from fieldguide.base.errors import UNPRINTABLE, UserError
from fieldguide.base.paths import Paths
from fieldguide.base.stopped import Stopped
from fieldguide.checks.data_docs import Docs, render_page
from fieldguide.checks.expectations import CheckResult, Offender
from fieldguide.data.reviews import Review, append_reviews, read_reviews
from fieldguide.evaluation.tables import read_confusion, read_evaluation
from fieldguide.evaluation.write_findings import write_findings
from fieldguide.experiments.comparison import Results, compare, evidence, verdict
from fieldguide.experiments.comparison_page import comparison_page
from fieldguide.experiments.leaderboard import write_leaderboard
from fieldguide.overview.page import overview_page
from fieldguide.overview.provenance import chosen
from fieldguide.pages.parts import Shown
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.batch_page import BatchFindings, Share, batch_page
from fieldguide.prediction.batch_verdict import Kind, Loss
from fieldguide.prediction.log import Logged, log_predictions, read_confirmed, read_labels_csv
from fieldguide.prediction.rows import write_rows
from fieldguide.release.rollout.command import confirm
from fieldguide.retraining.journal import Journal
from fieldguide.retraining.page import write_page
from fieldguide.stages.report import run
from fieldguide.statistics.two_sample import Shift, TwoSample
from results import write_results

SCRIPT = "<script>alert(1)</script>"
STRANGE = f"=\"{SCRIPT}'&amp;\u202e\u200f\r\n\x1b[31m{{{{ 7 * 7 }}}}{{% raw %}}"
LABELS = (f"-{SCRIPT}\t,'", STRANGE)
PLAIN_LABELS = [("0", "1"), ("False", "True"), ("00001", "1.0"), ("NA", "null"), ("label", "pictures"), ("1e5", "2024")]
# The fast core draws whole pages once.
IN_TURN = [LABELS, *(pytest.param(labels, marks=pytest.mark.slow) for labels in PLAIN_LABELS)]
TAGS = frozenset(
    [
        "a",
        "b",
        "body",
        "br",
        "code",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "head",
        "html",
        "img",
        "li",
        "meta",
        "nav",
        "p",
        "pre",
        "small",
        "span",
        "style",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
        "wbr",
    ]
)


class Page(html.parser.HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def check_page(text: str, *shown: str) -> None:
    """No markup but our own, nothing that cannot be seen, and what has to be shown as the characters that it is."""
    page = Page(text)
    assert page.tags <= TAGS
    assert not {name for name in page.attributes if name.startswith("on")}
    assert set(UNPRINTABLE.findall(page.text)) <= {"\n"}
    assert "\x1b" not in text and "\u202e" not in text
    for one in shown:
        assert UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), one) in page.text


def check_table(path: Path) -> None:
    """No cell that a spreadsheet runs, but for numbers below zero."""
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for line in csv.reader(file, strict=True) for cell in line]
    assert not [cell for cell in cells if re.match(r"[=+\-@\t\r\n]", cell) and not re.fullmatch(r"-[\d.]+", cell)]


@pytest.mark.slow
@pytest.mark.parametrize("labels", IN_TURN)
def test_an_evaluation_keeps_labels_as_they_are(tmp_path: Path, labels: tuple[str, str]) -> None:
    write_findings(tmp_path, findings(labels, STRANGE))
    check_page((tmp_path / "index.html").read_text(encoding="utf-8"), STRANGE, *labels)
    for path in tmp_path.glob("*.csv"):
        check_table(path)
    assert read_evaluation(tmp_path, "per_label")["label"].tolist() == list(labels)
    hardest_back = read_evaluation(tmp_path, "top_losses")
    assert set(hardest_back["label"]) == set(labels)
    assert set(hardest_back["clean_path"].str.partition("/")[2]) == {f"{STRANGE}.jpg"}
    counts = read_confusion(tmp_path / "confusion_matrix.csv")
    assert list(counts.index) == list(counts.columns) == list(labels)
    assert sorted(counts.to_numpy().ravel()) == [0, 2, 4, 6]


@pytest.mark.slow
@pytest.mark.parametrize("labels", IN_TURN)
def test_the_overview_keeps_labels_as_they_are(tmp_path: Path, labels: tuple[str, str]) -> None:
    cfg, paths = write_results(tmp_path, labels, STRANGE)
    run(cfg, paths)
    check_page(paths.overview.read_text(encoding="utf-8"), *labels, STRANGE)
    check_page((paths.docs_index / "index.html").read_text(encoding="utf-8"))
    for stage in ("validate", "screen"):
        check_page(overview_page(paths, {**chosen(cfg), "data": STRANGE}, Stopped(stage, STRANGE)), STRANGE)
    for path in paths.root.rglob("reports/**/*.csv"):
        check_table(path)


def test_data_docs_show_what_offends(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    PICTURE.save(picture)
    failed = CheckResult(STRANGE, "pictures", "error", False, STRANGE, STRANGE, (Offender(STRANGE, SCRIPT),))
    overview = pd.DataFrame({"pictures": [3]}, index=pd.Index([LABELS[0]], name="label"))
    check_page(render_page(Docs(STRANGE, {"kept": SCRIPT}, overview, {STRANGE: picture}), [failed]), STRANGE, SCRIPT)


def results(name: str, labels: tuple[str, str], right: bool) -> Results:
    frame, _, _ = predictions(labels, STRANGE)
    frame = frame.assign(prediction=frame["label"]) if right else frame
    history = pd.DataFrame({"epoch": [1], "train_loss": [1.0], "valid_loss": [1.0], "valid_accuracy": [0.5]})
    return Results(name, name, {STRANGE: name}, {}, {"accuracy": 0.5, f"shift_accuracy_{SCRIPT}": 0.5}, frame, history)


def test_runs_beside_one_another_are_shown_by_their_names() -> None:
    found = compare([results(name, LABELS, right) for name, right in ((STRANGE, True), (SCRIPT, False))])
    page = comparison_page(found, {f"{1:016x}": PICTURE})
    first, second = STRANGE, SCRIPT
    check_page(page, *LABELS, verdict(first, second, found.tests[0]), evidence(first, second, found.tests[0]))


def test_a_leaderboard_is_a_table_that_nobody_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    figures = dict.fromkeys(("valid_accuracy", "valid_loss", "accuracy", "accuracy_low", "accuracy_high"), 0.5)
    done = {"name": STRANGE, "status": "finished", "skipped": False, "seconds": 1.0, "megabytes": 1.0, **figures}
    failed = {"name": "plain", "status": "failed", "error": f"{STRANGE}"}
    silent = [
        {"name": f"silent {number}", "status": "failed", "error": text} for number, text in enumerate(("", "\n "))
    ]
    table, _ = write_leaderboard(tmp_path, [done, failed, *silent])
    check_table(table)
    said = capsys.readouterr().out
    assert "\x1b" not in said and said.count("FAILED: no reason given") == 2


def test_the_page_about_a_batch_shows_names_and_reasons() -> None:
    tests = (TwoSample(STRANGE, 0.9, 0.001, -1.0, 2.0), TwoSample("features", 0.5, 0.01))
    mix = [Share(label, 0.5, share) for label, share in zip(LABELS, (0.9, 0.1), strict=True)]
    found = BatchFindings(
        STRANGE, Kind.SHIFTED, 12, 1, 2, Loss(0.1, 0.0, 0.2), {STRANGE: 0.1}, 0.05, 60, Shift(tests, np.zeros(12)), mix
    )
    shown = [Shown(PICTURE, (STRANGE, SCRIPT))]
    check_page(batch_page(found, shown, [(STRANGE, shown)]), STRANGE, *LABELS)


def test_the_page_about_a_job_shows_files_and_reasons(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    disputed = {"file": STRANGE, "label": STRANGE, "suggested": STRANGE}
    arrived = {"label": LABELS[0], "bytes": 1, "sha256": "", "id": "", "target": ""}
    rule = {"rule": "recall", "on": LABELS[0], "outcome": "failed", "challenger": 0.5, "detail": STRANGE}
    job = Journal(paths.retraining / "0001", {})
    job.note(
        incoming=[{**arrived, "file": STRANGE, "state": "refused", "reason": SCRIPT}],
        facts={
            "new": {LABELS[0]: 1},
            "had": {},
            "reviews": 0,
            "doubts": {"which": [disputed]},
        },
        choice={"reasons": [STRANGE], "hold": True},
        judged={"verdict": "worse", "against": STRANGE, "accepted": False, "rules": [rule]},
        seconds={"train": 1.5},
        branch=SCRIPT,
    )
    page, *tables = write_page(paths, job)
    check_page(page.read_text(encoding="utf-8"), STRANGE, SCRIPT, LABELS[0])
    assert [table.name for table in tables] == ["incoming.csv", "disputed.csv"]
    for table in tables:
        check_table(table)


def answers() -> Iterator[tuple[str, Answer]]:
    for number in range(2):
        yield f"{STRANGE}{number}", Answer(np.array([1.0 - number, number]), SCRIPT, id=f"{number:016x}")


@pytest.mark.parametrize("labels", [LABELS, *PLAIN_LABELS])
def test_what_predict_prints_can_be_confirmed(tmp_path: Path, labels: tuple[str, str]) -> None:
    """`fieldguide predict --log --format csv > week.csv`, then `fieldguide confirm week.csv`."""
    paths, out = Paths(tmp_path), io.StringIO(newline="")
    write_rows(out, "csv", answers(), labels, True, identify=True)
    (tmp_path / "week.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
    check_table(tmp_path / "week.csv")
    log_predictions(paths.log, [Logged(f"{number:016x}", 1, "champion", labels[number], 0.9) for number in range(2)])
    assert confirm(paths, [str(tmp_path / "week.csv")]) == "recorded 2 labels"
    assert sorted(read_confirmed(paths)["label"]) == sorted(labels)
    assert len(read_labels_csv(tmp_path / "week.csv")) == 2


def test_a_review_comes_back_as_it_was_said(tmp_path: Path) -> None:
    review = Review("0" * 16, "relabel", STRANGE.replace("\r", ""), "=Ada", "2026-11-22", f"-{SCRIPT}, \"'")
    append_reviews(tmp_path / "reviews.csv", [review])
    check_table(tmp_path / "reviews.csv")
    (back,) = read_reviews(tmp_path / "reviews.csv").values()
    assert (back.label, back.reviewer, back.note) == (review.label, review.reviewer, review.note)


def test_a_message_shows_no_name_as_it_is() -> None:
    assert str(UserError(f"no picture {STRANGE}")).isprintable()
