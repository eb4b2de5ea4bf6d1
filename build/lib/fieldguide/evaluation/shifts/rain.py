"""Rain."""

from PIL import Image, ImageDraw, ImageFilter

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance


@SHIFTS.at(7)
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
