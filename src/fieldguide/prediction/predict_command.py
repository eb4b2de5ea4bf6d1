"""The command `fieldguide predict`."""

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from fieldguide.base.clusters import LOCAL, EngineConfig
from fieldguide.base.engines import use_engine
from fieldguide.base.progress import Progress, progress
from fieldguide.data.cropping import BOXES
from fieldguide.prediction.given import FIELDS, PLAIN, Given, Reader
from fieldguide.prediction.model_files import description_of, weights_of
from fieldguide.prediction.picture_files import STDIN, picture_files, require_something

if TYPE_CHECKING:
    from fieldguide.model.inference import Classifier
    from fieldguide.prediction.answers import Answer, Screening

Item = TypeVar("Item")
HERE = EngineConfig()


@dataclass(frozen=True)
class Observations:
    """Where answers are written as Camtrap DP's observations, and the offset from UTC of clocks that do not say it."""

    file: Path
    offset: str | None = None


def predict_command(
    arguments: Sequence[str],
    model: Path,
    kind: str | None,
    every_label: bool,
    reader: Reader = PLAIN,
    gap: timedelta | None = None,
    observations: Observations | None = None,
    engine: EngineConfig = HERE,
) -> int:
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
    reader
        How the pictures are read, and what is told of them.
    gap
        Answer for events (see `in_events`) instead of pictures.
    observations
        Write the answers as a table of Camtrap DP too.
    engine
        Who works on the pictures; the model's files and the pictures are there by the same paths.
    """
    require_something(arguments)
    weights = weights_of(model)

    with Progress("predict, loading the model"):
        from fieldguide.prediction.answers import load_screened
        from fieldguide.prediction.events import in_events
        from fieldguide.prediction.rows import EVENT, SITE, write_rows

        classifier, screening = load_screened(weights, description_of(weights))
    warn_of_crop(classifier, reader)
    kind = kind or ("table" if sys.stdout.isatty() else "csv")
    unread: list[str] = []
    told: list[tuple[str, Answer]] = []
    known = reader.columns if gap is None else (*FIELDS, *EVENT)
    sites = _trained_sites(weights) if screening and SITE in known else frozenset()
    with answered(arguments, classifier, screening, "predict", reader, engine, weights) as given:
        rows = _with_unread(((one.name, answer) for one, answer in given), unread)
        rows = rows if observations is None else _with_offsets(rows, observations.offset)
        rows = rows if gap is None else in_events(rows, gap)
        rows = rows if observations is None else _kept(rows, told)
        out, screened = lossless(sys.stdout, kind), screening is not None
        labels = classifier.vocabulary
        write_rows(out, kind, rows, labels, every_label, screened=screened, known=known, trained_sites=sites)
    if observations:
        _write_observations(observations, told, classifier, weights, gap is not None)
    if unread:
        print(f"fieldguide: {len(unread)} could not be read", file=sys.stderr)
    return len(unread)


def _trained_sites(weights: Path) -> frozenset[str]:
    """The sites that a classifier was trained on; none where that is not known."""
    from fieldguide.screening.batch_reference import load_sites

    reference = weights.with_name("reference.safetensors")
    return load_sites(reference) if reference.exists() else frozenset()


def warn_of_crop(classifier: "Classifier", reader: Reader) -> None:
    """Say so where a classifier of boxes is asked about whole pictures, or the other way round."""
    cropped = classifier.preprocessing.crop == BOXES
    if cropped and reader.boxes is None:
        print(
            "warning: the classifier was trained on boxes cut out of pictures: give those of these pictures with "
            "--boxes FILE, or cut them out first",
            file=sys.stderr,
        )
    elif reader.boxes is not None and not cropped:
        print("warning: the classifier was trained on whole pictures, not on boxes (clean.crop)", file=sys.stderr)


def _with_unread(rows: "Iterable[tuple[str, Answer]]", unread: list[str]) -> "Iterator[tuple[str, Answer]]":
    for name, answer in rows:
        if answer.probabilities is None and not answer.is_empty:
            unread.append(name)
        yield name, answer


def _with_offsets(rows: "Iterable[tuple[str, Answer]]", offset: str | None) -> "Iterator[tuple[str, Answer]]":
    """The rows; raise UserError at the first whose time cannot be written: at the end that would be late."""
    from fieldguide.prediction.observations_file import check_offset

    for name, answer in rows:
        if answer.known.time and answer.known.time.tzinfo is None:
            check_offset(offset)
        yield name, answer


def _kept(rows: "Iterable[tuple[str, Answer]]", told: "list[tuple[str, Answer]]") -> "Iterator[tuple[str, Answer]]":
    for row in rows:
        told.append(row)
        yield row


def _write_observations(
    observations: Observations,
    told: "list[tuple[str, Answer]]",
    classifier: "Classifier",
    weights: Path,
    events: bool,
) -> None:
    from fieldguide.model.inference import weights_sha256
    from fieldguide.prediction.observations_file import write_observations

    by = f"fieldguide {weights_sha256(classifier, weights)[:12]}"
    labels, file = classifier.vocabulary, observations.file
    if without := write_observations(file, told, labels, observations.offset, by, events):
        print(
            f"fieldguide: {without} are not in {file}: their time or site is not known (see --time, --layout, --site)",
            file=sys.stderr,
        )


@contextmanager
def answered(
    arguments: Sequence[str],
    classifier: "Classifier",
    screening: "Screening | None",
    task: str,
    reader: Reader,
    engine: EngineConfig,
    weights: Path,
) -> "Iterator[Iterator[tuple[Given, Answer]]]":
    """Every picture that the arguments name, with its answer, and progress under the name of the task.

    Of an engine other than `local` each worker loads what `classifier` and `screening` are, from `weights`.
    """
    from fieldguide.prediction.answers import answers, answers_on_engine

    pictures, asked = tee(reader.read(arguments, sys.stdin.buffer))
    if engine.kind == LOCAL:
        given = answers(classifier, asked, screening=screening)
        yield zip(pictures, with_progress(given, arguments, task), strict=True)
        return
    named = [path.absolute() for argument in arguments if (path := Path(argument)).exists()]
    with use_engine(engine, weights.absolute(), *named):
        given = answers_on_engine(weights, asked, task, _count(arguments))
        yield zip(pictures, given, strict=True)


def with_progress(items: Iterable[Item], arguments: Sequence[str], task: str) -> Iterable[Item]:
    """An item for each picture that the arguments name, with progress where no rows on a terminal show it."""
    if sys.stdout.isatty():
        return items
    return progress(items, task, _count(arguments))


def _count(arguments: Sequence[str]) -> int | None:
    return None if STDIN in arguments else sum(1 for _ in picture_files(arguments, sys.stdin.buffer))


def lossless(stream: TextIO, kind: str) -> TextIO:
    """Print names in any script: files are UTF-8, a terminal shows escapes for characters that it lacks."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(
            encoding=stream.encoding if kind == "table" else "utf-8", errors="backslashreplace", newline="\n"
        )
    return stream
