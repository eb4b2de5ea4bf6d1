"""What a folder's paths look like: the layouts that may be meant, and the pattern of the times in its names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from fieldguide.data.capture_time import time_in
from fieldguide.data.given_splits import SIDES, Side

LABELS, SITE_LABEL, LABEL_SITE = "{label}", "{site}/{label}", "{label}/{site}"
SITE_NAME = re.compile(
    r"(?i)(site|station|camera|cam|trap|ct|loc|location|deployment|plot|transect|line|belt|unit)s?[ _-]?[a-z]?\d*[a-z]?"
    r"|[a-z]{1,2}\d{1,4}([ _-]\w+)?"
)
NO_SITE = re.compile(r"(?i)\d[\d_-]*|\d{3}[a-z_]{5}|images?|imgs?|pictures?|photos?|raw|jpe?g|png|masks?|thumbs?|rgb")
TIMES = (
    *("%Y-%m-%d__%H-%M-%S", "%Y-%m-%d_%H-%M-%S", "%Y-%m-%d %H-%M-%S", "%Y-%m-%dT%H-%M-%S", "%Y-%m-%d %H.%M.%S"),
    *("%Y%m%d_%H%M%S", "%Y%m%d-%H%M%S", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y-%m-%d", "%Y%m%d"),
)
NEARLY_ALL = 0.95  # of the pictures are as deep as a layout says: the others are strays
ENOUGH = 0.5  # of the pictures have a time by a pattern that is proposed


def propose_layouts(paths: Sequence[str]) -> list[str]:
    """The layouts that may be meant, the likeliest first; one, if there is no doubt.

    The outer folders are sides of a split if all of them are named as such. Two levels of folders are sites and labels
    where folders of the inner level return below several of the outer one; which are the sites is said by their names.
    Inner folders that are named as years, as a camera's own or as `images` mean nothing.

    Parameters
    ----------
    paths
        Of pictures, with "/" between folders.
    """
    folders = [PurePosixPath(path).parts[:-1] for path in paths]
    outer = {parts[0] for parts in folders if parts}
    if outer and all(name.strip().lower() in SIDES for name in outer) and any(len(parts) > 1 for parts in folders):
        inner = propose_layouts(["/".join((*parts[1:], "x")) for parts in folders if len(parts) > 1])
        return [f"{{split}}/{layout}" for layout in inner]
    below = defaultdict(set)
    for parts in folders:
        if len(parts) > 1:
            below[parts[1]].add(parts[0])
    deep = sum(len(parts) > 1 for parts in folders)
    returning = {name for name, above in below.items() if len(above) > 1}
    nested = deep >= NEARLY_ALL * len(folders) and min(len(outer), len(below)) > 1
    if not (nested and returning) or all(NO_SITE.fullmatch(name) for name in below):
        return [LABELS]
    sites_outside, sites_inside = (all(SITE_NAME.fullmatch(name) for name in names) for names in (outer, set(below)))
    if sites_outside != sites_inside:
        return [SITE_LABEL] if sites_outside else [LABEL_SITE]
    return [LABELS, SITE_LABEL, LABEL_SITE]


def propose_splits(words: Iterable[str]) -> dict[str, Side]:
    """What the words of a given split mean: its train pictures are trainval where none are valid."""
    sides = {word: SIDES[word.strip().lower()] for word in words if word.strip().lower() in SIDES}
    if "valid" in sides.values():
        return {}
    return {word: "trainval" for word, side in sorted(sides.items()) if side == "train"}


def propose_time(paths: Sequence[str]) -> str | None:
    """The pattern by which most pictures have a time in their path, if at least half of them have; else None."""
    found = {pattern: sum(time_in(path, pattern) is not None for path in paths) for pattern in TIMES}
    best = max(TIMES, key=lambda pattern: found[pattern])  # the first of equals, which says most
    return best if found[best] >= ENOUGH * len(paths) > 0 else None
