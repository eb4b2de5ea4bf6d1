"""Predicting by the roll-out: the champion answers, others beside it or for their share, and all is logged."""

import json
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path

import numpy as np
from filelock import FileLock

from fieldguide.base.config import RolloutConfig
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, write_json
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress
from fieldguide.configuration.compose import compose
from fieldguide.model.inference import Classifier
from fieldguide.prediction.answers import Answer, Screening, answers, load_screened
from fieldguide.prediction.given import PLAIN, Reader
from fieldguide.prediction.log import Logged, log_predictions
from fieldguide.prediction.picture_files import require_something
from fieldguide.prediction.predict_command import lossless, warn_of_crop, with_progress
from fieldguide.prediction.rows import write_rows
from fieldguide.release.registry import Registry
from fieldguide.release.versions import CHAMPION, LIMITED, SHADOW, Version, kept_candidate

LOG_BATCH = 1000  # predictions that wait in memory before they are written


@dataclass(frozen=True)
class Serving:
    """A version that predicts."""

    step: str
    number: int
    classifier: Classifier
    screening: Screening | None


def predict_live(
    paths: Paths, arguments: Sequence[str], kind: str | None, every_label: bool, site: str, reader: Reader = PLAIN
) -> int:
    """Print the roll-out's answer for every picture and log all predictions; return how many could not be read.

    Raises UserError if no version answers, or, after all answers, if some could not be logged (a full disk, say).

    Parameters
    ----------
    arguments, kind, every_label
        As `fieldguide.prediction.predict_command.predict_command` takes them.
    site
        Where the pictures are from that the reader knows no site of; "" if it does not matter.
    reader
        How the pictures are read, and what is told of them.
    """
    require_something(arguments)
    with Progress("predict, loading the models"):
        rollout, models = compose(paths).rollout, serving(paths)
    if models[0].step != CHAMPION:
        notice = f"no champion yet: version {models[0].number} ({models[0].step}) answers, have a person confirm"
        print(f"fieldguide: {notice}", file=sys.stderr)
    labels = sorted({label for model in models for label in model.classifier.vocabulary})
    warn_of_crop(models[0].classifier, reader)
    listed, *files = tee(reader.read(arguments, sys.stdin.buffer), 1 + len(models))
    streams = [
        answers(model.classifier, file, screening=model.screening, identify=True)
        for model, file in zip(models, files, strict=True)
    ]
    screened = any(model.screening for model in models)
    kind = kind or ("table" if sys.stdout.isatty() else "csv")
    lost: list[str] = []
    with closing(_logged(paths.log, models, zip(*streams, strict=True), labels, rollout, site, lost)) as given:
        shown = with_progress(given, arguments, "predict")
        rows = ((one.name, answer) for one, answer in zip(listed, shown, strict=True))
        unread = write_rows(
            lossless(sys.stdout, kind),
            kind,
            rows,
            labels,
            every_label,
            screened=screened,
            identify=True,
            known=reader.columns,
        )
    if unread:
        print(f"fieldguide: {unread} could not be read", file=sys.stderr)
    if lost:
        raise UserError(f"some predictions could not be logged: {lost[0]}")
    return unread


def serving(paths: Paths) -> list[Serving]:
    """The versions that predict now, the one that answers first: champion, limited, shadow.

    If MLflow does not answer, those that were in these steps last time, with a warning. Raises UserError without any.
    """
    last = paths.versions / "steps.json"
    try:
        registry = Registry(paths)
        found = {step: version for step in (CHAMPION, LIMITED, SHADOW) if (version := registry.at(step))}
    except UserError as error:
        if not last.is_file():
            raise
        print(f"warning: {error}; the last known versions answer", file=sys.stderr)
        found = {step: Version(**content) for step, content in read_json(last).items()}
        candidates = {step: kept_candidate(paths, version) for step, version in found.items()}
    else:
        if not found:
            raise UserError("no version predicts yet: run `fieldguide rollout advance` to move a challenger to shadow")
        candidates = {step: registry.candidate(version) for step, version in found.items()}
        _remember(last, found)
    return [
        Serving(step, found[step].number, *load_screened(candidate.weights, candidate.description))
        for step, candidate in candidates.items()
    ]


def _remember(last: Path, found: dict[str, Version]) -> None:
    """Keep which versions predict, for when MLflow does not answer."""
    steps = json.loads(json.dumps({step: vars(version) for step, version in found.items()}))
    with FileLock(last.with_suffix(".lock")):  # several may predict at once
        if not last.is_file() or read_json(last) != steps:  # nothing to write is nothing that a full disk could stop
            write_json(last, steps)


def answers_limited(identity: str, site: str, rollout: RolloutConfig) -> bool:
    """Whether a model in `limited` answers for a picture: those of its sites, and a share of the others by id."""
    return site in rollout.limited_sites or int(identity[:8], 16) / 16**8 < rollout.limited_share


def _logged(
    log: Path,
    models: Sequence[Serving],
    given: Iterator[tuple[Answer, ...]],
    labels: list[str],
    rollout: RolloutConfig,
    site: str,
    lost: list[str],
) -> Generator[Answer, None, None]:
    """The answer that counts for each picture, over all labels; all predictions are logged.

    Why something could not be logged is added to `lost`: it is no reason to give no answer.
    """
    waiting: list[Logged] = []
    try:
        for several in given:
            chosen, where = 0, several[0].known.site or site
            for place, (model, answer) in enumerate(zip(models, several, strict=True)):
                if answer.probabilities is None:
                    continue
                if model.step == LIMITED and place > 0:
                    if not answers_limited(answer.id, where, rollout):
                        continue
                    chosen = place
                best = int(answer.probabilities.argmax())
                label, probability = model.classifier.vocabulary[best], float(answer.probabilities[best])
                found = (answer.p_value, answer.out_of_domain)
                waiting.append(Logged(answer.id, model.number, model.step, label, probability, where, *found))
            if len(waiting) >= LOG_BATCH:
                _log(log, waiting, lost)
                waiting = []
            yield _over(labels, models[chosen].classifier.vocabulary, several[chosen])
    finally:
        _log(log, waiting, lost)


def _log(log: Path, predictions: Sequence[Logged], lost: list[str]) -> None:
    try:
        log_predictions(log, predictions)
    except OSError as error:
        lost.append(str(error))


def _over(labels: list[str], vocabulary: list[str], answer: Answer) -> Answer:
    """The answer with a probability for every label of all models."""
    if answer.probabilities is None:
        return answer
    probabilities = np.zeros(len(labels))
    probabilities[[labels.index(label) for label in vocabulary]] = answer.probabilities
    return replace(answer, probabilities=probabilities)
