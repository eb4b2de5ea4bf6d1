"""Test-time augmentation: the mean opinion on several views of a picture."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fieldguide.data.square import FILTER
from fieldguide.model.predict import Classifier, predict

ZOOM = 0.9  # of the sides


def views(picture: Image.Image, mirrored: bool) -> list[Image.Image]:
    """The picture as it is and its middle, 10 % closer; with `mirrored` both mirrored left to right as well."""
    width, height = picture.size
    left, top = width * (1 - ZOOM) / 2, height * (1 - ZOOM) / 2
    closer = picture.resize(picture.size, FILTER, box=(left, top, width - left, height - top))
    plain = [picture, closer]
    return [*plain, *(ImageOps.mirror(view) for view in plain)] if mirrored else plain


def predict_views(classifier: Classifier, pictures: Iterable[Image.Image], mirrored: bool) -> NDArray[np.float64]:
    """Like `predict`: probabilities (n, labels), here the means over the views of each picture."""
    probabilities = predict(classifier, (view for picture in pictures for view in views(picture, mirrored)))
    return probabilities.reshape(-1, 4 if mirrored else 2, len(classifier.vocabulary)).mean(axis=1)
