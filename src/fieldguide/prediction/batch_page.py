"""The page about a batch of new pictures: whether and how it has shifted, and which pictures show that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fieldguide.base.errors import printable
from fieldguide.base.shares import decimal, p_value, percent, significant
from fieldguide.pages.parts import THUMBNAIL, Shown, in_words
from fieldguide.pages.render import render
from fieldguide.prediction.batch_verdict import Kind, Loss
from fieldguide.statistics.two_sample import ALPHA, FEATURES, Shift, TwoSample

IN_WORDS = "image features"  # what the test of FEATURES is about


@dataclass(frozen=True)
class Share:
    """Of the predictions for the reference and for a batch, those of one label."""

    label: str
    reference: float
    batch: float


@dataclass(frozen=True)
class Part:
    """A site or month of a batch, and in a few words what screening found in it."""

    by: str
    name: str
    is_new: bool  # a site that the classifier was not trained on
    pictures: int
    alarms: int
    finding: str

    def said(self) -> str:
        """One line about it."""
        new = ", new to the classifier" if self.is_new else ""
        counts = f"{self.pictures} pictures, {self.alarms} out of domain{new}"
        return f"{self.by} {printable(self.name)} ({counts}): {self.finding}"


@dataclass(frozen=True)
class BatchFindings:
    """All that screening found in a batch."""

    name: str
    kind: Kind
    pictures: int
    unread: int
    alarms: int
    loss: Loss  # of accuracy, expected
    errors: Mapping[str, float]  # by simulated shift, how much more was expected than lost
    alarm_rate: float  # the share of alarms that was promised on pictures like those known
    reference: int  # pictures that it was compared with
    shift: Shift
    mix: Sequence[Share]  # of the predictions, by label


def verdict(found: BatchFindings) -> str:
    """One sentence: what the batch is, and in what it differs most."""
    if found.kind == Kind.KNOWN:
        return f"Like what is known: these {found.pictures} pictures do not differ from the reference beyond chance"
    most = describe(next(test for test in found.shift.tests if test.differs))
    if found.kind == Kind.OTHER_SOURCE:
        return f"Another source, but in domain: {most}; alarms and confidence stay within their limits"
    return f"Shifted: {most}; {loss_in_words(found)}"


def in_short(found: BatchFindings) -> str:
    """The same in a few words, for one of several: what it is, in what it differs most, and the expected loss."""
    if found.kind == Kind.KNOWN:
        return str(found.kind)
    most = describe(next(test for test in found.shift.tests if test.differs))
    if found.kind == Kind.OTHER_SOURCE or is_strange(found):
        return f"{found.kind}: {most}"
    return f"{found.kind}: {most}; expected loss of accuracy {100 * found.loss.expected:+.1f} points"


def loss_in_words(found: BatchFindings) -> str:
    """The expected loss of accuracy with its interval, and how far to trust it."""
    loss = found.loss
    between = f"{100 * loss.low:+.0f} to {100 * loss.high:+.0f}"
    expected = (
        f"expected loss of accuracy {100 * loss.expected:+.1f} points ({between}), by the difference of confidences"
    )
    if is_strange(found):
        expected = (
            f"confidence says nothing about the accuracy on what is not known; if they show known labels, {expected}"
        )
    return f"{expected}; {error_in_words(found.errors)}"


def error_in_words(errors: Mapping[str, float]) -> str:
    """How far the expected loss was off where the true one is known."""
    if not errors:
        return "its error was not measured: run `dvc repro`"
    worst = max(errors, key=lambda name: abs(errors[name]))
    mean = sum(abs(error) for error in errors.values()) / len(errors)
    return (
        f"under {len(errors)} simulated shifts it was off by {100 * mean:.0f} points on average, "
        f"by {100 * abs(errors[worst]):.0f} at most ({in_words(worst)})"
    )


def is_strange(found: BatchFindings) -> bool:
    """Whether most pictures of the batch are out of domain."""
    return 2 * found.alarms > found.pictures


def describe(test: TwoSample) -> str:
    """What a test found, in words: the size first, then how far chance explains it."""
    chance = p_value(test.p_value)
    if test.before is None or test.after is None:
        return f"{IN_WORDS} differ from the reference (effect {decimal(test.effect, 2)}, {chance})"
    way = "higher" if test.after > test.before else "lower"
    return (
        f"{test.name} is {way}, median {significant(test.after, 3)}, reference {significant(test.before, 3)} "
        f"(effect {decimal(test.effect, 2)}, {chance})"
    )


def batch_page(
    found: BatchFindings,
    typical: Sequence[Shown],
    flagged: Sequence[tuple[str, Sequence[Shown]]],
    parts: Sequence[Part] = (),
) -> str:
    """The page as HTML.

    `typical` are the pictures that are most like the batch and least like those known, `flagged` the alarms by reason,
    `parts` its sites and months.
    """
    return render(
        "prediction/batch.html",
        title=f"New pictures: {found.name}",
        found=found,
        verdict=verdict(found),
        facts=[
            ("pictures", str(found.pictures), f"{found.unread} could not be read" if found.unread else "all read"),
            ("out of domain", percent(found.alarms / max(found.pictures, 1)), f"{found.alarms} pictures"),
            ("expected", percent(found.alarm_rate), "false alarms on in-domain pictures"),
            ("expected loss of accuracy", *_loss_fact(found)),
            ("reference", str(found.reference), "pictures of the valid split"),
        ],
        names={FEATURES: IN_WORDS},
        alpha=ALPHA,
        mix=found.mix,
        parts=parts,
        typical=typical,
        flagged=flagged,
        side=THUMBNAIL,
    )


def _loss_fact(found: BatchFindings) -> tuple[str, str]:
    """The expected loss as a figure, and its interval and error as the remark."""
    if is_strange(found):
        return "unknown", "most are out of domain"
    loss = found.loss
    between = f"{100 * loss.low:+.0f} to {100 * loss.high:+.0f} points; {error_in_words(found.errors)}"
    return (f"{100 * loss.expected:.1f} points" if loss.expected > 0 else "none"), between
