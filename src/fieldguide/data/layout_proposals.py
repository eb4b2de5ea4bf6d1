"""What a folder's paths look like: the layouts that may be meant, and the pattern of the times in its names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from fieldguide.data.capture_time import time_in
from fieldguide.data.given_splits import Side, given_side, side_in
from fieldguide.data.layout import GIVEN_SPLIT, LABEL, SEQUENCE, SITE

SITE_WORD = re.compile(
    r"(?i)(site|station|camera|cam|trap|ct|loc|location|deployment|plot|transect|line|belt|unit)s?[ _-]?[a-z]?\d*[a-z]?"
)
SITE_NAME = re.compile(rf"{SITE_WORD.pattern}|[a-z]{{1,2}}\d{{1,4}}([ _-]\w+)?")
NUMBERED = re.compile(r"(\D*[^\W\d_]\D*)\d+")
NO_SITE = re.compile(r"(?i)\d[\d_-]*|\d{3}[a-z_]{5}|images?|imgs?|pictures?|photos?|raw|jpe?g|png|masks?|thumbs?|rgb")
TIMES = (
    *("%Y-%m-%d__%H-%M-%S", "%Y-%m-%d_%H-%M-%S", "%Y-%m-%d %H-%M-%S", "%Y-%m-%dT%H-%M-%S", "%Y-%m-%d %H.%M.%S"),
    *("%Y%m%d_%H%M%S", "%Y%m%d-%H%M%S", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y-%m-%d", "%Y%m%d"),
)
NEARLY_ALL = 0.95  # of the pictures are as deep as a layout says: the others are strays
MAX_DEPTH = 9  # folders that are looked at
ENOUGH = 0.5  # of the pictures have a time by a pattern that is proposed


def propose_layouts(paths: Sequence[str]) -> list[str]:
    """The layouts that may be meant, the likeliest first; one, if there is no doubt.

    A level of folders that are named as sides is the given split. One whose folders are named as years or as `images`,
    or that has one folder only, means nothing, if another level can be the labels. Of two levels that are left, the
    inner one are sites, or the labels below sites, if its folders return below several of the outer one; which are the
    sites is said by their names. Inner folders that do not return, of several pictures each, are sequences.

    Parameters
    ----------
    paths
        Of pictures, with "/" between folders.
    """
    folders = [PurePosixPath(path).parts[:-1] for path in paths]
    deeper = [parts for parts in folders if len(parts) > 1]
    if _are_sides([parts[0] for parts in folders if parts]) and deeper:
        folders = deeper  # the others, often of test, have no label
    depth = max(count for count in range(MAX_DEPTH) if _share(len(parts) >= count for parts in folders) >= NEARLY_ALL)
    levels = list(zip(*(parts[:depth] for parts in folders if len(parts) >= depth), strict=True))
    sides = [place for place, names in enumerate(levels) if _are_sides(names)]
    split = {GIVEN_SPLIT: sides[0]} if 0 < len(sides) < depth else {}
    others = [place for place in range(depth) if not (split and place in sides)]
    several = [place for place in others if len({*levels[place]}) > 1]
    telling = [place for place in several if not all(map(NO_SITE.fullmatch, levels[place]))] or several[:1]
    found = _labels_and_more(levels, telling) if len(telling) > 1 else [{LABEL: (telling or others or [0])[0]}]
    return [_layout({**one, **split}) for one in found]


def _labels_and_more(levels: Sequence[Sequence[str]], telling: Sequence[int]) -> list[dict[str, int]]:
    """What two levels or more may be: which is the label and which, if any, the site or the sequence."""
    sites = [place for place in telling if _are_sites(levels[place])]
    labels = [place for place in telling if place not in sites]
    returning = [place for place in telling[1:] if _returns(levels[telling[0]], levels[place])]
    certain = all(map(SITE_WORD.fullmatch, levels[sites[-1]])) if sites else False
    if len(labels) == 1 and sites and (certain or labels[0] in returning or {*sites} & {*returning}):
        return [{LABEL: labels[0], SITE: sites[-1]}]
    if not returning:
        folders = {*zip(*(levels[place] for place in telling), strict=True)}
        several = len(levels[0]) >= 2 * len(folders)  # pictures in each: an object, a burst
        return [{LABEL: telling[0], **({SEQUENCE: telling[-1]} if several else {})}]
    pairs = [{LABEL: place, SITE: site} for place in returning for site in telling if site < place]
    pairs += [{LABEL: place, SITE: site} for site in returning for place in telling if place < site]
    return [{LABEL: telling[0]}, *pairs]


def _are_sites(names: Sequence[str]) -> bool:
    return all(map(SITE_NAME.fullmatch, names)) or _are_numbered(names)


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether all are one word and different numbers, as cameras are called in any language."""
    found = [NUMBERED.fullmatch(name) for name in {*names}]
    return all(found) and len({one[1] for one in found if one}) == 1


def _returns(outer: Sequence[str], inner: Sequence[str]) -> bool:
    """Whether a folder of the inner level is below several of the outer one."""
    above = defaultdict(set)
    for parent, name in zip(outer, inner, strict=True):
        above[name].add(parent)
    return any(len(parents) > 1 for parents in above.values())


def _layout(fields: Mapping[str, int]) -> str:
    parts = ["{}"] * (max(fields.values()) + 1)
    for name, place in fields.items():
        parts[place] = f"{{{name}}}"
    return "/".join(parts)


def _are_sides(names: Sequence[str]) -> bool:
    return _share(side_in(name) is not None for name in names) >= NEARLY_ALL


def _share(whether: Iterable[bool]) -> float:
    found = [*whether]
    return sum(found) / max(len(found), 1)


def propose_splits(words: Iterable[str]) -> dict[str, Side]:
    """What the words of a given split mean, as far as they need an entry in `splits`.

    Its train pictures are trainval where none are valid.
    """
    sides = {word: side for word in sorted({*words}) if (side := side_in(word))}
    if "valid" not in sides.values():
        sides |= {word: "trainval" for word, side in sides.items() if side == "train"}
    return {word: side for word, side in sides.items() if given_side(word, {}) != side}


def propose_time(paths: Sequence[str]) -> str | None:
    """The pattern by which most pictures have a time in their path, if at least half of them have; else None."""
    found = {pattern: sum(time_in(path, pattern) is not None for path in paths) for pattern in TIMES}
    best = max(TIMES, key=lambda pattern: found[pattern])  # the first of equals, which says most
    return best if found[best] >= ENOUGH * len(paths) > 0 else None
