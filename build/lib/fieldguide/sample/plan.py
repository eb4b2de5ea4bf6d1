"""What the sample holds, file by file, before anything is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from .bursts import Capture, burst, bursts_of, site_for
from .framing import KINDS
from .shifts import SHIFTS
from .sites import Site, plan_sites

FULL_SIZE = 860  # ordinary pictures; the planted ones below are scaled with it
SMALLEST = 12  # with fewer, copies run out of originals
PLANTED = {
    "unreadable": 6,
    "wrong_type": 6,
    "exact_duplicate": 10,
    "conflict": 3,
    "near_duplicate": 16,
    "near_conflict": 3,
    "wrong_label": 14,
    **dict.fromkeys(SHIFTS, 7),
}
VARIANTS = {
    "unreadable": ("truncated", "garbage", "empty"),
    "wrong_type": ("text", "html", "pdf", "zip"),
    "exact_duplicate": ("comment", "same_bytes", "exif"),
    "conflict": ("comment",),
    "near_duplicate": ("recompressed", "resized", "brightness", "cropped"),
    "near_conflict": ("resized", "recompressed", "cropped"),
}
COPIES = ("exact_duplicate", "conflict", "near_duplicate", "near_conflict")
MISFILED = ("conflict", "near_conflict", "wrong_label")
BEARLESS = ("wrong_type", "no_bear")


@dataclass(frozen=True)
class SamplePicture:
    """One file of the sample: all that is needed to write it, and the truth about it."""

    path: str  # relative, `<label>/<name>`
    label: str  # the folder that it is filed under
    true_label: str  # the bear that it shows; "" for none
    planted: str  # what is wrong with it; "" for an ordinary picture
    original: str  # the path of the picture that it copies; "" if it is no copy
    capture: Capture  # where and when; a copy has its original's
    seed: int  # of what it alone shows; a copy has its original's
    variant: str = ""  # which way of being broken, copied or changed
    orientation: int = 1  # the EXIF tag under which the stored pixels come upright
    located: bool = False  # whether it carries an EXIF position


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def _another(kind: str, step: int) -> str:
    """A kind that is not `kind`; `step` alternates between the other two."""
    return KINDS[(KINDS.index(kind) + 1 + step % 2) % len(KINDS)]


def _ordinary(pictures: int, sites: Sequence[Site], seed: int) -> list[SamplePicture]:
    rng = np.random.default_rng(np.random.SeedSequence([seed, 3000]))
    captures = [
        (kind, capture)
        for number, kind in enumerate(KINDS)
        for capture in bursts_of(rng, sites, kind, len(range(number, pictures, len(KINDS))))
    ]
    return [
        SamplePicture("", kind, kind, planted="", original="", capture=capture, seed=_seed(seed, 0, index))
        for index, (kind, capture) in enumerate(captures)
    ]


def _planted(planted: str, group: int, index: int, sites: Sequence[Site], seed: int) -> SamplePicture:
    """A picture of its own, alone in its burst and by day."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1 + group, index]))
    kind = KINDS[(index + group) % len(KINDS)]
    variants = VARIANTS.get(planted, ("",))
    variant = variants[index % len(variants)]
    return SamplePicture(
        path="",
        label=_another(kind, index) if planted in MISFILED else kind,
        true_label="" if planted in BEARLESS or variant == "empty" else kind,
        planted=planted,
        original="",
        capture=burst(rng, site_for(rng, sites, kind), frames=1, by_day=True)[0],
        seed=_seed(seed, 1 + group, index),
        variant=variant,
    )


def _named(pictures: Sequence[SamplePicture], rng: np.random.Generator) -> list[SamplePicture]:
    """Gives every picture a number within its label, in an order that says nothing."""
    shuffled = [pictures[index] for index in rng.permutation(len(pictures))]
    numbers = dict.fromkeys(KINDS, 0)
    named = []
    for picture in shuffled:
        numbers[picture.label] += 1
        named.append(replace(picture, path=f"{picture.label}/{numbers[picture.label]:04d}.jpg"))
    return named


def _linked(pictures: Sequence[SamplePicture], rng: np.random.Generator) -> list[SamplePicture]:
    """Gives every copy an original: an ordinary picture of the bear that it shows, each used once."""
    ordinary = [pictures[index] for index in rng.permutation(len(pictures)) if not pictures[index].planted]
    waiting = {kind: [picture for picture in ordinary if picture.true_label == kind] for kind in KINDS}
    linked = []
    for picture in pictures:
        if picture.planted in COPIES:
            original = waiting[picture.true_label].pop()
            picture = replace(picture, original=original.path, capture=original.capture, seed=original.seed)
        linked.append(picture)
    return linked


def _with_camera_trait(picture: SamplePicture, draw: float, choice: int) -> SamplePicture:
    """Gives some pictures what real cameras and people leave behind; `draw` in 0..1 picks the trait."""
    place = PurePosixPath(picture.path)
    if draw < 0.03:
        return replace(picture, orientation=(6, 8, 3)[choice % 3])
    if draw < 0.05:
        return replace(picture, located=True)
    if draw < 0.075:
        suffix = (".png", ".webp")[choice % 2]
        return replace(picture, path=str(place.with_suffix(suffix)))
    if draw < 0.095:
        stem = (f"Bär {place.stem}", f"trail cam {place.stem}", f"медведь_{place.stem}", f"熊{place.stem}")[choice % 4]
        return replace(picture, path=str(place.with_stem(stem)))
    return picture


def _with_camera_traits(pictures: Sequence[SamplePicture], rng: np.random.Generator) -> list[SamplePicture]:
    """Leaves planted pictures and originals plain, so that a copy differs from its original in one way only."""
    plain = {picture.original for picture in pictures} | {picture.path for picture in pictures if picture.planted}
    draws, choices = rng.random(len(pictures)), rng.integers(12, size=len(pictures))
    return [
        picture if picture.path in plain else _with_camera_trait(picture, float(draw), int(choice))
        for picture, draw, choice in zip(pictures, draws, choices, strict=True)
    ]


def plan_sample(pictures: int = FULL_SIZE, seed: int = 42) -> list[SamplePicture]:
    """Every file of the sample, in the order of their paths; nothing is drawn.

    `pictures` ordinary ones (at least 12), the same number of each label up to one, and the planted ones on
    top: at least one of each kind, scaled with `pictures`. The same arguments give the same plan.
    """
    if pictures < SMALLEST:
        raise ValueError(f"a sample needs at least {SMALLEST} pictures, not {pictures}")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1000]))
    scale, sites = pictures / FULL_SIZE, plan_sites(seed)
    planted = [
        _planted(name, group, index, sites, seed)
        for group, (name, count) in enumerate(PLANTED.items())
        for index in range(max(1, round(count * scale)))
    ]
    named = _named([*_ordinary(pictures, sites, seed), *planted], rng)
    plan = _with_camera_traits(_linked(named, rng), rng)
    return sorted(plan, key=lambda picture: picture.path)


def truth_table(plan: Sequence[SamplePicture]) -> pd.DataFrame:
    """The truth about every file: path, label, true_label, planted, original (all text, "" for none)."""
    columns = ["path", "label", "true_label", "planted", "original"]
    return pd.DataFrame([[getattr(picture, column) for column in columns] for picture in plan], columns=columns)
