"""A classifier's predictions for picture files, in order: probabilities, or why the file cannot be read."""

import io
import stat
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from itertools import groupby, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.engines import map_chunks
from fieldguide.base.parallel import usable_workers
from fieldguide.data.cropping import Box, cut
from fieldguide.data.field_data import NOTHING_KNOWN, FieldData
from fieldguide.data.images import Picture, PictureError, bounded_picture, read_picture
from fieldguide.model.asking import Network, Square
from fieldguide.model.description import Preprocessing
from fieldguide.model.inference import Classifier, calibrated, load_classifier, logits_of, to_input
from fieldguide.prediction.given import Given
from fieldguide.prediction.model_files import CLASSIFIER, description_of
from fieldguide.screening.observations import measure, observe
from fieldguide.screening.screen import Screen, judge
from fieldguide.screening.screen_files import load_screen

MOST_BOXES = 32  # that are cut out of a file each time it is read: more would fill the memory
MAX_READERS = 4  # more threads would only hold more large pictures in memory

Screening = tuple[Screen, Network]


@dataclass(frozen=True)
class Answer:
    """Calibrated probabilities (labels,) in the order of the vocabulary; or None, and the reason.

    Where it was screened, also the p-value that a picture of the domain is so unusual, whether that is an alarm, the
    reason for it, and what was seen of it: features (f,) and measurements (m,), see `Observations`. `id` is the
    picture's (see `fieldguide.data.decoding.identity`), where it was asked for and the file can be read.

    `known` is what was known of the picture; `is_empty` says that there was nothing to ask about, as in a picture
    without a box. Of an event, `pictures` says how many were averaged, and `until` when the last was taken.
    """

    probabilities: NDArray[np.float64] | None
    reason: str
    id: str = ""
    p_value: float | None = None
    out_of_domain: bool | None = None
    features: NDArray[np.float32] | None = None
    measurements: NDArray[np.float64] | None = None
    known: FieldData = NOTHING_KNOWN
    is_empty: bool = False
    pictures: int = 1
    until: datetime | None = None


def load_screened(weights: Path, description: Path) -> tuple[Classifier, Screening | None]:
    """Load a classifier, and the screen beside it, which belongs to the weights that are named CLASSIFIER alone.

    Raises UserError if either is damaged.
    """
    classifier = load_classifier(weights, description)
    screen = weights.with_name("screen.safetensors")
    is_screened = weights.name == CLASSIFIER and screen.is_file()
    return classifier, load_screen(screen, classifier, weights) if is_screened else None


def answers(
    classifier: Classifier,
    files: Iterable[Path | BinaryIO | Given],
    batch_size: int = 32,
    *,
    screening: Screening | None = None,
    identify: bool = False,
) -> Iterator[Answer]:
    """Read files in threads while the network answers for those before, `batch_size` at a time.

    An answer for each of `files`; boxes of one file that come one after the other are cut from it as it is read once.
    At most three batches of files are in memory, as the small squares that the network takes.
    """
    read = partial(_read, classifier, measured=screening is not None, identify=identify)
    with closing(_read_ahead(read, files, 2 * batch_size)) as results:
        while batch := list(islice(results, batch_size)):
            inputs = [result for _, result in batch if isinstance(result, _Input)]
            answered = iter(_answered(classifier, inputs, screening) if inputs else ())
            for given, result in batch:
                answer = Answer(None, result) if isinstance(result, str) else next(answered)
                yield replace(answer, known=given.known, is_empty=given.is_empty)


def answers_on_engine(weights: Path, given: Iterable[Given], task: str, total: int | None) -> Iterator[Answer]:
    """The same for what `load_screened` loads, on the chosen engine, with progress under the name of the task."""
    files = (file for name in (weights.stem, "screen", "backbone") for file in weights.parent.glob(f"{name}.*"))
    state = tuple(sorted((file.name, file.stat().st_mtime_ns) for file in files))
    asked = (replace(one, file=one.file.absolute()) if isinstance(one.file, Path) else one for one in given)
    return map_chunks(partial(_answers_of, weights.absolute(), state), asked, task, total=total)


def _answers_of(weights: Path, state: tuple[tuple[str, int], ...], given: Iterable[Given]) -> Iterator[Answer]:
    classifier, screening = _loaded(weights, state)
    return answers(classifier, given, screening=screening)


@lru_cache(maxsize=1)
def _loaded(weights: Path, _state: tuple[tuple[str, int], ...]) -> tuple[Classifier, Screening | None]:
    return load_screened(weights, description_of(weights))


@dataclass(frozen=True)
class _Input:
    """What the network gets for a picture; its measurements and id, if they were asked for."""

    square: Square
    measurements: NDArray[np.float64] | None
    id: str


def _answered(classifier: Classifier, inputs: Sequence[_Input], screening: Screening | None) -> Iterator[Answer]:
    if screening is None:
        rows = calibrated(logits_of(classifier, [one.square for one in inputs]), classifier.temperature)
        yield from (Answer(row, "", one.id) for row, one in zip(rows, inputs, strict=True))
        return
    screen, feature_network = screening
    measured = [(one.square, one.measurements) for one in inputs if one.measurements is not None]
    seen = observe(classifier, feature_network, measured)
    found = judge(screen, seen)
    rows, features = calibrated(seen.logits.astype(np.float64), classifier.temperature), seen.features
    for place, (row, one) in enumerate(zip(rows, inputs, strict=True)):
        p_value, alarm = float(found.p_value[place]), bool(found.out_of_domain[place])
        yield Answer(row, found.reason[place], one.id, p_value, alarm, features[place], seen.measurements[place])


def _read_ahead(
    read: Callable[[Sequence[Given]], list[_Input | str]], files: Iterable[Path | BinaryIO | Given], ahead: int
) -> Generator[tuple[Given, _Input | str], None, None]:
    pool = ThreadPoolExecutor(min(MAX_READERS, usable_workers()))
    waiting: deque[tuple[list[Given], Future[list[_Input | str]]]] = deque()
    given = (one if isinstance(one, Given) else Given(str(one), one) for one in files)
    try:
        for _, of_file in groupby(given, key=lambda one: one.file):
            while pictures := list(islice(of_file, MOST_BOXES)):
                waiting.append((pictures, pool.submit(read, pictures)))
                if len(waiting) > ahead:
                    asked, results = waiting.popleft()
                    yield from zip(asked, results.result(), strict=True)
        for asked, results in waiting:
            yield from zip(asked, results.result(), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _read(classifier: Classifier, given: Sequence[Given], *, measured: bool, identify: bool) -> list[_Input | str]:
    """The network's input for each picture of one file, or the reason why there is none."""
    if all(one.reason for one in given):
        return [one.reason for one in given]
    has_boxes = any(one.known.box is not None for one in given)
    picture = _opened(classifier.preprocessing, given[0].file, whole=has_boxes)
    results: list[_Input | str] = []
    for one in given:
        if one.reason or isinstance(picture, str):
            results.append(one.reason or str(picture))
        else:
            results.append(_input(classifier.preprocessing, picture, one.known.box, measured, identify))
    return results


def _opened(preprocessing: Preprocessing, file: Path | bytes | BinaryIO, *, whole: bool) -> Picture | str:
    file = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        if isinstance(file, Path) and not stat.S_ISREG(file.stat().st_mode):
            return "not a file"  # opening a pipe would wait for its other end
        max_side = None if whole else preprocessing.max_side
        return read_picture(file, preprocessing.max_megapixels, preprocessing.depth, max_side)
    except PictureError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:  # a path with a null character in it
        return str(error)


def _input(
    preprocessing: Preprocessing, picture: Picture, box: Box | None, measured: bool, identify: bool
) -> _Input | str:
    try:
        part = picture if box is None else cut(picture, box, preprocessing.crop_margin)
    except PictureError as error:
        return str(error)
    small = bounded_picture(part, preprocessing.max_side)
    square = to_input(small, preprocessing)
    measurements = measure(square, small.size)[1] if measured else None
    return _Input(square, measurements, part.id if identify else "")
