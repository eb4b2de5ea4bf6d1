"""The page as a whole, for a run that ended and for one that a check stopped."""

from collections.abc import Iterator

from fieldguide.base.files import replace_folder, write_text
from fieldguide.base.paths import Paths
from fieldguide.evaluation.page import STYLE as EVALUATION_STYLE
from fieldguide.overview import screened
from fieldguide.overview.checked import STYLE as CHECKS_STYLE
from fieldguide.overview.checked import checks_section, docs_index, flagged_galleries
from fieldguide.overview.classifier import answers, learning, shifts, sureness
from fieldguide.overview.headline import Stopped, stop_verdict, verdict
from fieldguide.overview.intake import intake
from fieldguide.overview.origin import origin
from fieldguide.pages.document import document

Section = tuple[str, str, str]  # anchor, title, HTML


def write_overview(paths: Paths, choices: dict[str, str], stopped: Stopped | None = None) -> None:
    """Write reports/index.html and the index of Data Docs.

    Parameters
    ----------
    choices
        Of `fieldguide.overview.origin.chosen`.
    stopped
        What stopped the run; what later stages left in the checkout is of an older run, and not shown.
    """
    suites = ["validate"] if stopped and stopped.stage == "validate" else ["validate", "screen"]
    with replace_folder(paths.docs_index) as folder:
        write_text(folder / "index.html", docs_index(paths, suites))
    write_text(paths.overview, overview_page(paths, choices, stopped))


def overview_page(paths: Paths, choices: dict[str, str], stopped: Stopped | None) -> str:
    """The page as HTML, with every picture and figure in it; see `write_overview`."""
    top = stop_verdict(paths, stopped) if stopped else verdict(paths)
    sections = list(_sections(paths, choices, stopped))
    links = "".join(f'<a href="#{anchor}">{title}</a>' for anchor, title, _ in sections)
    body = "\n".join(f'<h2 id="{anchor}">{title}</h2>\n{content}' for anchor, title, content in sections)
    title = f"Picture classifier: {choices['data']}"
    return document(title, f"{top}\n<nav>{links}</nav>\n{body}", EVALUATION_STYLE + CHECKS_STYLE + STYLE)


def _sections(paths: Paths, choices: dict[str, str], stopped: Stopped | None) -> Iterator[Section]:
    """Answers first; where a check stopped the run, what it is about first."""
    trained = not (stopped and stopped.stage == "validate")
    parts = [_about_answers(paths) if trained else iter(()), _about_pictures(paths, trained)]
    for part in reversed(parts) if stopped else parts:
        yield from part
    yield "made", "How this was made", origin(paths, choices, trained)


def _about_answers(paths: Paths) -> Iterator[Section]:
    yield "good", "How good is it?", answers(paths)
    yield "different", "When pictures are different", shifts(paths)
    yield "sure", "Does it know when it is unsure?", sureness(paths)
    yield "learning", "How it learnt", learning(paths)


def _about_pictures(paths: Paths, trained: bool) -> Iterator[Section]:
    yield "pictures", "What came in", intake(paths, trained)
    yield "checks", "Data checks", checks_section(paths, ["validate", "screen"] if trained else ["validate"], "")
    if not trained:
        yield "flagged", "Flagged pictures", flagged_galleries(paths)
        return
    table = screened.read_screen(paths)
    yield "strange", "Pictures unlike the others", screened.domain(table, screened.alarm_rate(paths))
    yield "flagged", "Flagged pictures", screened.galleries(paths, table)
    yield "queue", "What to look at first", screened.queue(paths, table)


STYLE = """\
dl small, h3 small, li small { white-space: normal; }
h3 small { font-weight: 400; margin-left: .4rem; }
.overview + .overview, details { margin-top: .75rem; }
nav { display: flex; flex-wrap: wrap; gap: .35rem 1rem; font-size: .9rem; }
.points { margin: .75rem 0; gap: .25rem; padding-left: 1.2rem; list-style: disc; }
.points li { display: list-item; background: none; border: 0; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem;
  font-size: .85rem; overflow: auto; }
.said { white-space: pre-wrap; }
code { font-size: .85em; overflow-wrap: anywhere; }
.wrapped td, .wrapped td:last-child { white-space: normal; }
.queue img { max-height: 6rem; min-width: 4rem; }
.queue small { overflow-wrap: anywhere; white-space: normal; display: block; max-width: 9rem; }
.queue td, .checks td, .checks th { overflow-wrap: normal; }
td:last-child { white-space: normal; }
"""
