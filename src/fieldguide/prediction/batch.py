"""The command `fieldguide screen`: do new pictures belong to what the classifier knows, each of them and as a batch?"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.checks.ood.files import load_screen
from fieldguide.checks.ood.measurements import NAMES
from fieldguide.checks.ood.reference import load_reference
from fieldguide.checks.shift import Columns, detect_shift
from fieldguide.data.images import PictureError
from fieldguide.evaluation.figures import Shown, in_words
from fieldguide.model.predict import Classifier, calibrated, load_classifier, open_for
from fieldguide.prediction.answers import Answer, Screening
from fieldguide.prediction.command import CLASSIFIER, answered, lossless, weights_of
from fieldguide.prediction.files import require_something
from fieldguide.prediction.rows import printable, write_rows
from fieldguide.report.batch_page import BatchFindings, batch_page, describe, verdict

FEWEST, FEWEST_KNOWN = 10, 5  # new and known pictures: by fewer no test could become significant
TOLD, SHOWN = 5, 24  # pictures named in the terminal, and shown on the page for each reason


@dataclass
class Batch:
    """What was seen of the pictures that could be read, in order."""

    paths: list[Path]
    answers: list[Answer]  # without what was observed: of that the next two are kept
    features: list[NDArray[np.float64]]  # (1, f) each
    measurements: list[NDArray[np.float64]]  # (1, measurements) each
    unread: int


def screen_command(arguments: Sequence[str], model: Path, kind: str | None, page: Path | None) -> bool:
    """Print a row for every picture to stdout and the verdict on all of them to stderr; return whether they shifted.

    Parameters
    ----------
    arguments, kind
        As `fieldguide.prediction.command.predict_command` takes them.
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
        raise UserError(f"--page {page} is a folder: name a file")
    weights = weights_of(model)
    if weights.name != CLASSIFIER or not weights.with_name("screen.safetensors").is_file():
        raise UserError(f"no screen.safetensors beside {weights}: run `dvc repro`")
    classifier = load_classifier(weights, weights.with_suffix(".json"))
    screening = load_screen(weights.with_name("screen.safetensors"), classifier, weights)
    known = load_reference(weights.with_name("reference.safetensors"), len(classifier.vocabulary))
    batch = _print_rows(arguments, classifier, screening, kind)
    if not batch.paths:
        raise UserError(f"there is no picture to screen, {batch.unread} files could not be read")
    if len(batch.paths) < FEWEST or len(known[0]) < FEWEST_KNOWN:
        unread = f"; {batch.unread} could not be read" if batch.unread else ""
        without = f", and for {page}" if page else ""
        read = f"{len(batch.paths)} read, {len(known[0])} to compare with"
        needed = f"it takes {FEWEST} and {FEWEST_KNOWN}"
        _print(f"{read}: too few to say whether they have shifted{without}, {needed}{unread}")
        return False
    found = _findings(arguments, classifier, screening, known, batch)
    _tell(found, batch)
    if page is not None:
        _write_page(page, found, classifier, batch)
        _print(f"see {page}")
    return found.shift.shifted


def _print_rows(arguments: Sequence[str], classifier: Classifier, screening: Screening, kind: str | None) -> Batch:
    kind = kind or ("table" if sys.stdout.isatty() else "csv")
    batch = Batch([], [], [], [], 0)
    with answered(arguments, classifier, screening, "screen") as given:

        def rows() -> Iterator[tuple[str, Answer]]:
            for path, answer in given:
                if answer.observed is not None:
                    batch.paths.append(path)
                    batch.answers.append(replace(answer, observed=None))
                    batch.features.append(answer.observed.features.double().numpy())
                    batch.measurements.append(answer.observed.measurements)
                yield str(path), answer

        out = lossless(sys.stdout, kind)
        batch.unread = write_rows(out, kind, rows(), classifier.vocabulary, False, screened=True)
    return batch


def _findings(
    arguments: Sequence[str],
    classifier: Classifier,
    screening: Screening,
    known: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    batch: Batch,
) -> BatchFindings:
    logits, features, measurements = known
    reference = calibrated(logits, classifier.temperature)
    probabilities = np.stack([answer.probabilities for answer in batch.answers if answer.probabilities is not None])
    new_features = np.concatenate(batch.features)
    if new_features.shape[1] != features.shape[1]:
        raise UserError("reference.safetensors does not belong to this classifier: run `dvc repro`")
    new_measurements = np.concatenate(batch.measurements)
    shift = detect_shift(
        named_columns(classifier.vocabulary, reference, measurements),
        named_columns(classifier.vocabulary, probabilities, new_measurements),
        features,
        new_features,
    )
    return BatchFindings(
        name=printable(", ".join(arguments)),
        pictures=len(batch.paths),
        unread=batch.unread,
        alarms=sum(bool(answer.out_of_domain) for answer in batch.answers),
        alarm_rate=screening[0].alarm_rate,
        reference=len(reference),
        shift=shift,
        mix=_mix(classifier.vocabulary, reference, probabilities),
    )


def named_columns(vocabulary: Sequence[str], answered: NDArray[np.float64], measured: NDArray[np.float64]) -> Columns:
    """What the univariate tests compare: probabilities (n, labels) and measurements (n, NAMES), each by its name."""
    named = {f"probability of {label}": answered[:, place] for place, label in enumerate(vocabulary)}
    return {**named, **{in_words(name): _natural(name, measured[:, place]) for place, name in enumerate(NAMES)}}


def _natural(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Not as logarithms, as which all but the border's share are measured."""
    return values if name == "border" else np.exp(values)


def _mix(vocabulary: Sequence[str], reference: NDArray[np.float64], batch: NDArray[np.float64]) -> pd.DataFrame:
    shares = [np.bincount(rows.argmax(axis=1), minlength=len(vocabulary)) / len(rows) for rows in (reference, batch)]
    return pd.DataFrame({"label": vocabulary, "reference": shares[0], "batch": shares[1]})


def _write_page(page: Path, found: BatchFindings, classifier: Classifier, batch: Batch) -> None:
    typical = _shown(classifier, batch, np.argsort(-found.shift.typical, kind="stable")[:SHOWN])
    try:
        write_text(page, batch_page(found, typical, _flagged(classifier, batch)))
    except OSError as error:
        raise UserError(f"{page} cannot be written ({error.strerror})") from None


def _flagged(classifier: Classifier, batch: Batch) -> list[tuple[str, list[Shown]]]:
    """By reason, the most frequent first; of each the strangest pictures first."""
    reasons: dict[str, list[int]] = {}
    for place, answer in enumerate(batch.answers):
        if answer.out_of_domain:
            reasons.setdefault(answer.reason, []).append(place)
    groups = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    strangest = [
        (reason, sorted(places, key=lambda place: (batch.answers[place].p_value, place))[:SHOWN])
        for reason, places in groups
    ]
    return [(f"{reason}: {len(reasons[reason])}", _shown(classifier, batch, places)) for reason, places in strangest]


def _shown(classifier: Classifier, batch: Batch, places: Sequence[int] | NDArray[np.intp]) -> list[Shown]:
    shown = []
    for place in places:
        answer = batch.answers[place]
        assert answer.probabilities is not None
        best = int(answer.probabilities.argmax())
        said = f"{classifier.vocabulary[best]}, {answer.probabilities[best]:.0%}"
        lines = (printable(batch.paths[place].name), said, f"p {answer.p_value:.2g}")
        try:
            shown.append(Shown(open_for(classifier, batch.paths[place]), lines))
        except PictureError as error:  # it could be read a moment ago
            raise UserError(f"{printable(str(batch.paths[place]))} has changed meanwhile: {error}") from None
    return shown


def _tell(found: BatchFindings, batch: Batch) -> None:
    """The verdict, in what the batch differs, the mix of predictions, and the pictures that show it best."""
    others = [test for test in found.shift.tests if test.shifted][1:]  # the first is in the verdict
    lines = [verdict(found), *(f"  {describe(test)}" for test in others)]
    moved = ", ".join(
        f"{row['label']} {row['batch']:.0%} (usual {row['reference']:.0%})" for row in found.mix.to_dict("records")
    )
    lines.append(f"predictions: {moved}")
    lines.append(
        f"out of domain: {found.alarms} of {found.pictures} ({found.alarms / found.pictures:.1%}; "
        f"{found.alarm_rate:.1%} is usual)"
    )
    if found.unread:
        lines.append(f"{found.unread} could not be read")
    if found.shift.shifted:
        best = np.argsort(-found.shift.typical, kind="stable")[:TOLD]
        lines += ["most typical of the batch:", *(f"  {printable(str(batch.paths[place]))}" for place in best)]
    _print(*lines)


def _print(*lines: str) -> None:
    print("\n".join(f"fieldguide: {line}" if not line.startswith(" ") else line for line in lines), file=sys.stderr)
