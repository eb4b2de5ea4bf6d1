"""Augmentations and normalization as fastai's batch transforms, which run on the GPU where there is one."""

from typing import Any

from fastai.data.transforms import Normalize
from fastai.vision.augment import (
    Brightness,
    Contrast,
    Hue,
    Rotate,
    Saturation,
    Warp,
    Zoom,
    setup_aug_tfms,
)
from fastai.vision.augment import Flip as FastaiFlip

from fieldguide.base import config
from fieldguide.model.network import Normalization
from fieldguide.training.camera_effects import Blur, Erase, Grayscale, Noise, UpsideDown

LIGHT = {
    "brightness": lambda light: Brightness(max_lighting=light.change, p=light.p),
    "contrast": lambda light: Contrast(max_lighting=light.change, p=light.p),
    "saturation": lambda light: Saturation(max_lighting=light.change, p=light.p),
    "hue": lambda light: Hue(max_hue=light.change, p=light.p),
}


def batch_transforms(transforms: list[config.Transform]) -> list[Any]:
    """fastai's transforms for the training batches, which work in four steps, each in the order of the list.

    First what moves pixels (flip, upside_down, rotate, zoom, warp), joined so that the picture is interpolated once;
    then the light (brightness, contrast, saturation, hue), joined too; then what the camera does (blur, motion_blur,
    grayscale, noise), one after the other; and, after normalization, what hides the picture (erase).
    """
    return list(setup_aug_tfms([_batch_transform(transform) for transform in transforms]))


def normalize(normalization: Normalization) -> Any:
    """fastai's Normalize, the last of the batch transforms."""
    return Normalize.from_stats(normalization.mean, normalization.std, cuda=False)


def _batch_transform(transform: config.Transform) -> Any:
    match transform:
        case config.Flip():
            return FastaiFlip(p=transform.p)
        case config.Rotate():
            return Rotate(max_deg=transform.degrees, p=transform.p)
        case config.Zoom():
            return Zoom(min_zoom=transform.low, max_zoom=transform.high, p=transform.p)
        case config.Warp():
            return Warp(magnitude=transform.magnitude, p=transform.p)
        case config.Light():
            return LIGHT[transform.name](transform)
        case config.Erase():
            return Erase(transform.share, transform.p)
        case config.UpsideDown():
            return UpsideDown(transform.p)
        case config.Grayscale():
            return Grayscale(transform.p)
        case config.Blur():
            return Blur(transform.share, transform.p, motion=transform.name == "motion_blur")
        case config.Noise():
            return Noise(transform.strength, transform.p)
