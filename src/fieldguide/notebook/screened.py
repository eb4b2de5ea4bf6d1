"""What screening says of several pictures together, as numbers, as text, and as a notebook shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fieldguide.base.errors import UserError, printable
from fieldguide.model.inference import Classifier
from fieldguide.notebook.prediction import MOST_BARS, Prediction, Predictions
from fieldguide.pages.parts import THUMBNAIL
from fieldguide.pages.render import render
from fieldguide.prediction.answers import Screening
from fieldguide.prediction.batch import Batch, findings
from fieldguide.prediction.batch_page import BatchFindings, describe, verdict
from fieldguide.prediction.batch_parts import MIN_PART
from fieldguide.prediction.batch_verdict import Kind
from fieldguide.prediction.screen_command import MIN_KNOWN
from fieldguide.screening.batch_reference import load_errors, load_reference


@dataclass(frozen=True)
class Screened:
    """Predictions, and the verdict on all of them as a batch.

    `shifted` is None where there are too few pictures to tell; `findings` are the tests behind the verdict.
    """

    predictions: Predictions
    verdict: str  # one sentence
    shifted: bool | None
    findings: BatchFindings | None = field(default=None, repr=False)

    @property
    def alarms(self) -> Predictions:
        """Those that are out of domain, the least probable first."""
        strange = (one for one in self.predictions if one.out_of_domain)
        return Predictions(sorted(strange, key=lambda one: one.p_value or 0))

    def _repr_html_(self) -> str:
        tests = [describe(test) for test in self.findings.shift.tests if test.differs] if self.findings else []
        shown = self.alarms[: Predictions.MOST_SHOWN]
        values = {"predictions": shown, "looking": None, "most": MOST_BARS, "side": THUMBNAIL}
        more = max(0, len(self.alarms) - Predictions.MOST_SHOWN)
        return render("notebook/screened.html", screened=self, tests=tests, more=more, **values)


@dataclass(frozen=True)
class Screener:
    """A classifier with its screen, and what a batch is compared with, which lies beside them."""

    weights: Path
    classifier: Classifier
    screening: Screening

    def screen(self, name: str, predictions: Sequence[Prediction]) -> Screened:
        """The verdict on predictions, as `fieldguide screen` gives it. Raises UserError if none could be read."""
        read = [one for one in predictions if one.label is not None]
        if not read:
            raise UserError(f"no picture to screen: {len(predictions)} files could not be read")
        file = self.weights.with_name("reference.safetensors")
        known, errors = load_reference(file, len(self.classifier.vocabulary)), load_errors(file)
        if len(read) < MIN_PART or len(known[0]) < MIN_KNOWN:
            told = f"{len(read)} read, {len(known[0])} to compare with: too few to test for a shift, "
            return Screened(Predictions(predictions), f"{told}needed are {MIN_PART} and {MIN_KNOWN}", None)
        batch = Batch([one.given for one in read], [one.answer for one in read], len(predictions) - len(read))
        found = findings(printable(name), self.classifier, self.screening[0].alarm_rate, known, errors, batch)
        return Screened(Predictions(predictions), verdict(found), found.kind == Kind.SHIFTED, found)
