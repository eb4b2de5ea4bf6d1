"""A trained classifier as an object: it predicts and screens pictures as the commands do."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

from PIL import Image, ImageOps

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.processor import one_linear_algebra_thread
from fieldguide.model.activation_maps import ActivationMaps, activation_maps
from fieldguide.model.asking import FEATURE_MAP
from fieldguide.model.inference import Classifier
from fieldguide.notebook.prediction import Prediction, Predictions
from fieldguide.notebook.screened import Screened, Screener
from fieldguide.prediction.answers import Screening, answers, load_screened
from fieldguide.prediction.given import Given
from fieldguide.prediction.model_files import description_of, weights_of
from fieldguide.prediction.picture_files import STDIN, named_files

Picture = str | Path | bytes | Image.Image
# What Pillow raises for images that are damaged, closed, empty or too large.
CANNOT_BE_READ = (OSError, ValueError, SyntaxError, SystemError, Image.DecompressionBombError)
LOSSLESS_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # that PNG keeps


@dataclass(frozen=True)
class LoadedClassifier:
    """What `fieldguide.load` gives."""

    weights: Path
    classifier: Classifier
    screening: Screening | None

    @property
    def labels(self) -> list[str]:
        """The labels that it knows, in the order of its probabilities."""
        return list(self.classifier.vocabulary)

    @overload
    def predict(self, pictures: Picture) -> Prediction: ...  # type: ignore[overload-overlap]  # a text is iterable too
    @overload
    def predict(self, pictures: Iterable[Picture]) -> Predictions: ...
    def predict(self, pictures: Picture | Iterable[Picture]) -> Prediction | Predictions:
        """Predict pictures, with the same answers as `fieldguide predict`.

        Parameters
        ----------
        pictures
            A file's path or bytes, or a Pillow image. Or a list of these, in which a folder stands for the files in it
            and below.

        Returns
        -------
        A prediction, or of a list one for each, in order. What cannot be read is a prediction without a label, with the
        reason.

        Raises
        ------
        UserError
            If a folder is given by itself, or something else than pictures.
        """
        asked = _listed(pictures)
        if asked is pictures:
            return Predictions(self._predictions(asked))
        if isinstance(pictures, str | Path) and Path(pictures).is_dir():
            raise UserError(f"{pictures} is a folder: give it in a list, for a prediction of each file in it")
        return self._predictions(asked)[0]

    @one_linear_algebra_thread()
    def screen(self, pictures: Picture | Iterable[Picture]) -> Screened:
        """Screen pictures one by one and as a batch, with the same verdict as `fieldguide screen`.

        Takes what `predict` takes, and a folder by itself. Raises UserError if there is no screen beside the
        classifier, or no picture can be read.
        """
        if self.screening is None:
            raise UserError(f"no screen.safetensors beside {self.weights}: run `dvc repro`")
        name = str(pictures) if isinstance(pictures, str | Path) else "this batch"
        found = self._predictions(_listed(pictures))
        return Screener(self.weights, self.classifier, self.screening).screen(name, found)

    @one_linear_algebra_thread()
    def _predictions(self, pictures: Iterable[Picture]) -> list[Prediction]:
        given = [one for number, picture in enumerate(pictures, 1) for one in _given(picture, f"picture {number}")]
        found = answers(self.classifier, given, screening=self.screening)
        pairs = zip(given, found, strict=True)
        return [Prediction.of(one, answer, self.classifier, lambda: self._maps) for one, answer in pairs]

    @cached_property
    def _maps(self) -> ActivationMaps | None:
        """Where it looks, of a network whose own answer tells; nothing else is loaded for that."""
        has_map = self.classifier.network.shape_of(FEATURE_MAP) is not None and self.weights.is_file()
        return activation_maps(self.classifier, self.weights) if has_map else None

    def __repr__(self) -> str:
        screened = "with" if self.screening else "without"
        return f"<fieldguide classifier of {', '.join(self.labels)}, {screened} a screen>"


def load_folder(model: Path) -> LoadedClassifier:
    """See `fieldguide.load`."""
    weights = weights_of(model)
    return LoadedClassifier(weights, *load_screened(weights, description_of(weights)))


def _listed(pictures: Picture | Iterable[Picture]) -> Iterable[Picture]:
    """The list that was given, or one of the picture. Raises UserError if it is neither."""
    if isinstance(pictures, str | Path | bytes | Image.Image):
        return [pictures]
    if isinstance(pictures, io.IOBase) or not isinstance(pictures, Iterable):
        raise _other("it", pictures)
    return pictures


def _other(name: str, given: object) -> UserError:
    kind = type(given).__name__
    return UserError(
        f"{name} is of the type {kind}: give a file's path or bytes, or a Pillow image (PIL.Image.fromarray makes one "
        "of an array)"
    )


def _given(picture: Picture, name: str) -> Iterator[Given]:
    """A picture, or those in a folder; `name` is what it is called if it has no path."""
    if isinstance(picture, str | Path):
        path = str(picture)
        plain = f"./{STDIN}" if path == STDIN else path
        yield from (Given(str(path), path) for path, _ in named_files([plain], io.BytesIO()))
    elif isinstance(picture, bytes):
        yield Given(name, picture)
    elif isinstance(picture, Image.Image):
        yield _encoded(picture, name)
    else:
        raise _other(name, picture)


def _encoded(image: Image.Image, name: str) -> Given:
    """A Pillow image as a file, upright, with the same pixels as far as PNG knows them; or why it is none."""
    buffer = io.BytesIO()
    try:
        upright = ImageOps.exif_transpose(image)
        plain = upright if upright.mode in LOSSLESS_MODES else upright.convert("RGB")
        plain.save(buffer, "PNG", compress_level=1)
    except CANNOT_BE_READ as error:
        return Given(name, b"", reason=f"the image cannot be read ({first_line(error)})")
    return Given(name, buffer.getvalue())
