"""The command `fieldguide screen`: do new pictures belong to what the classifier knows, each of them and as a batch?"""

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from fieldguide.base.clusters import EngineConfig
from fieldguide.base.errors import UserError, printable
from fieldguide.base.progress import Progress
from fieldguide.base.shares import percent
from fieldguide.model.inference import Classifier, load_classifier
from fieldguide.prediction.answers import Answer, Screening
from fieldguide.prediction.batch import Batch, findings
from fieldguide.prediction.batch_page import BatchFindings, describe, loss_in_words, verdict
from fieldguide.prediction.batch_parts import MIN_PART, parts_of
from fieldguide.prediction.batch_pictures import write_page
from fieldguide.prediction.batch_verdict import Kind
from fieldguide.prediction.given import PLAIN, Reader
from fieldguide.prediction.model_files import CLASSIFIER, weights_of
from fieldguide.prediction.picture_files import require_something
from fieldguide.prediction.predict_command import HERE, answered, lossless, warn_of_crop
from fieldguide.prediction.rows import write_rows
from fieldguide.screening.batch_reference import load_errors, load_reference, load_sites
from fieldguide.screening.calibration import Calibration
from fieldguide.screening.screen_files import load_screen
from fieldguide.statistics.shares import calibrated_share

MIN_KNOWN = 5  # pictures: with fewer no test could become significant
MAX_TYPICAL = 5  # pictures named on the terminal
MAX_NAMED = 3  # paths, in the title of the page


def screen_command(
    arguments: Sequence[str],
    model: Path,
    kind: str | None,
    page: Path | None,
    reader: Reader = PLAIN,
    engine: EngineConfig = HERE,
) -> bool:
    """Print a row for every picture to stdout and the verdict on all of them to stderr; return whether they shifted.

    Parameters
    ----------
    arguments, kind, reader, engine
        As `fieldguide.prediction.predict_command.predict_command` takes them.
    model
        The folder of classifier, screen and reference, or the classifier's file in it.
    page
        Where to write a page about the batch; None writes none.

    Raises
    ------
    UserError
        If there is no file at all, none that can be read, or no screen beside the classifier.
    """
    require_something(arguments)
    if page is not None and page.is_dir():
        raise UserError(f"--page {page} is a folder: give a file")
    weights = weights_of(model)
    if weights.name != CLASSIFIER or not weights.with_name("screen.safetensors").is_file():
        raise UserError(f"no screen.safetensors beside {weights}: run `dvc repro`")
    reference = weights.with_name("reference.safetensors")
    with Progress("screen, loading the model"):
        classifier = load_classifier(weights, weights.with_suffix(".json"))
        screening = load_screen(weights.with_name("screen.safetensors"), classifier, weights)
        known, errors = load_reference(reference, len(classifier.vocabulary)), load_errors(reference)
    warn_of_crop(classifier, reader)
    sites = load_sites(reference)
    batch = _print_rows(arguments, classifier, screening, kind, reader, sites, engine, weights)
    if not batch.pictures:
        raise UserError(f"no picture to screen: {batch.unread} files could not be read")
    if len(batch.pictures) < MIN_PART or len(known[0]) < MIN_KNOWN:
        unread = f"; {batch.unread} could not be read" if batch.unread else ""
        without = f", and for {page}" if page else ""
        read = f"{len(batch.pictures)} read, {len(known[0])} to compare with"
        needed = f"needed are {MIN_PART} and {MIN_KNOWN}"
        _print(f"{read}: too few to test for a shift{without}, {needed}{unread}")
        return False

    def compare(name: str, some: Batch, among: int = 1) -> BatchFindings:
        return findings(name, classifier, screening[0].alarm_rate, known, errors, some, among)

    with Progress("screen, comparing the batch"):
        found = compare(printable(_names(arguments)), batch)
    parts = parts_of(batch, sites, compare)
    _print_verdict(found, batch, screening[0].calibration)
    if parts:
        _print(
            "by site and month, each by itself, with Holm's correction for their number:",
            *(f"  {part.said()}" for part in parts),
        )
    if page is not None:
        write_page(page, found, classifier, batch, parts)
        _print(f"see {page}")
    return found.kind == Kind.SHIFTED


def _names(arguments: Sequence[str]) -> str:
    """What the page calls the pictures: the last parts of the first paths."""
    named = [Path(argument).name or argument for argument in arguments[:MAX_NAMED]]
    more = len(arguments) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _print_rows(
    arguments: Sequence[str],
    classifier: Classifier,
    screening: Screening,
    kind: str | None,
    reader: Reader,
    sites: Collection[str],
    engine: EngineConfig,
    weights: Path,
) -> Batch:
    kind = kind or ("table" if sys.stdout.isatty() else "csv")
    batch = Batch([], [], 0)
    with answered(arguments, classifier, screening, "screen", reader, engine, weights) as given:

        def rows() -> Iterator[tuple[str, Answer]]:
            for one, answer in given:
                if answer.probabilities is not None:
                    batch.pictures.append(one)
                    batch.answers.append(answer)
                yield one.name, answer

        out = lossless(sys.stdout, kind)
        labels, columns = classifier.vocabulary, reader.columns
        batch.unread = write_rows(out, kind, rows(), labels, False, screened=True, known=columns, trained_sites=sites)
    return batch


def _print_verdict(found: BatchFindings, batch: Batch, calibration: Calibration) -> None:
    """The verdict, in what the batch differs, the mix of predictions, and the pictures that show it best.

    `calibration` is what the expected alarm rate is known by.
    """
    low, high = calibrated_share(found.alarm_rate, calibration.effective)
    others = [test for test in found.shift.tests if test.differs][1:]  # the first is in the verdict
    lines = [verdict(found), *(f"  {describe(test)}" for test in others)]
    moved = ", ".join(
        f"{share.label} {percent(share.batch, 0)} (reference {percent(share.reference, 0)})" for share in found.mix
    )
    lines.append(f"predictions: {moved}")
    lines.append(
        f"out of domain: {found.alarms} of {found.pictures} ({percent(found.alarms / found.pictures)}; "
        f"{percent(found.alarm_rate)} expected, {percent(low)} to {percent(high)} with {calibration.said()})"
    )
    if found.kind == Kind.OTHER_SOURCE:  # of the others it is in the verdict, or there is none
        lines.append(loss_in_words(found))
    if found.unread:
        lines.append(f"{found.unread} could not be read")
    if found.shift.differs:
        best = np.argsort(-found.shift.typical, kind="stable")[:MAX_TYPICAL]
        lines += ["most typical of the batch:", *(f"  {printable(batch.pictures[place].name)}" for place in best)]
    _print(*lines)


def _print(*lines: str) -> None:
    print("\n".join(f"fieldguide: {line}" if not line.startswith(" ") else line for line in lines), file=sys.stderr)
