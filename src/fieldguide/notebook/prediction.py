"""What a classifier says of a picture, as numbers, as text, and as a notebook shows it."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from fieldguide.base.errors import UserError, printable
from fieldguide.data.cropping import cut
from fieldguide.data.images import PictureError, bounded, read_picture
from fieldguide.model.activation_maps import ActivationMaps
from fieldguide.model.activation_overlay import Overlay, overlay
from fieldguide.model.inference import Classifier
from fieldguide.pages.parts import THUMBNAIL
from fieldguide.pages.render import render
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.given import Given

MOST_BARS = 6  # labels that are drawn


@dataclass(frozen=True)
class Prediction:
    """The calibrated answer for one picture.

    `label` and `probability` (from 0 to 1) are the most probable one's; both are None, and `probabilities` is empty,
    where the picture cannot be read, and `reason` says why. Where it was screened, `p_value` is the share of ordinary
    pictures that look at least as unusual, `out_of_domain` the alarm, and `reason` why; else both are None.
    """

    name: str
    label: str | None
    probability: float | None
    probabilities: dict[str, float]
    p_value: float | None
    out_of_domain: bool | None
    reason: str
    given: Given = field(repr=False)
    answer: Answer = field(repr=False)
    classifier: Classifier = field(repr=False)
    maps: Callable[[], ActivationMaps | None] = field(repr=False)

    @classmethod
    def of(
        cls, given: Given, answer: Answer, classifier: Classifier, maps: Callable[[], ActivationMaps | None]
    ) -> "Prediction":
        """The prediction that an answer of the classifier is; `maps` gives its maps, or None where it has none."""
        known, labels = answer.probabilities, classifier.vocabulary
        best = None if known is None else int(known.argmax())
        each = {} if known is None else dict(zip(labels, map(float, known), strict=True))
        label = None if best is None else labels[best]
        probability = None if label is None else each[label]
        about = (answer.p_value, answer.out_of_domain, answer.reason)
        return cls(printable(given.name), label, probability, each, *about, given, answer, classifier, maps)

    def picture(self, side: int = THUMBNAIL) -> Image.Image | None:
        """The picture as it was asked about, at most `side` pixels long; None where it cannot be read (any more)."""
        seen, file = self.classifier.preprocessing, self.given.file
        try:
            picture = read_picture(
                io.BytesIO(file) if isinstance(file, bytes) else file, seen.max_megapixels, seen.depth
            )
            part = picture if self.given.known.box is None else cut(picture, self.given.known.box, seen.crop_margin)
        except (PictureError, ValueError):  # the latter of a path with a null character
            return None
        return bounded(part.image, side)

    def looking(self, label: str | None = None, side: int = THUMBNAIL) -> Overlay | None:
        """Which places of the picture speak for a label, by default the predicted one: `picture`, and `where` in words.

        None where the picture cannot be read (any more), or the network has no map from which that follows at once:
        `fieldguide explain --page` takes longer, and knows it of more networks. Raises UserError for another label.
        """
        vocabulary, wanted = self.classifier.vocabulary, self.label if label is None else label
        if wanted is not None and wanted not in vocabulary:
            raise UserError(f"no label {printable(wanted)!r}; known: {', '.join(map(printable, vocabulary))}")
        maps, picture = self.maps(), self.picture(self.classifier.preprocessing.max_side)
        if wanted is None or maps is None or picture is None:
            return None
        return overlay(maps, picture, vocabulary.index(wanted), side)

    def _repr_html_(self) -> str:
        shown = {"predictions": [self], "looking": self.looking(), "most": MOST_BARS, "more": 0, "side": THUMBNAIL}
        return render("notebook/predictions.html", **shown)


class Predictions(list[Prediction]):
    """Predictions in the order of the pictures."""

    MOST_SHOWN = 24

    def _repr_html_(self) -> str:
        values = {"predictions": self[: self.MOST_SHOWN], "looking": None, "most": MOST_BARS, "side": THUMBNAIL}
        return render("notebook/predictions.html", more=max(0, len(self) - self.MOST_SHOWN), **values)
