"""Times of capture: by the camera's own clock, and with its offset from UTC where that is known."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone

OFFSET = re.compile(r"(?i:Z|UTC|GMT)|([+-])(0\d|1[0-4]):?([0-5]\d)?")


def offset_of(text: str) -> timezone | None:
    """An offset from UTC as standards write it (`Z`, `+02:00`, `-0930`, `+02`); None for what is none."""
    found = OFFSET.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    offset = timedelta(hours=int(found[2] or 0), minutes=int(found[3] or 0))
    return timezone(-offset if found[1] == "-" else offset)


def with_offset(time: datetime, text: str) -> datetime:
    """A time by a camera's clock, with its offset if the text says one."""
    aware = time.replace(tzinfo=offset_of(text))
    try:
        in_utc(aware)
    except OverflowError:  # a clock at the start of the year 1, or at the end of the year 9999
        return time
    return aware


def on_clock(time: datetime) -> datetime:
    """What the camera's own clock said: its day and its night are those of the place."""
    return time.replace(tzinfo=None)


def in_utc(time: datetime) -> datetime:
    """The moment, for comparing it with others whose offset is known too; the clock's time where it is not known."""
    return on_clock(time if time.tzinfo is None else time.astimezone(UTC))


def comparable(times: Iterable[datetime | None]) -> Callable[[datetime], datetime]:
    """How to compare such times: as moments where the offset of each is known, else by their clocks."""
    return in_utc if all(time.tzinfo for time in times if time) else on_clock


def offset_text(time: datetime | None) -> str | None:
    """The offset of a time as `+02:00`; None where it is not known."""
    return None if time is None or time.tzinfo is None else time.isoformat()[-len("+00:00") :]
