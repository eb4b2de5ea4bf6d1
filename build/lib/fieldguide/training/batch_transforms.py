"""Augmentations and normalization as fastai's batch transforms, which run on the GPU where there is one."""

from collections.abc import Sequence
from typing import Any

from fastai.data.transforms import Normalize
from fastai.vision.augment import setup_aug_tfms

from fieldguide.model.architecture import Normalization
from fieldguide.training.augmentations import Augmentation


def batch_transforms(augmentations: Sequence[Augmentation]) -> list[Any]:
    """fastai's transforms for the training batches, which work in four steps, each in the order of the list.

    First what moves pixels (flip, upside_down, rotate, zoom, warp), joined so that the picture is interpolated once;
    then the light (brightness, contrast, saturation, hue), joined too; then what the camera does (blur, motion_blur,
    grayscale, noise), one after the other; and, after normalization, what hides the picture (erase).
    """
    return list(setup_aug_tfms([augmentation.transform() for augmentation in augmentations]))


def normalize(normalization: Normalization) -> Any:
    """fastai's Normalize, the last of the batch transforms."""
    return Normalize.from_stats(normalization.mean, normalization.std, cuda=False)
