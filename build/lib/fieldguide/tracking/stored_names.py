"""Names and values as MLflow accepts them: it allows less than the names of labels, files and options."""

import hashlib
import posixpath
import re
from collections.abc import Iterable

MAX_NAME_LENGTH = 250  # characters of a metric's, a parameter's or a run's name
MAX_VALUE_LENGTH = 6000  # characters of a parameter's value
DIGITS = 10
REFUSED = re.compile(r"[^\w.\- /:]")
MARKED = re.compile(rf"-[0-9a-f]{{{DIGITS}}}\Z")


def stored_name(name: str) -> str:
    """The name of a metric or parameter in MLflow: another one for every name.

    It is the name itself wherever MLflow takes that. Else `_` stands for each refused character, what is too long is
    cut, and the beginning of the name's sha256 is put behind; so it is with a name that ends like that by itself.
    """
    plain = REFUSED.sub("_", name)
    if posixpath.normpath(plain) != plain or plain.startswith(("/", "..")) or plain == ".":
        plain = re.sub(r"^\.|/", "_", plain)
    if plain == name and len(name) <= MAX_NAME_LENGTH and not MARKED.search(name):
        return name
    return f"{plain[: MAX_NAME_LENGTH - DIGITS - 1]}-{_digest(name)}"


def changed_names(names: Iterable[str]) -> dict[str, str]:
    """The names by what they are called in MLflow, as far as that differs."""
    return {stored: name for name in names if (stored := stored_name(name)) != name}


def stored_value(value: object) -> str:
    """A parameter's value in MLflow: its text, cut where it is too long; another one for every text."""
    return _bounded(str(value), MAX_VALUE_LENGTH)


def stored_title(name: str) -> str:
    """The name of a run in MLflow, cut where it is too long."""
    return _bounded(name, MAX_NAME_LENGTH)


def _bounded(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = f"... (cut, sha256 {_digest(text)})"
    return f"{text[: longest - len(end)]}{end}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
