"""Layouts: what the folders and the name of a file say of a picture, as `{site}/{label}`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

LABEL, SITE, SEQUENCE, GIVEN_SPLIT = "label", "site", "sequence", "split"
FIELDS = (LABEL, SITE, SEQUENCE, GIVEN_SPLIT)
NAMED_FILES = ".*"  # ends a layout that describes the names of files, too
ADJACENT = re.compile(r"\}\{")
PART = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class Layout:
    """A layout, ready to read paths with."""

    text: str
    pattern: re.Pattern[str]

    def read(self, path: str) -> Mapping[str, str] | None:
        """What a path says, by the layout's fields; None if it does not fit."""
        found = self.pattern.fullmatch(path)
        return found.groupdict() if found else None

    def with_label(self, path: str, label: str) -> str:
        """A path that fits, with another label in it."""
        found = self.pattern.fullmatch(path)
        assert found, "the path was read by this layout"
        return path[: found.start(LABEL)] + label + path[found.end(LABEL) :]

    @property
    def fields(self) -> set[str]:
        """What it tells of a picture."""
        return set(self.pattern.groupindex)


def parse_layout(text: str, needs_label: bool = True) -> Layout:
    """Read a layout: `{name}` is a part of a path between slashes, `{}` any such part, everything else stands as it is.

    `{label}` is required, unless labels come from elsewhere (`needs_label`); `{site}`, `{sequence}` and `{split}` are
    known, every other name makes a column of its own. Folders below those that it names do not matter. If it ends with
    `.*`, its last part is the name of the file, and no other folders may follow.

    Raises
    ------
    ValueError
        If two parts stand side by side, or if it names no label, a field twice, what is not a name, or a column that
        fieldguide fills.
    """
    if ADJACENT.search(text):
        raise ValueError("two parts need something between them, as in {site}_{label}")
    pattern, names = "", []
    flat = text.endswith(NAMED_FILES)
    for place, part in enumerate(PART.split(text.removesuffix(NAMED_FILES))):
        if place % 2 == 0:
            pattern += re.escape(part)
        elif not part:
            pattern += "[^/]*?"
        elif not part.isidentifier():
            raise ValueError(f"{{{part}}} is not a name: use a letter first, then letters, digits and _")
        elif part in names:
            raise ValueError(f"{{{part}}} stands there twice")
        else:
            names.append(part)
            pattern += f"(?P<{part}>[^/]+?)"
    if (further := set(names) - {*FIELDS}) and (taken := sorted(further & own_columns())):
        raise ValueError(f"{{{taken[0]}}} is a column that fieldguide fills: choose another name")
    if needs_label and LABEL not in names:
        raise ValueError("{label} is missing: it says which part of the path is the label")
    return Layout(text, re.compile(pattern + (r"\.[^./]+" if flat else "/.+"), re.DOTALL))


def own_columns() -> set[str]:
    """The columns of all tables, whose names no data set may use for its own."""
    from fieldguide.data import table  # only here: every command loads every data source

    schemas = (table.RAW, table.IMAGES, table.SPLIT, table.SCREEN, table.PREDICTIONS_FIXED)
    return {field.name for schema in schemas for field in schema} | {table.UTC_OFFSET}


def said_by(path: str, layout: str) -> Mapping[str, str]:
    """What a path says by a layout, by its fields; nothing where it does not fit."""
    return _parsed(layout).read(path) or {}


@cache
def _parsed(layout: str) -> Layout:
    return parse_layout(layout)
