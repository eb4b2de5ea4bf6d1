"""What was understood of a source of pictures, and how it is told to a person before anything is written."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fieldguide.base.errors import printable
from fieldguide.data.annotations.annotation import Annotation
from fieldguide.data.moments import comparable, on_clock
from fieldguide.data.reasons import kind_of_reason
from fieldguide.data.sidecars import TEXT
from fieldguide.data.sources.wanted import VIDEO_EVERY, Wanted
from fieldguide.data.videos.kinds import is_video

EXAMPLES = 4  # of files that were not read
SHOWN = 12  # names in a line, reasons below one another
BEFORE_DIGITAL = datetime(1995, 1, 1)  # cameras whose clock was never set say 1970 or 1980
NO_NAMES = r"unid\w*|unknown|unk|unclear|undetermined|unclassified|unlabell?ed|not identified|n/?a|nan|none|null"
NAMES_NOTHING = re.compile(rf"(?i)\W*({NO_NAMES})?\W*")


@dataclass(frozen=True)
class Reading:
    """How a source is read: the options of its data set, what every file or row is, and what to tell a person.

    `understood` are lines that say how it was read, `times_from` where times were found. `listed` are the rows of the
    data set's own table, for one of kind `table`.
    """

    options: dict[str, Any]
    files: list[Wanted]
    understood: list[str] = field(default_factory=list)
    times_from: str = ""
    listed: list[Annotation] | None = None

    @property
    def pictures(self) -> list[Wanted]:
        """What becomes part of the data set."""
        return [one for one in self.files if not one.refused]

    @property
    def labelled(self) -> list[Wanted]:
        """Each picture once for each of its labels, however many boxes it has."""
        return list({(one.address, one.label): one for one in self.pictures}.values())


def describe(reading: Reading, now: datetime) -> list[str]:
    """What was understood, a line for each thing; what is plainly wrong begins with `warning:`.

    `now` is by the clock of this machine.
    """
    pictures = reading.labelled
    labels = Counter(one.label for one in pictures)
    lines = [*reading.understood, f"labels: {_counts(labels)}"]
    if sites := Counter(one.known.site for one in pictures if one.known.site):
        lines.append(f"sites: {_counts(sites)}")
    if given := Counter(one.known.given_split for one in pictures if one.known.given_split):
        lines.append(f"given split: {_counts(Counter({str(side): count for side, count in given.items()}))}")
    if boxed := [one.address for one in reading.pictures if one.known.box]:
        lines.append(f"boxes: {len(boxed)} in {len(set(boxed))} pictures")
    times = [one.known.time for one in pictures if one.known.time]
    times.sort(key=comparable(times))
    if times:
        missing = f", {len(pictures) - len(times)} without a time" if len(times) < len(pictures) else ""
        lines.append(f"taken: {times[0]} to {times[-1]} (from {reading.times_from}){missing}")
        lines += [f"warning: {warning}" for warning in _clock_faults(times, now)]
    if several := sum(count > 1 for count in Counter(one.address for one in pictures).values()):
        keeps = ", unless `clean.crop: boxes` keeps each box" if boxed else ""
        lines.append(f"note: pictures with more than one label: {several}; clean leaves them out{keeps}")
    if videos := sum(is_video(one.address) for one in pictures):
        lines.append(f"videos: {videos}, of which a frame is taken every {VIDEO_EVERY:g} seconds")
    if nameless := [label for label in labels if NAMES_NOTHING.fullmatch(label)]:
        lines.append(
            f"note: {', '.join(map(repr, map(printable, nameless)))} may name nothing: leave those pictures out of the "
            "source, or give them another label with --rename"
        )
    return [*lines, *_left_out(reading)]


def not_read(reading: Reading) -> list[str]:
    """A line that names files which may say something, but of which nothing was read; none if there are none."""
    names = [one.address for one in reading.files if one.refused == TEXT]
    return [f"not read: {in_short(names)}"] if names else []


def _left_out(reading: Reading) -> Iterable[str]:
    """A line for each reason; of a table, with the first file that it is about."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for one in reading.files:
        if one.refused:
            reason = kind_of_reason(one.refused)
            counts[reason] += 1
            first.setdefault(reason, one.address)
    for reason, count in counts.most_common(SHOWN):
        example = f" ({printable(first[reason])})" if reading.listed is not None and first[reason] else ""
        if reason == TEXT:
            example = f" ({in_short([one.address for one in reading.files if one.refused == TEXT])})"
        yield f"left out: {count} file{'s' if count > 1 else ''}: {printable(reason)}{example}"
    if len(counts) > SHOWN:
        yield f"left out: {sum(count for _, count in counts.most_common()[SHOWN:])} files: other reasons"


def in_short(names: Sequence[str]) -> str:
    """The first of some names, those of the outer folders before others."""
    first = sorted(names, key=lambda name: (name.count("/"), name))[:EXAMPLES]
    return ", ".join(map(printable, first)) + (", ..." if len(names) > EXAMPLES else "")


def _clock_faults(times: Sequence[datetime], now: datetime) -> list[str]:
    early, late = sum(on_clock(time) < BEFORE_DIGITAL for time in times), sum(_is_ahead(time, now) for time in times)
    same = Counter(map(on_clock, times)).most_common(1)[0]
    faults = [f"{early} pictures were taken before {BEFORE_DIGITAL.year}: was the clock set?"] * (early > 0)
    faults += [f"{late} pictures were taken in the future: is the clock right?"] * (late > 0)
    return faults + [f"{same[1]} pictures were all taken at {same[0]}: is that a date of capture?"] * (
        len(times) >= 10 and same[1] > len(times) / 2
    )


def _is_ahead(time: datetime, now: datetime) -> bool:
    """Whether a camera's clock is ahead: by a day of it that its place may explain, if nothing tells its offset."""
    if time.tzinfo is None:
        return time > now + timedelta(days=1)
    return time > now.astimezone(UTC) + timedelta(hours=1)


def _counts(counts: Counter[str]) -> str:
    named = [f"{printable(name)} {count}" for name, count in counts.most_common(SHOWN)]
    return ", ".join(named) + (f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else "")
