"""What a person may have meant by a name that does not exist."""

from collections.abc import Iterable, Mapping

SIMILARITY = 0.6  # of two names, 0 to 1: difflib's ratio


def did_you_mean(name: object, known: Iterable[str] | Mapping[str, str]) -> str:
    """` (did you mean X?)` for the known name that is most like `name`, else ""; case, `-` and `_` do not matter.

    A mapping holds for each name what is to be shown.
    """
    from difflib import get_close_matches  # only for a mistake: every command would wait for it

    shown = known if isinstance(known, Mapping) else {one: one for one in known}
    by_folded = {_folded(one): text for one, text in shown.items()}
    close = get_close_matches(_folded(str(name)), by_folded, n=1, cutoff=SIMILARITY)
    return f" (did you mean {by_folded[close[0]]}?)" if close else ""


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")
