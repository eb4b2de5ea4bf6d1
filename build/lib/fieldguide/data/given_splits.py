"""The sides that a data set came with: which words mean which side."""

import re
from collections.abc import Mapping
from typing import Literal

Side = Literal["train", "valid", "trainval", "test"]  # trainval: `split` divides it into train and valid
SIDES: dict[str, Side] = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "trainval": "trainval",
    "test": "test",
    "testing": "test",
}


def given_side(word: str | None, sides: Mapping[str, Side]) -> Side | None:
    """The side that a word means; a data set's own `sides` come first. None for no word and for one that is unknown."""
    if not word:
        return None
    return sides.get(word) or SIDES.get(word.strip().lower())


def not_a_side(word: str) -> str:
    """What is told of a word that means no side."""
    return f"{word!r} is no side of a split ({', '.join(SIDES)}), nor has it an entry in `splits`"


def side_in(name: str) -> Side | None:
    """The side that a folder's name tells with one of its words, as `seg_train` or `val2017` do; else None."""
    found = {SIDES[word] for word in re.findall("[a-z]+", name.lower()) if word in SIDES}
    return found.pop() if len(found) == 1 else None
