"""Any mode of Pillow's as sRGB: profiles of colour are honoured, what is transparent becomes white."""

import io
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from fieldguide.data.decoding.picture import STRIP, PictureError
from fieldguide.data.status import Status

SRGB = ImageCms.createProfile("sRGB")
SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
MAX_PROFILE = 4 * 2**20  # bytes; those of printers have up to 2 MiB
SAME = 3  # levels of 255 by which a profile may differ from sRGB that pictures are left as they are
INVISIBLE = 15  # an alpha of at most this everywhere shows nothing
BROKEN = "its colour profile is broken and was ignored"


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, list[str]]:
    """An RGB picture of a loaded one, and what there is to say about it.

    A profile converts perceptually; one that says what sRGB says, or that is broken, changes nothing. A picture that is
    transparent everywhere is shown as if it were not.
    """
    if image.mode == "F":
        raise PictureError(Status.UNREADABLE, "floating point pixels: save it with 8 or 16 bits per channel")
    notes: list[str] = []
    space = image.mode if image.mode in SPACES.values() else {"1": "L", "LA": "L"}.get(image.mode, "RGB")
    transform = _from_lab() if space == "LAB" else None
    if profile:
        try:
            transform = _transform(profile, space)
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.append(BROKEN)
    transparent = image.has_transparency_data
    if transparent and all(np.asarray(_layer(strip)[1]).max() <= INVISIBLE for _, strip in _strips(image)):
        transparent, notes = False, [*notes, "transparent everywhere: shown without its transparency"]
    elif image.mode == "RGB" and transform is None and not transparent:
        return image, notes
    target = Image.new("RGB", image.size)
    for top, strip in _strips(image):  # at once it would take several times the memory of the picture
        colours, alpha = _layer(strip) if image.has_transparency_data else (strip, None)
        colours = colours if colours.mode == space else colours.convert(space)
        colours = (colours if transform is None else transform.apply(colours)).convert("RGB")
        target.paste(_on_white(colours, alpha) if transparent and alpha else colours, (0, top))
    return target, notes


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    for top in range(0, image.height, STRIP):
        yield top, image.crop((0, top, image.width, min(top + STRIP, image.height)))


def _layer(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The colours of a picture with transparency, whatever their alpha, and the alpha."""
    layer = image.convert("RGBA")
    return (layer.getchannel(0) if image.mode == "LA" else layer.convert("RGB")), layer.getchannel("A")


def _on_white(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    layer = colours.copy()
    layer.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What brings pictures to sRGB; None if that changes nothing. Raises for a profile that does not fit."""
    if len(profile) > MAX_PROFILE:
        raise ValueError("too large")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if SPACES.get(source.profile.xcolor_space.strip()) != mode:
        raise ValueError("a profile for another kind of picture")
    if mode in {"RGB", "L"}:
        # By what it measures; to be perceived alike, a newer sRGB lifts the black of an older one.
        measured = ImageCms.buildTransform(source, SRGB, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
        tried = _all_colours() if mode == "RGB" else Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        after, before = np.asarray(measured.apply(tried), int), np.asarray(tried.convert("RGB"), int)
        if np.abs(after - before).max() <= SAME:
            return None
    return ImageCms.buildTransform(source, SRGB, mode, "RGB", ImageCms.Intent.PERCEPTUAL)


@lru_cache(maxsize=1)
def _from_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), SRGB, "LAB", "RGB")


def _all_colours() -> Image.Image:
    """Every 16th level of each channel with every other."""
    levels = np.linspace(0, 255, 17).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(17, -1, 3))
