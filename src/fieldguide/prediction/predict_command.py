"""The command `fieldguide predict`."""

import gc
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from fieldguide.base.errors import UserError
from fieldguide.base.progress import Progress, progress
from fieldguide.prediction.picture_files import STDIN, picture_files, require_something

if TYPE_CHECKING:
    from fieldguide.model.inference import Classifier
    from fieldguide.prediction.answers import Answer, Screening

CLASSIFIER = "classifier.safetensors"  # in a folder with that, screen.safetensors belongs to it
Item = TypeVar("Item")


def predict_command(arguments: Sequence[str], model: Path, kind: str | None, every_label: bool) -> int:
    """Print the classifier's answer for every picture to stdout; return how many files could not be read.

    Parameters
    ----------
    arguments
        Files, folders, or `-` for paths on stdin.
    model
        A .safetensors file with its .json beside it, or the folder that holds both under the name `classifier`. Where
        `screen` is beside the latter, each picture is also screened.
    kind
        The format; None is a table on a terminal and CSV elsewhere.
    """
    require_something(arguments)
    weights = weights_of(model)

    with _collector_paused(), Progress("predict, loading the model"):
        from fieldguide.model.inference import load_classifier
        from fieldguide.prediction.rows import write_rows
        from fieldguide.screening.screen_files import load_screen

        classifier = load_classifier(weights, weights.with_suffix(".json"))
        screen = weights.with_name("screen.safetensors")
        screening = load_screen(screen, classifier, weights) if weights.name == CLASSIFIER and screen.exists() else None
    kind = kind or ("table" if sys.stdout.isatty() else "csv")
    with answered(arguments, classifier, screening, "predict") as given:
        rows = ((str(path), answer) for path, answer in given)
        out, screened = lossless(sys.stdout, kind), screening is not None
        unread = write_rows(out, kind, rows, classifier.vocabulary, every_label, screened=screened)
    if unread:
        print(f"fieldguide: {unread} could not be read", file=sys.stderr)
    return unread


@contextmanager
def answered(
    arguments: Sequence[str], classifier: "Classifier", screening: "Screening | None", task: str
) -> "Iterator[Iterator[tuple[Path, Answer]]]":
    """Every picture that the arguments name, with its answer, and progress under the name of the task."""
    from fieldguide.prediction.answers import answers

    paths, files = tee(picture_files(arguments, sys.stdin.buffer))
    given = answers(classifier, files, screening=screening)
    yield zip(paths, with_progress(given, arguments, task), strict=True)


def with_progress(items: Iterable[Item], arguments: Sequence[str], task: str) -> Iterable[Item]:
    """An item for each picture that the arguments name, with progress where no rows on a terminal show it."""
    if sys.stdout.isatty():
        return items
    total = None if STDIN in arguments else sum(1 for _ in picture_files(arguments, sys.stdin.buffer))
    return progress(items, task, total)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """It would walk through all that PyTorch and timm make on import, again and again: a fifth of the start-up."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def weights_of(model: Path) -> Path:
    """The weights of a model that is named by its folder or its file. Raises UserError if there are none."""
    weights = model / CLASSIFIER if model.is_dir() else model
    if not weights.is_file():
        raise UserError(f"no model at {weights}: run `dvc repro`, or choose one with --model")
    if weights.suffix != ".safetensors":
        raise UserError(f"{weights} is not a .safetensors file: give one, or the folder of a model")
    return weights


def lossless(stream: TextIO, kind: str) -> TextIO:
    """Print names in any script: files are UTF-8, a terminal shows escapes for characters that it lacks."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(
            encoding=stream.encoding if kind == "table" else "utf-8", errors="backslashreplace", newline="\n"
        )
    return stream
