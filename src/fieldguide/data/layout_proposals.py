"""What a folder's paths look like: the layouts that may be meant, and the pattern of the times in its names."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from pathlib import PurePosixPath

from fieldguide.base.errors import UserError
from fieldguide.data.capture_time import time_in
from fieldguide.data.choices import SPLITS
from fieldguide.data.given_splits import SIDES, Side, given_side, side_in
from fieldguide.data.layout import GIVEN_SPLIT, LABEL, SEQUENCE, SITE

SITE_WORD = re.compile(
    r"(?i)(site|station|camera|cam|trap|ct|loc|location|deployment|plot|transect|line|belt|unit)s?[ _-]?[a-z]?\d*[a-z]?"
)
SITE_NAME = re.compile(rf"{SITE_WORD.pattern}|[a-z]{{1,2}}\d{{1,4}}([ _-]\w+)?")
NUMBERED = re.compile(r"(\D*[^\W\d_]\D*)\d+")
PART_WORD = re.compile(r"(?i)(cv|fold|split|part|partition|set|subset|chunk)[ _-]*")  # numbered, but no site
NO_SITE = re.compile(r"(?i)\d[\d_-]*|\d{3}[a-z_]{5}|images?|imgs?|pictures?|photos?|raw|jpe?g|png|masks?|thumbs?|rgb")
TIMES = (
    *("%Y-%m-%d__%H-%M-%S", "%Y-%m-%d_%H-%M-%S", "%Y-%m-%d %H-%M-%S", "%Y-%m-%dT%H-%M-%S", "%Y-%m-%d %H.%M.%S"),
    *("%Y%m%d_%H%M%S", "%Y%m%d-%H%M%S", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y-%m-%d", "%Y%m%d"),
)
NEARLY_ALL = 0.95  # of the pictures are as deep as a layout says: the others are strays
CAMERA_FOLDER = re.compile(r"(?i)\d{3}[a-z_]{2}[a-z_\d]{3}|dcim|\d{4}[-_. ]\d\d([-_. ]\d\d)?|(19|20)\d{6}")
MAX_DEPTH = 9  # folders that are looked at
MOST_SIDES = 4  # folders that may be a split
NAMED = 6  # words in a message
ENOUGH = 0.5  # of the pictures have a time by a pattern that is proposed


def propose_layouts(paths: Sequence[str]) -> list[str]:
    """The layouts that may be meant, the likeliest first; one, if there is no doubt.

    A level of folders that are named as sides is the given split. One whose folders are named as years or as `images`,
    or that has one folder only, means nothing, if another level can be the labels. Of two levels that are left, the
    inner one are sites, or the labels below sites, if its folders return below several of the outer one; which are the
    sites is said by their names. A few folders that all have nearly the same folders below may be a split, in words of
    another language. Inner folders that do not return, of several pictures each, are sequences; without numbers,
    they may be labels as well.

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
    if depth and _labelled_sides(folders, depth):
        return [_layout({LABEL: depth - 1}), _layout({GIVEN_SPLIT: depth - 1, LABEL: depth})]
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
        if len(levels[0]) < 2 * len(folders):
            return [{LABEL: telling[0]}]
        objects = {LABEL: telling[0], SEQUENCE: telling[-1]}  # several pictures of each, or a burst
        return [objects] if _are_counted(levels[telling[-1]]) else [objects, {LABEL: telling[-1]}]
    pairs = [{LABEL: place, SITE: site} for place in returning for site in telling if site < place]
    pairs += [{LABEL: place, SITE: site} for site in returning for place in telling if place < site]
    sides = [
        {GIVEN_SPLIT: split, LABEL: place}
        for split, place in permutations(telling, 2)
        if _may_be_sides(levels, split, place)
    ]
    plain = [{LABEL: one[LABEL]} for one in sides if one[LABEL] > one[GIVEN_SPLIT]]  # variants of the same pictures
    return [{LABEL: telling[0]}, *pairs, *sides, *plain]


def _may_be_sides(levels: Sequence[Sequence[str]], split: int, label: int) -> bool:
    """Whether one level has a few folders only, each of which goes with most of those of another one."""
    pairs = {*zip(levels[split], levels[label], strict=True)}
    sides, labels = {*levels[split]}, {*levels[label]}
    counts = Counter(side for side, _ in pairs)
    return len(sides) <= MOST_SIDES and len(labels) > 1 and all(counts[side] > len(labels) / 2 for side in sides)


def _labelled_sides(folders: Sequence[Sequence[str]], depth: int) -> bool:
    """Whether, of a few folders, some have several folders of pictures and some have none: train with labels, test
    without."""
    below: dict[str, list[Sequence[str]]] = defaultdict(list)
    for parts in folders:
        if len(parts) >= depth:
            below[parts[depth - 1]].append(parts[depth:])
    inner = {name: {rest[0] for rest in rests if rest} for name, rests in below.items()}
    deep = [name for name, rests in below.items() if _share(map(bool, rests)) >= NEARLY_ALL and len(inner[name]) > 1]
    flat = [name for name in below if not inner[name]]
    telling = any(not all(map(NO_SITE.fullmatch, inner[name])) for name in deep)
    return telling and len(deep) + len(flat) == len(below) <= MOST_SIDES and bool(flat)


def _are_sites(names: Sequence[str]) -> bool:
    return not _are_parts(names) and (all(map(SITE_NAME.fullmatch, names)) or _are_numbered(names))


def _are_parts(names: Sequence[str]) -> bool:
    """Whether all are parts of a data set by their name, as `fold1` is."""
    found = [NUMBERED.fullmatch(name) for name in {*names}]
    return all(one and PART_WORD.fullmatch(one[1]) for one in found)


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether all are one word and different numbers, as cameras are called in any language."""
    found = [NUMBERED.fullmatch(name) for name in {*names}]
    return all(found) and len({one[1] for one in found if one}) == 1


def _are_counted(names: Sequence[str]) -> bool:
    """Whether nearly all have a number or a date, as objects and bursts have."""
    return _share(any(map(str.isdigit, name)) for name in {*names}) >= NEARLY_ALL


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


def propose_splits(words: Iterable[str], chosen: Mapping[str, Side], where: str) -> dict[str, Side]:
    """What the words of a given split mean, as far as they need an entry in `splits`; `chosen` are those of a person.

    Its train pictures are trainval where none are valid. Raises UserError if no word means a side, or if one is chosen
    that does not stand there; `where` is what messages call the source.
    """
    known = sorted({*words})
    if missing := [word for word in chosen if word not in known]:
        found = f"its words are {_named(known)}" if known else "nothing says a split: --layout or --columns names it"
        raise UserError(f"{SPLITS}: {where} has no {missing[0]!r}: {found}")
    sides = {word: side for word in known if (side := chosen.get(word) or side_in(word))}
    if known and not sides:
        example = ",".join(f"{word}=SIDE" for word in known[:NAMED])
        raise UserError(
            f"{where}: {_named(known)} are no sides of a split ({', '.join(SIDES)}): say what they mean with "
            f"{SPLITS} '{example}', or read it with another --layout"
        )
    if "valid" not in sides.values():
        sides |= {word: "trainval" for word, side in sides.items() if side == "train"}
    return {word: side for word, side in sides.items() if given_side(word, {}) != side}


def _named(words: Sequence[str]) -> str:
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(map(repr, words[:NAMED])) + more


def propose_time(paths: Sequence[str]) -> str | None:
    """The pattern by which most pictures have a time in their path, if at least half of them have; else None."""
    found = {pattern: sum(time_in(path, pattern) is not None for path in paths) for pattern in TIMES}
    best = max(TIMES, key=lambda pattern: found[pattern])  # the first of equals, which says most
    return best if found[best] >= ENOUGH * len(paths) > 0 else None
