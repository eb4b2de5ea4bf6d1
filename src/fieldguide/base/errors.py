"""The one exception whose message is meant for users, and how names and other errors are shown in it."""

import re

# Control characters, line separators, what turns the direction of writing or is not seen, bytes that were no UTF-8.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")

ACCESS = re.compile(r"(?<=://)[^\s/]+@")  # user and password, or a token, in an address


class UserError(Exception):
    """Something that the person running fieldguide can put right.

    The message is one line: what is wrong, where, and what to do. Commands print it on stderr without a traceback and
    leave with exit code 1; every other exception is a bug in fieldguide and keeps its traceback. Names in it may be
    anybody's, and what other programs say may quote an address: as text it is `printable`, `without_access`.
    """

    def __str__(self) -> str:
        return printable(without_access(super().__str__()))


class CheckFailed(UserError):
    """A check of the pictures that stops the pipeline; the runner then has reports/index.html show it."""


def beginning(text: str, most: int = 200) -> str:
    """A value or name that somebody gave, short enough for a message."""
    return text if len(text) <= most else f"{text[:most]}..."


def first_line(error: Exception) -> str:
    """The first line that an error says, or else its kind."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def without_access(text: str) -> str:
    """A text in which no address names a user, a password or a token any more."""
    return ACCESS.sub("", text)


def printable(text: str) -> str:
    """Any name as a message, a terminal or a page can show it: unprintable characters as escapes, on one line."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
