"""The built-in sample: three kinds of bears before the cameras of many sites, with known mistakes planted among them.

`plan_sample` says what each file is, `draw` makes its bytes, `truth_table` tells what a careful person would find.
`plan_sites` plans more sites, `burst` and `bursts_of` what passes there, and `draw_frame` draws a frame of it. The
others draw single pictures: bears of any kind, pose, place and weather, and of any shift.
"""

from .bursts import Capture, burst, bursts_of, site_for
from .captures import draw_empty_frame, draw_frame
from .drawing import draw
from .framing import KINDS
from .light import WEATHERS, Weather
from .picture import draw_bear, draw_sketch
from .plan import PLANTED, SamplePicture, plan_sample, truth_table
from .scenes import PLACES, draw_scene
from .shifts import SHIFTS, black_and_white, draw_shifted, low_resolution, night, upside_down
from .sites import Site, plan_sites

__all__ = [
    "KINDS",
    "PLACES",
    "PLANTED",
    "SHIFTS",
    "WEATHERS",
    "Capture",
    "SamplePicture",
    "Site",
    "Weather",
    "black_and_white",
    "burst",
    "bursts_of",
    "draw",
    "draw_bear",
    "draw_empty_frame",
    "draw_frame",
    "draw_scene",
    "draw_shifted",
    "draw_sketch",
    "low_resolution",
    "night",
    "plan_sample",
    "plan_sites",
    "site_for",
    "truth_table",
    "upside_down",
]
