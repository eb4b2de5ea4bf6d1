"""Whole pictures: a bear in a place, a place without a bear, a pencil drawing of a bear."""

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .chance import pick_by_share
from .framing import Framing, frame_bear
from .layers import Canvas
from .light import WEATHERS, Pixels, Weather, develop, figure_light, out_of_focus, to_bytes
from .paint import Light, as_field, paint
from .plants import paint_blades
from .scenes import Scene, cover_feet, draw_scene
from .textures import clouds, speckle

WILD_PLACES = {
    "meadow": 0.19, "forest": 0.20, "autumn": 0.11, "river": 0.13,
    "snow": 0.12, "mountains": 0.10, "dusk": 0.09, "room": 0.06,
}  # fmt: skip
TEDDY_PLACES = {
    "meadow": 0.10, "forest": 0.11, "autumn": 0.08, "river": 0.04,
    "snow": 0.08, "mountains": 0.05, "dusk": 0.06, "room": 0.48,
}  # fmt: skip
GRASSY_PLACES = {"meadow": 0.4, "forest": 0.3, "autumn": 0.15, "dusk": 0.15}
WEATHER_SHARES = {"clear": 0.39, "overcast": 0.26, "golden": 0.17, "shade": 0.12, "mist": 0.06}


def _cast_shadow(canvas: Canvas, framing: Framing, strength: float) -> None:
    """Darkens the ground under a bear, in place."""
    xs = np.concatenate([part.outline[:, 0] for part in framing.figure])
    reach = 0.52 * float(np.ptp(xs))
    down = (np.arange(framing.height) - framing.feet + 0.02 * framing.unit) / (0.13 * framing.unit)
    across = (np.arange(framing.width) - framing.middle) / reach
    shade = strength * np.exp(-(down[:, None] ** 2) - across[None, :] ** 4)
    canvas *= (1 - shade).astype(np.float32)[:, :, None]


def _hide_in_grass(canvas: Canvas, framing: Framing, scene: Scene, rng: np.random.Generator) -> None:
    """Grows tall grass over everything below the bear's chin, in place."""
    for step in range(7):
        foot = framing.feet + 0.11 * step * framing.unit
        if foot < framing.height + 0.3 * framing.unit:
            paint_blades(canvas, rng, foot, 0.34 * framing.unit, scene.growth, int(framing.width / framing.unit * 100))


def _horizon(rng: np.random.Generator, framing: Framing) -> float:
    """The share of the height at which the ground begins: behind the bear, never far below its middle."""
    if framing.close_up:
        return float(rng.uniform(0.4, 0.7))
    row = framing.feet - framing.unit * rng.uniform(0.35, 0.95)
    return float(np.clip(row / framing.height, 0.22, 0.75))


def draw_bear(
    rng: np.random.Generator,
    kind: str,
    *,
    place: str | None = None,
    pose: str | None = None,
    shape: str | None = None,
    weather: Weather | None = None,
    size: float | None = None,
) -> Pixels:
    """A picture of one bear: (height, width, 3) uint8. What is not chosen is drawn from `rng`.

    kind: a member of KINDS. place: a key of PLACES. pose: a key of WILD_POSES or TEDDY_POSES, or "peeking".
    shape: "usual", "wide" or "tall". weather: the light of the picture (see WEATHERS for some).
    size: the share of the frame that the bear fills, 0.74 to 1 where left open.
    """
    framing = frame_bear(rng, kind, pose, shape, size)
    ordinary_places = TEDDY_PLACES if kind == "teddy" else WILD_PLACES
    place = place or pick_by_share(rng, GRASSY_PLACES if framing.peeking else ordinary_places)
    weather = weather or WEATHERS[pick_by_share(rng, WEATHER_SHARES)]
    scene = draw_scene(rng, place, framing.width, framing.height, _horizon(rng, framing))
    if framing.close_up:
        scene = replace(scene, backdrop=out_of_focus(scene.backdrop, rng.uniform(1.0, 3.5)))
    return develop(paint_bear(scene, framing, figure_light(weather, rng), rng), weather, rng)


def paint_bear(scene: Scene, framing: Framing, light: Light, rng: np.random.Generator) -> Canvas:
    """A canvas with the bear in the scene, before a camera takes it."""
    canvas = scene.backdrop.copy()
    if not framing.close_up:
        _cast_shadow(canvas, framing, strength=0.35 + 0.3 * light.strength)
    paint(canvas, framing.figure, framing.unit, light, rng)
    if framing.peeking:
        _hide_in_grass(canvas, framing, scene, rng)
    elif not framing.close_up:
        cover_feet(scene, canvas, rng, framing.feet, framing.unit, sunk=rng.uniform(0.0, 0.12))
    return canvas


def draw_sketch(rng: np.random.Generator, kind: str, *, pose: str | None = None) -> Pixels:
    """A pencil drawing of a bear on paper: (height, width, 3) uint8."""
    framing = frame_bear(rng, kind, pose, "usual", rng.uniform(0.7, 0.95))
    width, height = framing.width, framing.height
    paper = np.array([0.95, 0.93, 0.88], dtype=np.float32) * np.float32(rng.uniform(0.9, 1.03))
    tone = 1 + 0.015 * clouds(rng, height, width) + 0.015 * speckle(rng, height, width)
    sheet = Image.new("L", (2 * width, 2 * height), 255)
    pencil = ImageDraw.Draw(sheet)
    graphite, line_width = int(rng.integers(20, 90)), int(rng.integers(2, 5))
    for part in framing.figure:
        if not part.sketched:
            continue
        slip = 0.012 * framing.unit * rng.standard_normal(2)
        tremble = 0.004 * framing.unit * rng.standard_normal(part.outline.shape)
        line = [(float(x), float(y)) for x, y in 2 * (part.outline + slip + tremble)]
        if part.surface not in ("line", "patch"):
            pencil.polygon(line, fill=graphite if part.surface == "gloss" else 255)
        closing = [] if part.surface == "line" else line[:2]
        pencil.line([*line, *closing], fill=graphite, width=line_width, joint="curve")
    strokes = as_field(sheet.reduce(2).filter(ImageFilter.GaussianBlur(0.4)))
    return to_bytes((strokes * tone)[:, :, None] * paper)
