"""Paints the parts of a figure onto a canvas, with fur, volume and light."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter

from .curves import Points
from .layers import Canvas
from .parts import Part, Surface
from .textures import Field, clouds, streaks

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels

MARGIN = 24  # how far beyond the frame shapes are still worked out, so that their _shading does not end there
FLAT_BELOW = 10  # pixels: on smaller parts nobody sees _shading


@dataclass(frozen=True)
class Light:
    """Where the light on a figure comes from, and how hard it is."""

    across: float = -0.5  # -1: from the left, 1: from the right
    down: float = -0.7  # -1: from above
    strength: float = 0.55  # how much shaded sides differ from lit ones


@dataclass(frozen=True)
class Look:
    """How a surface takes paint; lengths in bear units (in pixels for bark and stone, which are no bear's)."""

    edge: float  # width of the band in which the outline frays
    ragged: float  # how far it frays
    hair: float  # length of a hair
    streak: float  # contrast of single hairs
    blotch: float  # contrast of large patches
    relief: float  # how strongly volume is shaded


LOOKS: dict[Surface, Look] = {
    "fur": Look(edge=0.030, ragged=0.17, hair=0.13, streak=0.17, blotch=0.07, relief=1.0),
    "plush": Look(edge=0.012, ragged=0.12, hair=0.045, streak=0.075, blotch=0.05, relief=1.15),
    "felt": Look(edge=0.004, ragged=0.04, hair=0.03, streak=0.04, blotch=0.03, relief=0.7),
    "cloth": Look(edge=0.0, ragged=0.0, hair=0.05, streak=0.03, blotch=0.02, relief=1.3),
    "gloss": Look(edge=0.0, ragged=0.0, hair=0.03, streak=0.0, blotch=0.0, relief=1.3),
    "patch": Look(edge=0.0, ragged=0.14, hair=0.10, streak=0.10, blotch=0.04, relief=0.0),
    "bark": Look(edge=0.0, ragged=0.0, hair=28.0, streak=0.24, blotch=0.05, relief=1.0),
    "stone": Look(edge=0.0, ragged=0.0, hair=10.0, streak=0.05, blotch=0.10, relief=1.2),
    "line": Look(edge=0.0, ragged=0.0, hair=0.03, streak=0.0, blotch=0.0, relief=0.0),
}


def _polygon_mask(outline: Points, box: Box, line_width: float = 0.0) -> Image.Image:
    """The filled outline (a line if it has a width) inside `box`, as an 8-bit mask with smooth edges."""
    left, top, right, bottom = box
    doubled = Image.new("L", (2 * (right - left), 2 * (bottom - top)))
    points = ((outline - (left, top)) * 2).ravel().tolist()
    pencil = ImageDraw.Draw(doubled)
    if line_width:
        pencil.line(points, fill=255, width=max(1, round(2 * line_width)), joint="curve")
    else:
        pencil.polygon(points, fill=255)
    return doubled.reduce(2)


def _frame_box(canvas: Canvas, outline: Points, pad: float) -> Box | None:
    """The pixels that an outline with `pad` pixels around it can touch; None where it is out of sight."""
    height, width = canvas.shape[:2]
    left, top = np.floor(outline.min(axis=0) - pad - 2).astype(int)
    right, bottom = np.ceil(outline.max(axis=0) + pad + 2).astype(int)
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        return None
    return max(left, -MARGIN), max(top, -MARGIN), min(right, width + MARGIN), min(bottom, height + MARGIN)


def as_field(mask: Image.Image) -> Field:
    """An 8-bit mask as (height, width) float32 in 0..1."""
    return np.asarray(mask, dtype=np.float32) * np.float32(1 / 255)


def _shading(mask: Image.Image, depth: float, light: Light, relief: float) -> Field:
    """Brightness of a rounded body with this silhouette, around 1; `depth` is its roundness in pixels."""
    swell = gaussian_filter(as_field(mask.reduce(4)), max(depth / 4, 0.8), mode="nearest", truncate=3.0)
    slope_down, slope_across = np.gradient(swell)
    bulge = relief * max(depth / 4, 0.8) * 2.2
    facing = 1 / np.sqrt(1 + (bulge * slope_across) ** 2 + (bulge * slope_down) ** 2)
    lit = (0.75 - bulge * (slope_across * light.across + slope_down * light.down)) * facing
    brightness = (1 + light.strength * (lit - 0.75) * 1.25).astype(np.float32)
    large = Image.fromarray(brightness).resize(mask.size, Image.Resampling.BILINEAR)
    return np.asarray(large, dtype=np.float32)


def _opacity(mask: Image.Image, part: Part, look: Look, unit: float, hairs: Field) -> Field:
    if part.surface == "patch":
        small = mask.reduce(2).filter(ImageFilter.GaussianBlur(part.soft / 2))
        soft = as_field(small.resize(mask.size, Image.Resampling.BILINEAR))
        return np.clip(soft + 3 * look.ragged * hairs * soft * (1 - soft), 0, 1)
    edge = look.edge * unit
    if edge < 0.4:
        return as_field(mask)
    blurred = as_field(mask.filter(ImageFilter.BoxBlur(1.5 * edge)))
    frayed = blurred + look.ragged * hairs * np.minimum(1, 5 * blurred * (1 - blurred))
    return np.clip((frayed - 0.5) * min(4.5, 1 + edge) + 0.5, 0, 1)


def _paint_part(
    canvas: Canvas, covered: Field, part: Part, unit: float, light: Light, rng: np.random.Generator
) -> None:
    look = LOOKS[part.surface]
    box = _frame_box(canvas, part.outline, 2.5 * max(look.edge * unit, part.soft, part.width))
    if box is None:
        return
    left, top, right, bottom = box
    height, width = bottom - top, right - left
    mask = _polygon_mask(part.outline, box, part.width)
    hairs = streaks(rng, height, width, look.hair * unit, part.comb)
    opacity = _opacity(mask, part, look, unit, hairs)
    if part.fade:
        first, last = part.outline[:, 1].min(), part.outline[:, 1].max()
        rows = (np.arange(top, bottom) - first) / (part.fade * (last - first))
        opacity = opacity * np.clip(rows, 0, 1).astype(np.float32)[:, None] ** 1.5
    tone = np.ones((height, width), dtype=np.float32)
    if look.streak:
        tone += look.streak * hairs + look.blotch * clouds(rng, height, width)
    extent = float(np.sqrt(np.ptp(part.outline[:, 0]) * np.ptp(part.outline[:, 1])))
    if look.relief and extent > FLAT_BELOW:
        tone *= _shading(mask, 0.13 * extent, light, look.relief)

    rows_in = slice(max(top, 0), min(bottom, canvas.shape[0]))
    columns_in = slice(max(left, 0), min(right, canvas.shape[1]))
    cut = slice(rows_in.start - top, rows_in.stop - top), slice(columns_in.start - left, columns_in.stop - left)
    opacity = opacity[cut]
    if part.surface == "patch":
        opacity = opacity * covered[rows_in, columns_in]
    shade = tone[cut]
    under = canvas[rows_in, columns_in]
    for channel, value in enumerate(part.colour):
        under[:, :, channel] += opacity * (value * shade - under[:, :, channel])
    covered[rows_in, columns_in] = np.maximum(covered[rows_in, columns_in], opacity)


def paint(canvas: Canvas, parts: Sequence[Part], unit: float, light: Light, rng: np.random.Generator) -> None:
    """Paints `parts` (in pixels, see `on_canvas`) over `canvas` in place, `unit` pixels to one bear unit."""
    covered = np.zeros(canvas.shape[:2], dtype=np.float32)
    for part in parts:
        _paint_part(canvas, covered, part, unit, light, rng)
