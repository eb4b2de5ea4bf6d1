"""Why the only layout that a folder's paths propose may still be wrong, and the others that are possible then."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

from fieldguide.base.errors import printable
from fieldguide.data.given_splits import side_in
from fieldguide.data.layout import LABEL, NAMED_FILES, SITE, parse_layout
from fieldguide.data.layout_proposals import NEARLY_ALL, NO_SITE, SITE_WORD

FEW = 2  # pictures of a label, on average, that folders of labels have
A_FEW_STRAYS = 0.05  # of the pictures may be deeper than the others
HALF = 0.5  # of the pictures have names of the same form, if these are offered
NAMED = 3  # folders and words in a message
SEVERAL = 2  # pictures of each word below each label, on average, if words are to compete with labels
WORD = re.compile(r"[^\W_]+")  # or a number
NO_LABEL = re.compile(
    r"(?i)img|image|imag|images|pict|picture|photo|dsc[nf]?|pxl|mvimg|rimg|frame|crop|copy|num|the|and|jpe?g|png|"
    r"left|right|front|back|rear|top|bottom|side|view|upper|lower|day|night|orig(inal)?|aug(mented)?|rot(ated)?|"
    r"flip(ped)?|noise|blur(red)?|istockphoto|gettyimages|shutterstock|depositphotos|screenshot|download"
)


def doubts_of_layout(paths: Sequence[str], layout: str) -> tuple[list[str], list[str]]:
    """What speaks against a layout, in words, and the layouts that may be meant as well; nothing if nothing does.

    Its labels have few pictures; they are named as places where cameras stand; some pictures only are in further
    folders, of several names; or words of the files' names divide the pictures in another way.

    Parameters
    ----------
    paths
        Of pictures, with "/" between folders.
    """
    read = parse_layout(layout).read
    label_of = {path: said[LABEL] for path in paths if (said := read(path))}
    labels = sorted({*label_of.values()})
    parts = layout.split("/")
    reasons, others = [], dict[str, None]()
    if len(labels) > 1 and len(label_of) < FEW * len(labels):
        reasons.append(f"it would have {len(label_of)} pictures of {len(labels)} labels")
    places = bool(labels) and all(map(SITE_WORD.fullmatch, labels))
    if places:
        reasons.append(f"{_named(labels)} may be places of cameras")
    for level, names in _further_levels([*label_of], len(parts)).items():
        uneven = A_FEW_STRAYS < len(names) / len(label_of) < NEARLY_ALL
        if uneven:
            reasons.append(f"some pictures are in further folders, as {_named(sorted({*names}))}")
        if uneven or reasons:
            others["/".join(["{}"] * level + [f"{{{LABEL}}}"])] = None
    outer = [part.replace(f"{{{LABEL}}}", f"{{{SITE}}}" if places else "{}") for part in parts]
    for form, words in _labels_in_names(label_of, outer, HALF if reasons else NEARLY_ALL).items():
        if reasons or _divide(words, label_of):
            reasons.append(f"names of files say {_named(sorted({*words.values()}))}")
            others[form] = None
    return reasons, [*others]


def _further_levels(paths: Sequence[str], depth: int) -> dict[int, list[str]]:
    """The folders at each level below a depth, of the pictures that have one which tells something, if they differ."""
    levels: dict[int, list[str]] = defaultdict(list)
    for path in paths:
        for level, name in enumerate(PurePosixPath(path).parts[:-1]):
            if level >= depth and not NO_SITE.fullmatch(name) and not side_in(name):
                levels[level].append(name)
    return {level: names for level, names in sorted(levels.items()) if len({*names}) > 1}


def _labels_in_names(paths: Collection[str], outer: Sequence[str], least: float) -> dict[str, dict[str, str]]:
    """Layouts by which words of the files' names are labels, and these words by their paths.

    Only those of the commonest form that names have, which at least so large a share of them must have. A name with
    braces has none: in a layout they mean parts.
    """
    forms: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for path in paths:
        depth, stem = path.count("/"), PurePosixPath(path).stem
        if {*stem} & {*"{}"}:
            continue
        folders = [*outer, *["{}"] * (depth - len(outer))]
        forms["/".join([*folders, WORD.sub("{}", stem)])].append((path, WORD.findall(stem)))
    form, named = max(forms.items(), key=lambda item: (len(item[1]), item[0]), default=("", []))
    if not named or len(named) < least * len(paths):
        return {}
    *folders, name = form.split("/")
    found = {}
    for place in range(name.count("{}")):
        words_of = {path: words[place] for path, words in named}
        if len({*words_of.values()}) > 1 and all(_may_be_label(path, word) for path, word in words_of.items()):
            parts = name.split("{}")
            parts[place : place + 2] = [f"{parts[place]}{{{LABEL}}}{parts[place + 1]}"]
            found["/".join([*folders, "{}".join(parts) + NAMED_FILES])] = words_of
    return found


def _may_be_label(path: str, word: str) -> bool:
    """Whether a word of a file's name is one for its content, and none of its folders says the same."""
    folders = PurePosixPath(path).parts[:-1]
    telling = not any(map(str.isdigit, word)) and not NO_LABEL.fullmatch(word) and not side_in(word)
    return telling and not any(word.lower() in folder.lower() for folder in folders)


def _divide(words: Mapping[str, str], label_of: Mapping[str, str]) -> bool:
    """Whether few words divide several labels, as kinds of animals do the pictures of several cameras."""
    pairs = {(words[path], label) for path, label in label_of.items() if path in words}
    dividing = [word for word, count in Counter(word for word, _ in pairs).items() if count > 1]
    return len(dividing) > 1 and len(pairs) * SEVERAL <= len(words)


def _named(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:NAMED])) + (", ..." if len(names) > NAMED else "")
