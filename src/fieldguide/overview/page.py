"""The page as a whole, for a finished run and for one that was stopped."""

from collections.abc import Iterator, Sequence

from fieldguide.base.files import replace_folder, write_text
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.base.stopped import Stopped
from fieldguide.overview import screening_section as screened
from fieldguide.overview.checks_section import checks, docs_index, flagged_galleries
from fieldguide.overview.classifier_section import answers, calibration, shifts, training
from fieldguide.overview.intake_section import intake
from fieldguide.overview.pictures import Gallery
from fieldguide.overview.provenance import provenance
from fieldguide.overview.section import Section
from fieldguide.overview.verdict import stop_verdict, verdict
from fieldguide.pages.render import render


def write_overview(paths: Paths, choices: dict[str, str], stopped: Stopped | None = None) -> None:
    """Write reports/index.html and the index of Data Docs.

    Parameters
    ----------
    choices
        Of `fieldguide.overview.provenance.chosen`.
    stopped
        What stopped the run; what later stages left in the checkout is of an older run, and not shown.
    """
    with replace_folder(paths.docs_index) as folder:
        write_text(folder / "index.html", docs_index(paths, _suites(_done(stopped))))
    write_text(paths.overview, overview_page(paths, choices, stopped))


def overview_page(paths: Paths, choices: dict[str, str], stopped: Stopped | None) -> str:
    """The page as HTML, with every picture and figure in it; see `write_overview`."""
    return render(
        "overview/page.html",
        title=f"Picture classifier: {choices['data']}" if choices else "Picture classifier",
        stopped=stopped,
        top=stop_verdict(paths, stopped) if stopped else verdict(paths),
        sections=list(_sections(paths, choices, stopped)),
    )


def _done(stopped: Stopped | None) -> list[Stage]:
    return stopped.done if stopped else list(Stage)


def _suites(done: Sequence[Stage]) -> list[str]:
    return [stage for stage in (Stage.VALIDATE, Stage.SCREEN) if stage in done]


def _sections(paths: Paths, choices: dict[str, str], stopped: Stopped | None) -> Iterator[Section]:
    """Answers first; where the run was stopped, the pictures first."""
    done = _done(stopped)
    parts = [_about_answers(paths) if Stage.EVALUATE in done else iter(()), _about_pictures(paths, done)]
    for part in reversed(parts) if stopped else parts:
        yield from part
    yield Section("made", "Provenance", "overview/provenance.html", provenance(paths, choices, Stage.TRAIN in done))


def _flagged(stage: str, galleries: Sequence[Gallery]) -> Section:
    found = {"galleries": galleries, "table": f"{stage}/flagged.csv"}
    return Section("flagged", "Flagged pictures", "overview/galleries.html", found)


def _about_answers(paths: Paths) -> Iterator[Section]:
    yield Section("good", "How good is it?", "overview/answers.html", answers(paths))
    yield Section("shifts", "Robustness to shifts", "overview/shifts.html", shifts(paths))
    yield Section("calibration", "Calibration and coverage", "overview/calibration.html", calibration(paths))
    yield Section("training", "Training", "overview/training.html", training(paths))


def _about_pictures(paths: Paths, done: Sequence[Stage]) -> Iterator[Section]:
    if Stage.CLEAN in done:
        yield Section("pictures", "Pictures", "overview/intake.html", intake(paths, Stage.SPLIT in done))
    if suites := _suites(done):
        yield Section("checks", "Data checks", "overview/checks.html", checks(paths, suites, ""))
    if Stage.SCREEN in done:
        table = screened.read_screen(paths)
        domain = screened.domain(screened.with_groups(table, paths), screened.alarm_promise(paths))
        domain["sites"] = screened.alarms_at_sites(paths)
        domain["unknown"] = screened.unknown_labels(paths)
        yield Section("domain", "Out-of-domain pictures", "overview/domain.html", domain)
        yield _flagged("screen", screened.galleries(paths, table))
        yield Section("queue", "Review queue", "overview/queue.html", screened.queue(paths, table))
    elif Stage.VALIDATE in done:
        yield _flagged("validate", flagged_galleries(paths))
