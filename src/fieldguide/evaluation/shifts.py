"""Named shifts: the ways in which pictures of the world differ from those that a classifier was trained on.

Every shift takes an RGB picture and gives an RGB picture of the same size. What is random in it follows from the
picture's id and the shift's name alone. Lengths are shares of the picture's sides, so that small and large copies of a
picture change alike.
"""

import hashlib
import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

Pixels = NDArray[np.float32]
Chance = np.random.Generator
BOX = Image.Resampling.BOX


def shifted(picture: Image.Image, shift: str, picture_id: str) -> Image.Image:
    """An RGB picture under one of `SHIFTS`; the same id gives the same picture."""
    seed = hashlib.sha256(f"{shift}:{picture_id}".encode()).digest()
    return SHIFTS[shift](picture, np.random.default_rng(int.from_bytes(seed[:8], "big")))


def night(picture: Image.Image, chance: Chance) -> Image.Image:
    """An infrared trail camera in the dark: no colour, a bluish tint, a flash that fades to the sides, and noise."""
    soft = picture.convert("L").filter(ImageFilter.GaussianBlur(0.004 * max(picture.size)))
    light = _pixels(ImageOps.autocontrast(soft, cutoff=1)) / 255  # the camera sets its exposure
    down, right = np.linspace(-1, 1, picture.height)[:, None], np.linspace(-1, 1, picture.width)[None, :]
    flash = 0.12 + 0.60 * np.exp(-1.6 * ((right - chance.uniform(-0.3, 0.3)) ** 2 + down**2))
    grain = chance.standard_normal(light.shape, dtype=np.float32) * chance.uniform(0.03, 0.05)
    dark = 0.03 + flash * light + grain
    return _picture(255 * dark[:, :, None] * np.array([0.86, 0.95, 1.12]))


def black_and_white(picture: Image.Image, chance: Chance) -> Image.Image:
    """An old photo or a printed page: no colour."""
    return picture.convert("L").convert("RGB")


def hand_drawn(picture: Image.Image, chance: Chance) -> Image.Image:
    """A pencil drawing: the edges, dark on paper, and no more.

    Where the picture is darker than its surroundings is a stroke (the "colour dodge" of image editors).
    """
    grey = ImageOps.autocontrast(picture.convert("L").filter(ImageFilter.GaussianBlur(0.004 * max(picture.size))))
    around = _pixels(grey.filter(ImageFilter.GaussianBlur(0.011 * max(picture.size))))
    stroke = np.minimum((_pixels(grey) + 8) / (around + 8), 1) ** 2.5
    paper = np.array([250.0, 247.0, 238.0])
    return _picture(paper * (0.12 + 0.88 * stroke[:, :, None]))


def upside_down(picture: Image.Image, chance: Chance) -> Image.Image:
    """A camera that hangs the wrong way: turned by 180 degrees."""
    return picture.transpose(Image.Transpose.ROTATE_180)


def low_resolution(picture: Image.Image, chance: Chance) -> Image.Image:
    """An animal far away, or a thumbnail: the detail of a picture of 24 pixels."""
    shrink = 24 / max(picture.size)
    tiny = picture.resize((max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink))), BOX)
    return tiny.resize(picture.size, Image.Resampling.BICUBIC)


def motion_blur(picture: Image.Image, chance: Chance) -> Image.Image:
    """An animal that runs, or a hand that shakes: smeared along a line, 7 to 10 % of the longer side."""
    length, angle = max(picture.size) * chance.uniform(0.07, 0.10), chance.uniform(-0.5, 0.5)
    reach = int(np.ceil(length / 2))
    padded = np.pad(np.asarray(picture, np.uint32), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    steps = np.linspace(-length / 2, length / 2, 15)
    total = np.zeros((picture.height, picture.width, 3), np.uint32)
    for step in steps:
        top, left = reach + round(step * np.sin(angle)), reach + round(step * np.cos(angle))
        total += padded[top : top + picture.height, left : left + picture.width]
    return _picture(total / len(steps))


def rain(picture: Image.Image, chance: Chance) -> Image.Image:
    """A downpour: slanted streaks in front of a scene that is grey, flat and a little out of focus."""
    width, height = picture.size
    unit = max(picture.size) / 100
    mist = picture.filter(ImageFilter.GaussianBlur(0.4 * unit))
    scene = Image.blend(mist, Image.new("RGB", picture.size, (138, 146, 154)), 0.35)
    streaks = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(streaks)
    slant = chance.uniform(-0.35, 0.35)
    for x, y, length, light in chance.random((round(0.05 * width * height / unit**2), 4)):
        start = (x * 1.4 - 0.2) * width, (y * 1.2 - 0.2) * height
        fall = (5 + 10 * length) * unit
        end = start[0] + slant * fall, start[1] + fall
        draw.line([start, end], fill=int(70 + 130 * light), width=max(1, round(0.4 * unit)))
    streaks = streaks.filter(ImageFilter.GaussianBlur(0.12 * unit))
    return Image.composite(Image.new("RGB", picture.size, (225, 230, 235)), scene, streaks)


def partly_hidden(picture: Image.Image, chance: Chance) -> Image.Image:
    """A tree trunk close to the camera, out of focus, in front of a third of the middle."""
    width, height = picture.size
    thickness = round(width * chance.uniform(0.28, 0.38))
    left = round((width - thickness) / 2 + width * chance.uniform(-0.14, 0.14))
    lean = width * chance.uniform(-0.06, 0.06)
    bark = np.repeat(chance.normal(0, 1, (8, 1, 24)).astype(np.float32), 3, axis=1).transpose(0, 2, 1)
    noise = Image.fromarray(np.uint8(np.clip(128 + 40 * bark, 0, 255))).resize(picture.size, Image.Resampling.BICUBIC)
    colour = np.array([74.0, 62.0, 50.0]) * chance.uniform(0.7, 1.3)
    trunk = _picture(colour * (0.5 + _pixels(noise) / 255))
    outline = Image.new("L", picture.size, 0)
    corners = [(left + lean, 0), (left + thickness + lean, 0), (left + thickness - lean, height), (left - lean, height)]
    ImageDraw.Draw(outline).polygon(corners, fill=255)
    outline = outline.filter(ImageFilter.GaussianBlur(0.012 * max(picture.size)))
    return Image.composite(trunk, picture, outline)


def strong_crop(picture: Image.Image, chance: Chance) -> Image.Image:
    """An animal too close to the camera: a part of half the width and half the height, not far from the middle."""
    width, height = picture.width / 2, picture.height / 2
    left, top = width * chance.uniform(0.2, 0.8), height * chance.uniform(0.2, 0.8)
    return picture.resize(picture.size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))


def jpeg_damage(picture: Image.Image, chance: Chance) -> Image.Image:
    """A picture sent on too often: blocks and false colours of a JPEG of quality 5."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=5, subsampling="4:2:0")
    with Image.open(buffer) as damaged:
        return damaged.convert("RGB")


SHIFTS: dict[str, Callable[[Image.Image, Chance], Image.Image]] = {
    shift.__name__: shift
    for shift in (
        night,
        black_and_white,
        hand_drawn,
        upside_down,
        low_resolution,
        motion_blur,
        rain,
        partly_hidden,
        strong_crop,
        jpeg_damage,
    )
}


def _pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture, np.float32)


def _picture(pixels: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
