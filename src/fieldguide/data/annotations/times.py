"""Times as tables write them: by the camera's own clock, with the offset from UTC that stands behind them."""

import re
from collections.abc import Sequence
from datetime import datetime

from fieldguide.data.moments import with_offset

YEAR_FIRST = re.compile(r"(\d{4})[-:/.]?(\d\d?)[-:/.]?(\d\d?)(?:[T _]+(.*))?")
YEAR_LAST = re.compile(r"(\d\d?)([-/.])(\d\d?)\2(\d{4}|\d\d)(?:[T ,]+(.*))?")
CLOCK = re.compile(
    r"(\d\d?)[:.h-]?(\d\d)?(?:[:.-]?(\d\d))?(?:[.,]\d+)?\s*([AaPp]\.?[Mm]\.?)?\s*"
    r"((?i:Z|UTC|GMT)|[+-]\d\d(?::?\d\d)?)?"
)
DAY_FIRST, MONTH_FIRST = "day-first", "month-first"


def read_times(texts: Sequence[str], order: str = "") -> tuple[list[datetime | None], bool]:
    """The times that texts say, None where none can be read, and whether the order of day and month is not known.

    A time has an offset where the text says one that clocks may have.

    Parameters
    ----------
    order
        `day-first` or `month-first`, for dates as 03/04/2024; "" finds it out, where one of the dates tells.
    """
    first, second = set[int](), set[int]()
    for text in texts:
        if (found := YEAR_LAST.fullmatch(text.strip())) and found[2] != ".":
            first.add(int(found[1]))
            second.add(int(found[3]))
    doubtful = bool(first) and max(first) <= 12 and max(second) <= 12 and first != second
    month_first = order == MONTH_FIRST or (not order and bool(second) and max(second) > 12 >= max(first))
    return [_time(text.strip(), month_first) for text in texts], doubtful and not order


def _time(text: str, month_first: bool) -> datetime | None:
    if found := YEAR_FIRST.fullmatch(text):
        year, month, day, clock = int(found[1]), int(found[2]), int(found[3]), found[4]
    elif found := YEAR_LAST.fullmatch(text):
        one, other = int(found[1]), int(found[3])
        day, month = (other, one) if month_first and found[2] != "." else (one, other)
        year, clock = int(found[4]) + (2000 if len(found[4]) == 2 else 0), found[5]
    else:
        return None
    hour = minute = second = 0
    offset = ""
    if clock:
        if not (said := CLOCK.fullmatch(clock.strip())):
            return None
        hour, minute, second = (int(part or 0) for part in said.group(1, 2, 3))
        if said[4]:
            hour = hour % 12 + (12 if said[4][0] in "pP" else 0)
        offset = said[5] or ""
    try:
        return with_offset(datetime(year, month, day, hour, minute, second), offset)
    except ValueError:
        return None
