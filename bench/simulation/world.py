"""The world of the simulated year: small drawn pictures, two sudden shifts, and what people send in."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from fieldguide.base.parallel import map_processes
from fieldguide.evaluation.shifts import shifted
from fieldguide.sample import KINDS, draw_bear

SIDE = 96  # pixels
PLAIN, NIGHT, CAMERA = VIEWS = ("plain", "night", "upside_down")  # the new camera hangs the wrong way
WRONG = 0.02  # of the labels of any delivery


@dataclass(frozen=True)
class Year:
    """How long it is and what happens when, in fortnights from 0.

    Without a champion nobody moves beyond challenger, and the newest version answers: the gate has only baselines.
    """

    fortnights: int = 26
    first: int = 420  # pictures that the project begins with
    delivery: int = 40
    pool: int = 240  # pictures for each of: what the camera sees, what accuracy is measured on
    a_day: int = 16
    night: range = range(9, 16)
    camera: range = range(17, 26)
    poisoned: tuple[int, ...] = (5,)
    poisoned_pictures: int = 120
    poison: float = 0.3  # of their labels are wrong, all in one way
    corrected: Sequence[int] = range(7, 26, 2)  # a person looks at what is held back for its labels
    empty: int = 12
    crashes: tuple[tuple[int, str], ...] = ((3, "train"), (19, "commit"))
    overlap: int = 14
    champion: bool = True

    def mix(self, fortnight: int) -> dict[str, float]:
        """The shares of the views in what the camera sees."""
        if fortnight in self.night:
            return {PLAIN: 0.35, NIGHT: 0.65}
        return {PLAIN: 0.4, CAMERA: 0.6} if fortnight in self.camera else {PLAIN: 1.0}


@dataclass(frozen=True)
class Sent:
    """One picture that is sent in: what it shows, what it is called, and the bytes of its file."""

    name: str
    truth: str
    label: str
    content: bytes


def draw_base(count: int, start: int, folder: Path) -> list[tuple[str, Image.Image]]:
    """So many pictures, the kinds in turn, from seed `start`; kept in `folder`, since drawing takes longest."""
    folder.mkdir(parents=True, exist_ok=True)
    map_processes(partial(_draw, folder), range(start, start + count), "drawing")
    return [(KINDS[n % 3], Image.open(folder / f"{n}.png").convert("RGB")) for n in range(start, start + count)]


def _draw(folder: Path, number: int) -> None:
    file = folder / f"{number}.png"
    if not file.exists():
        picture = Image.fromarray(draw_bear(np.random.default_rng(number), KINDS[number % 3]))
        picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(file)


def seen(picture: Image.Image, view: str, name: str) -> Image.Image:
    """A picture as the camera of that time takes it."""
    return picture if view == PLAIN else shifted(picture, view, name)


def delivery(year: Year, fortnight: int, base: Sequence[tuple[str, Image.Image]], seed: int) -> list[Sent]:
    """What people send in that fortnight, drawn from what the camera sees: some labels are wrong, many if poisoned.

    A poisoned delivery is one person's mistake: grizzlies that are called black bears, up to the share `year.poison`.
    """
    chance = np.random.default_rng([seed, fortnight])
    views, shares = zip(*year.mix(fortnight).items(), strict=True)
    sent = []
    for place, (kind, picture) in enumerate(base):
        name = f"{fortnight:02d}-{place:03d}.png"
        label = kind
        if chance.random() < WRONG:
            label = KINDS[(KINDS.index(kind) + int(chance.integers(1, 3))) % 3]
        content = _png(seen(picture, str(chance.choice(views, p=shares)), name))
        sent.append(Sent(name, kind, label, content))
    if fortnight in year.poisoned:
        wrong = [n for n, one in enumerate(sent) if one.truth == "grizzly"][: round(year.poison * len(sent))]
        for n in wrong:
            sent[n] = Sent(sent[n].name, sent[n].truth, "black", sent[n].content)
    return sent


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
