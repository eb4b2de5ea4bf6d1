"""The pictures that show what a batch is like, on a page about it."""

import io
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import write_text
from fieldguide.base.shares import p_value, percent
from fieldguide.data.cropping import cut
from fieldguide.data.images import PictureError, bounded_picture, open_bounded, read_picture
from fieldguide.model.inference import Classifier
from fieldguide.pages.parts import Shown
from fieldguide.prediction.batch import Batch
from fieldguide.prediction.batch_page import BatchFindings, Part, batch_page
from fieldguide.prediction.given import Given

MAX_SHOWN = 24  # pictures for each reason


def write_page(
    page: Path, found: BatchFindings, classifier: Classifier, batch: Batch, parts: Sequence[Part] = ()
) -> None:
    """Write the page as HTML; `parts` are its sites and months.

    Raises UserError if that is not possible, or if a picture has changed in between.
    """
    typical = _shown(classifier, batch, np.argsort(-found.shift.typical, kind="stable")[:MAX_SHOWN])
    try:
        write_text(page, batch_page(found, typical, _flagged(classifier, batch), parts))
    except OSError as error:
        raise UserError(f"{page} cannot be written ({error.strerror})") from None


def _flagged(classifier: Classifier, batch: Batch) -> list[tuple[str, list[Shown]]]:
    """By reason, the most frequent first; of each the lowest p-values first."""
    reasons: dict[str, list[int]] = {}
    for place, answer in enumerate(batch.answers):
        if answer.out_of_domain:
            reasons.setdefault(answer.reason, []).append(place)
    groups = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    lowest_p = [
        (reason, sorted(places, key=lambda place: (batch.answers[place].p_value, place))[:MAX_SHOWN])
        for reason, places in groups
    ]
    return [(f"{reason}: {len(reasons[reason])}", _shown(classifier, batch, places)) for reason, places in lowest_p]


def _shown(classifier: Classifier, batch: Batch, places: Sequence[int] | NDArray[np.intp]) -> list[Shown]:
    shown = []
    for place in places:
        answer = batch.answers[place]
        assert answer.probabilities is not None and answer.p_value is not None
        best = int(answer.probabilities.argmax())
        said = f"{classifier.vocabulary[best]}, {percent(answer.probabilities[best], 0)}"
        given = batch.pictures[place]
        lines = (printable(PurePath(given.name).name), said, p_value(answer.p_value))
        try:
            shown.append(Shown(_opened(classifier, given), lines))
        except PictureError as error:  # it could be read a moment ago
            raise UserError(f"{printable(given.name)} has changed during the run: {error}") from None
    return shown


def _opened(classifier: Classifier, given: Given) -> Image.Image:
    """What the classifier was asked about, as it saw it."""
    seen = classifier.preprocessing
    file = io.BytesIO(given.file) if isinstance(given.file, bytes) else given.file
    if given.known.box is None:
        return open_bounded(file, seen.max_megapixels, seen.max_side, seen.depth)
    part = cut(read_picture(file, seen.max_megapixels, seen.depth), given.known.box, seen.crop_margin)
    return bounded_picture(part, seen.max_side)
