"""Frames of a site's camera: an animal, or nothing, before the same background, by day or by infrared light."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from .bursts import Capture
from .chance import pick_by_share
from .coats import EYE
from .framing import TEDDY_POSE_SHARES, WILD_POSE_SHARES, Framing, bear_figure, place_bear
from .layers import Canvas
from .light import WEATHERS, Camera, Pixels, Weather, develop, figure_light
from .parts import arranged
from .picture import GRASSY_PLACES, paint_bear
from .scenes import Scene, draw_scene
from .sites import Site

NIGHT = Weather((1.0, 1.0, 1.0), exposure=0.95, contrast=1.1, haze=0.0, shadows=0.3)
EYE_SHINE = (1.0, 1.0, 1.0)  # by infrared light
FUR_BY_LAMP = 0.7  # the power of brightness: dark fur reflects infrared light well
SIZES = (0.7, 1.02)  # the share of the frame that a bear fills, along the side that limits it
STEP = (0.06, 0.12)  # the share of the frame's width that a bear goes from frame to frame
SWAY, NEARER, TURN = 0.045, 0.07, 4.0  # how much each frame differs: shares of width and size, degrees
IN_VIEW = (0.2, 0.8)  # shares of the width within which the middle of a bear stays


def draw_frame(capture: Capture, kind: str, seed: int) -> Pixels:
    """A frame with a bear of this kind: (height, width, 3) uint8.

    `seed` is that of what no two frames have in common; the rest follows from the capture.
    """
    animal, chance = _generators(capture, seed)
    weather, scene = _view_of(capture, animal)
    light = figure_light(weather, animal)
    framing = _moved(_framed(animal, capture.site, kind), capture.frame, animal, chance)
    if capture.by_night:
        framing = _with_eye_shine(framing)
    return _taken(capture, paint_bear(scene, framing, light, chance), weather, chance)


def draw_empty_frame(capture: Capture, seed: int) -> Pixels:
    """A frame with nothing but the place: (height, width, 3) uint8."""
    animal, chance = _generators(capture, seed)
    weather, scene = _view_of(capture, animal)
    return _taken(capture, scene.backdrop, weather, chance)


def _generators(capture: Capture, seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """What is the same in all frames of a burst, and what differs."""
    animal, chance = (np.random.default_rng(np.random.SeedSequence(each)) for each in (capture.animal, seed))
    return animal, chance


@lru_cache(maxsize=64)
def _backdrop(seed: int, place: str, width: int, height: int, horizon: float) -> Scene:
    """What a camera sees in all its frames; not to be painted on."""
    scene = draw_scene(np.random.default_rng(seed), place, width, height, horizon)
    scene.backdrop.setflags(write=False)
    return scene


def _view_of(capture: Capture, animal: np.random.Generator) -> tuple[Weather, Scene]:
    """The light of a burst, and the place in it."""
    site, camera = capture.site, capture.site.camera
    scene = _backdrop(site.seed, site.place, camera.width, camera.height, site.horizon)
    weather = WEATHERS[pick_by_share(animal, site.climate)]
    return (NIGHT, replace(scene, backdrop=_by_lamp(scene))) if capture.by_night else (weather, scene)


def _by_lamp(scene: Scene) -> Canvas:
    """What the infrared lamp of a camera reaches: the ground before it, and hardly what is far away."""
    rows = np.arange(len(scene.backdrop), dtype=np.float32)
    near = np.clip((rows - scene.horizon) / (len(rows) - scene.horizon), 0, 1)
    return scene.backdrop * (0.22 + 0.6 * near).astype(np.float32)[:, None, None]


def _framed(animal: np.random.Generator, site: Site, kind: str) -> Framing:
    poses = dict(TEDDY_POSE_SHARES if kind == "teddy" else WILD_POSE_SHARES)
    if site.place not in GRASSY_PLACES:
        del poses["peeking"]
    if site.camera.width < site.camera.height:
        del poses["side_portrait"]  # of which little would be in the frame
    pose = pick_by_share(animal, poses)
    figure, facing = bear_figure(animal, kind, pose)
    size = float(animal.uniform(*SIZES))
    return place_bear(animal, figure, facing, pose, size, (site.camera.width, site.camera.height), site.horizon)


def _moved(framing: Framing, frame: int, animal: np.random.Generator, chance: np.random.Generator) -> Framing:
    """The bear in one frame of a burst: some steps further, a little turned, nearer or further away."""
    gone = framing.facing * frame * animal.uniform(*STEP) + SWAY * chance.standard_normal()
    first, last = IN_VIEW
    middle = float(np.clip(framing.middle / framing.width + gone, first, last)) * framing.width
    nearer, turn = float(np.exp(NEARER * chance.standard_normal())), float(TURN * chance.standard_normal())
    start = np.array([framing.middle, framing.feet])
    figure = [replace(part, outline=part.outline - start) for part in framing.figure]
    return replace(
        framing,
        figure=arranged(figure, turn, nearer, to=(middle, framing.feet)),
        unit=framing.unit * nearer,
        middle=middle,
    )


def _with_eye_shine(framing: Framing) -> Framing:
    figure = [replace(part, colour=EYE_SHINE) if part.colour == EYE else part for part in framing.figure]
    return replace(framing, figure=figure)


def _taken(capture: Capture, canvas: Canvas, weather: Weather, chance: np.random.Generator) -> Pixels:
    camera: Camera = capture.site.camera
    if capture.by_night and camera.infrared:
        grey = np.maximum(canvas, 0).mean(axis=2, keepdims=True) ** np.float32(FUR_BY_LAMP)
        canvas = np.repeat(grey, 3, axis=2)
        camera = replace(camera, tint=camera.infrared)
    return develop(canvas, weather, chance, camera)
