"""The counts that pages, terminal and metrics.json show: each has one name, one meaning and one place.

docs/counts.md holds the same list.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths


@dataclass(frozen=True)
class Count:
    """A key of a stage's metrics.json, its name for one and for several, and what it counts."""

    one: str
    many: str
    meaning: str

    def said(self, number: int) -> str:
        """The number with its name."""
        return f"{number} {self.one if number == 1 else self.many}"


COUNTS = {
    "clean.pictures": Count("file", "files", "files of the data set, whatever became of them"),
    "clean.kept": Count(
        "picture used", "pictures used", "files whose pictures are used; of each other the reason is told"
    ),
    "split.train": Count("train picture", "train pictures", "pictures used to train on"),
    "split.valid": Count("valid picture", "valid pictures", "pictures used to choose the epoch and to calibrate"),
    "split.test": Count("test picture", "test pictures", "pictures used to measure on, and for nothing else"),
    "split.left_out": Count(
        "look-alike left out", "look-alikes left out", "pictures used nowhere: they look like one on another split side"
    ),
    "validate.expectations": Count("check before training", "checks before training", "checks that `validate` made"),
    "validate.flagged_pictures": Count(
        "picture flagged before training",
        "pictures flagged before training",
        "files that a check of `validate` does not accept, each once; they are in reports/validate/flagged.csv",
    ),
    "screen.expectations": Count("check after training", "checks after training", "checks that `screen` made"),
    "screen.flagged_pictures": Count(
        "picture flagged after training",
        "pictures flagged after training",
        "pictures that a check of `screen` does not accept, each once; they are in reports/screen/flagged.csv",
    ),
    "screen.out_of_domain": Count(
        "picture out of domain", "pictures out of domain", "pictures of any split side that raise the alarm"
    ),
    "screen.test_alarms": Count(
        "test picture out of domain", "test pictures out of domain", "pictures of the test side that raise the alarm"
    ),
    "screen.label_doubts": Count(
        "label in doubt",
        "labels in doubt",
        "pictures whose label may be wrong: the least probable and the most surprising ones, as many of each as "
        "confident learning estimates",
    ),
    "screen.weak_label_doubts": Count(
        "weaker doubt", "weaker doubts", "other pictures whose label is less probable than another one"
    ),
    "screen.twins": Count(
        "near duplicate under another label",
        "near duplicates under another label",
        "pictures that look the same as one with another label",
    ),
    "screen.low_quality": Count(
        "picture of low quality",
        "pictures of low quality",
        "pictures that are dark, blurred, grey or long, unlike most of the set",
    ),
    "screen.review_queue": Count(
        "picture to review",
        "pictures to review",
        "rows of the review queue: all of the above, and one of each pair of near duplicates of one label, without "
        "pictures that have a review",
    ),
}


def read_counts(paths: Paths, stages: Iterable[str]) -> dict[str, int]:
    """The counts of some stages, by their keys in COUNTS. Raises UserError if one of the stages has not run yet."""
    metrics: dict[str, Mapping[str, Any]] = {}
    for stage in stages:
        try:
            metrics[stage] = read_json(paths.metrics(stage))
        except FileNotFoundError as error:
            raise UserError(f"{error.filename} is missing: run `dvc repro` first") from None
    return {key: metrics[stage][name] for stage in metrics for key, name in keys_of(stage).items()}


def keys_of(stage: str) -> dict[str, str]:
    """The keys in COUNTS that are of a stage, and each one's key in its metrics.json."""
    return {key: key.partition(".")[2] for key in COUNTS if key.startswith(f"{stage}.")}


def said(counts: Mapping[str, int], *keys: str) -> str:
    """Counts with their names, one after the other."""
    return ", ".join(COUNTS[key].said(counts[key]) for key in keys)
