"""Understanding a folder of pictures before it becomes a data set: its layout, its times, what is left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError, printable
from fieldguide.data.capture_time import EXIF, capture_time
from fieldguide.data.layout_proposals import ENOUGH, propose_layouts, propose_splits, propose_time
from fieldguide.data.reasons import kind_of_reason
from fieldguide.data.sidecars import is_named_as_a_picture
from fieldguide.data.sources.copying import VIDEO_EVERY, Wanted, check_labels
from fieldguide.data.sources.folder import LABEL_FOLDERS, FolderData
from fieldguide.data.system_files import system_reason
from fieldguide.data.videos.kinds import is_video

ASKED_FOR_EXIF = 200  # files, evenly over the folder
SHOWN = 12  # names in a line, reasons below one another
BEFORE_DIGITAL = datetime(1995, 1, 1)  # cameras whose clock was never set say 1970 or 1980


@dataclass(frozen=True)
class Reading:
    """How a folder is read: the options of its data set, what every file is, and what to tell a person."""

    options: dict[str, Any]
    files: list[Wanted]

    @property
    def pictures(self) -> list[Wanted]:
        """What becomes part of the data set."""
        return [one for one in self.files if not one.refused]


def read_folder(folder: Path, paths: Sequence[str], layout: str | None) -> Reading:
    """Understand a folder, by `layout` or by the only one that its paths may mean.

    Parameters
    ----------
    paths
        Its files, with "/" between folders.

    Raises
    ------
    UserError
        If several layouts are plausible, `layout` is none, or two labels differ only in how they are written.
    """
    telling = [path for path in paths if is_named_as_a_picture(path) and not system_reason(path)] or paths
    if layout is None and not any("/" in path for path in telling):
        raise UserError(
            f"{folder} has no folders of pictures: put those of each label into one of its own, or say what the names "
            "of files mean, as --layout '{label}_{}.*'"
        )
    layouts = [layout] if layout else propose_layouts(telling)
    if len(layouts) > 1:
        choices = " or ".join(f"--layout '{one}'" for one in layouts)
        raise UserError(f"{folder}: its folders may mean more than one thing: choose {choices}")
    options: dict[str, Any] = {} if layouts[0] == LABEL_FOLDERS else {"layout": layouts[0]}
    if layouts[0].startswith("{split}") and (splits := propose_splits(telling)):
        options["splits"] = splits
    exif = _has_exif_times(folder, telling)
    pattern = propose_time(telling)
    if options or pattern:
        options |= {"time": [*([EXIF] if exif else []), *([pattern] if pattern else [])]} if exif or pattern else {}
    try:
        files = FolderData("folder", **options).survey(folder)
    except ValueError as error:
        raise UserError(f"--layout: {error}") from None
    reading = Reading(options, files)
    check_labels({one.label for one in reading.pictures}, str(folder))
    return reading


def describe(reading: Reading, now: datetime) -> list[str]:
    """What was understood, a line for each thing; what is plainly wrong begins with `warning:`."""
    pictures = reading.pictures
    lines = [f"labels: {_counts(Counter(one.label for one in pictures))}"]
    if layout := reading.options.get("layout"):
        lines.insert(0, f"layout: {layout}")
    if sites := Counter(one.known.site for one in pictures if one.known.site):
        lines.append(f"sites: {_counts(sites)}")
    if given := Counter(one.known.given_split for one in pictures if one.known.given_split):
        lines.append(f"given split: {_counts(Counter({str(side): count for side, count in given.items()}))}")
    times = sorted(one.known.time for one in pictures if one.known.time)
    if times:
        missing = f", {len(pictures) - len(times)} without a time" if len(times) < len(pictures) else ""
        lines.append(f"taken: {times[0]} to {times[-1]} (from {', then '.join(reading.options['time'])}){missing}")
        lines += [f"warning: {warning}" for warning in _clock_faults(times, now)]
    if videos := sum(is_video(one.address) for one in pictures):
        lines.append(f"videos: {videos}, of which a frame is taken every {VIDEO_EVERY:g} seconds")
    left = Counter(kind_of_reason(one.refused) for one in reading.files if one.refused)
    lines += [
        f"left out: {count} file{'s' if count > 1 else ''}: {reason}" for reason, count in left.most_common(SHOWN)
    ]
    return lines


def _has_exif_times(folder: Path, paths: Sequence[str]) -> bool:
    asked = paths[:: max(1, len(paths) // ASKED_FOR_EXIF)]
    return sum(capture_time(folder / path, path, [EXIF]) is not None for path in asked) >= ENOUGH * len(asked) > 0


def _clock_faults(times: Sequence[datetime], now: datetime) -> list[str]:
    early, late = sum(time < BEFORE_DIGITAL for time in times), sum(time > now + timedelta(days=1) for time in times)
    same = Counter(times).most_common(1)[0]
    faults = [f"{early} pictures were taken before {BEFORE_DIGITAL.year}: was the clock set?"] * (early > 0)
    faults += [f"{late} pictures were taken in the future: is the clock right?"] * (late > 0)
    return faults + [f"{same[1]} pictures were all taken at {same[0]}: is that a date of capture?"] * (
        len(times) >= 10 and same[1] > len(times) / 2
    )


def _counts(counts: Counter[str]) -> str:
    named = [f"{printable(name)} {count}" for name, count in counts.most_common(SHOWN)]
    return ", ".join(named) + (f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else "")
