"""Test-time augmentation: the mean prediction for several views of a picture."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fieldguide.data.resizing import FILTER
from fieldguide.model.inference import Classifier, predict

ZOOM = 0.9  # of the sides


def more_views(picture: Image.Image, mirrored: bool) -> list[Image.Image]:
    """The middle of a picture, 10 % closer; with `mirrored` also the picture and its middle mirrored left to right."""
    width, height = picture.size
    left, top = width * (1 - ZOOM) / 2, height * (1 - ZOOM) / 2
    closer = picture.resize(picture.size, FILTER, box=(left, top, width - left, height - top))
    return [closer, ImageOps.mirror(picture), ImageOps.mirror(closer)] if mirrored else [closer]


def predict_views(
    classifier: Classifier, pictures: Iterable[Image.Image], plain: NDArray[np.float64], mirrored: bool
) -> NDArray[np.float64]:
    """Probabilities (n, labels): the means over the views of each of n RGB pictures.

    Parameters
    ----------
    plain
        (n, labels), what `predict` says of the pictures as they are: the first view.
    mirrored
        Whether to mirror pictures too; only right if mirroring was among the augmentations.
    """
    more = predict(classifier, (view for picture in pictures for view in more_views(picture, mirrored)))
    views = np.concatenate([plain[:, None], more.reshape(len(plain), -1, plain.shape[1])], axis=1)
    return views.mean(axis=1)
