"""The built-in sample: three kinds of bears that draw themselves, with known mistakes planted among them.

`plan_sample` says what each file is, `draw` makes its bytes, `truth_table` tells what a careful person would
find. The others draw single pictures: more bears of any kind, pose, place and weather, and of any shift.
"""

from .drawing import draw
from .framing import KINDS
from .light import WEATHERS, Weather
from .picture import draw_bear, draw_empty_place, draw_sketch
from .plan import PLANTED, SamplePicture, plan_sample, truth_table
from .scenes import PLACES, draw_scene
from .shifts import SHIFTS, black_and_white, draw_shifted, low_resolution, night, upside_down

__all__ = [
    "KINDS",
    "PLACES",
    "PLANTED",
    "SHIFTS",
    "WEATHERS",
    "SamplePicture",
    "Weather",
    "black_and_white",
    "draw",
    "draw_bear",
    "draw_empty_place",
    "draw_scene",
    "draw_shifted",
    "draw_sketch",
    "low_resolution",
    "night",
    "plan_sample",
    "truth_table",
    "upside_down",
]
