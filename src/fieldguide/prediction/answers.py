"""A classifier's answers for picture files, one for each, in order: probabilities, or why the file cannot be read."""

import stat
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from fieldguide.checks.ood.observations import Viewer, observe
from fieldguide.checks.ood.screening import Screen, judge
from fieldguide.data.images import PictureError
from fieldguide.model.predict import Classifier, calibrated, logits_of, open_for, to_input
from fieldguide.parallel import usable_cores

READERS = 4  # more threads would only hold more large pictures in memory


Screening = tuple[Screen, Viewer]
Input = tuple[torch.Tensor, tuple[int, int]]  # what the network gets; the picture's width and height before that


@dataclass(frozen=True)
class Answer:
    """Calibrated probabilities (labels,) in the order of the vocabulary; or None, and the reason.

    Where it was screened, also the p-value that a picture of the domain is so unusual, whether that is an alarm, and
    the reason for it.
    """

    probabilities: NDArray[np.float64] | None
    reason: str
    p_value: float | None = None
    out_of_domain: bool | None = None


def answers(
    classifier: Classifier,
    files: Iterable[Path | BinaryIO],
    batch_size: int = 32,
    screening: Screening | None = None,
) -> Iterator[Answer]:
    """Read files in threads while the network answers for those before, `batch_size` at a time.

    At most three batches are in memory, as the small squares that the network takes.
    """
    with warnings.catch_warnings(
        action="ignore"
    ):  # each reader sets and restores them; together they could leave a mess
        results = _read_ahead(classifier, files, 2 * batch_size)
        while batch := list(islice(results, batch_size)):
            inputs = [result for result in batch if not isinstance(result, str)]
            answered = iter(_answered(classifier, inputs, screening) if inputs else ())
            for result in batch:
                yield Answer(None, result) if isinstance(result, str) else next(answered)


def _answered(classifier: Classifier, inputs: Sequence[Input], screening: Screening | None) -> list[Answer]:
    squares, sizes = [square for square, _ in inputs], [size for _, size in inputs]
    if screening is None:
        return [Answer(row, "") for row in calibrated(logits_of(classifier, squares), classifier.temperature)]
    screen, viewer = screening
    seen = observe(classifier, viewer, squares, sizes)
    found = judge(screen, seen)
    rows = calibrated(seen.logits.double().numpy(), classifier.temperature)
    judged = zip(rows, found.reason, found.p_value, found.out_of_domain, strict=True)
    return [Answer(row, reason, float(p_value), bool(alarm)) for row, reason, p_value, alarm in judged]


def _read_ahead(classifier: Classifier, files: Iterable[Path | BinaryIO], ahead: int) -> Iterator[Input | str]:
    pool = ThreadPoolExecutor(min(READERS, usable_cores()))
    waiting: deque[Future[Input | str]] = deque()
    try:
        for file in files:
            waiting.append(pool.submit(_read, classifier, file))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read(classifier: Classifier, file: Path | BinaryIO) -> Input | str:
    """The network's input for a picture, or the reason why there is none."""
    try:
        if isinstance(file, Path) and not stat.S_ISREG(file.stat().st_mode):
            return "not a file"  # opening a pipe would wait for its other end
        picture = open_for(classifier, file)
        return to_input(picture, classifier.preprocessing), picture.size
    except PictureError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:  # a path with a null character in it
        return str(error)
