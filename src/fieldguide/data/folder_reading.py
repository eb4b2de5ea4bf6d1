"""Understanding a folder of pictures before it becomes a data set: its layout, its times, what is left out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.shares import percent
from fieldguide.data.capture_time import EXIF, capture_time
from fieldguide.data.choices import LAYOUT, Ambiguous, Choices, check_renamed
from fieldguide.data.layout import GIVEN_SPLIT, LABEL, parse_layout
from fieldguide.data.layout_doubts import doubts_of_layout
from fieldguide.data.layout_proposals import CAMERA_FOLDER, ENOUGH, propose_layouts, propose_splits, propose_time
from fieldguide.data.sidecars import is_named_as_a_picture
from fieldguide.data.source_reading import Reading
from fieldguide.data.sources.folder import LABEL_FOLDERS, FolderData
from fieldguide.data.sources.wanted import check_labels
from fieldguide.data.system_files import system_reason
from fieldguide.data.videos.kinds import is_video

ASKED_FOR_EXIF = 200  # files, evenly over the folder


def read_folder(folder: Path, files: Mapping[str, Path], choices: Choices) -> Reading:
    """Understand a folder, by a layout that is chosen or by the only one that its paths may mean.

    Parameters
    ----------
    files
        Its files by their paths, with "/" between folders.

    Raises
    ------
    Ambiguous
        If several layouts are plausible, or the only one is doubtful. UserError if what is chosen
        does not fit, if no folder of a given split means a side, or if two labels differ only in how they are written.
    """
    telling = [path for path in files if is_named_as_a_picture(path) and not system_reason(path)] or list(files)
    if choices.layout is None and not any("/" in path for path in telling):
        raise UserError(
            f"{folder} has no folders of pictures: put those of each label into one of its own, or say what the names "
            "of files mean, as --layout '{label}_{}.*'"
        )
    layout = choices.layout or the_layout(folder, telling)
    options: dict[str, Any] = {"labels": dict(choices.labels)} if choices.labels else {}
    options |= {} if layout == LABEL_FOLDERS else {"layout": layout}
    exif = share_with_exif_time(files, telling)
    pattern = propose_time(telling)
    if times := [*([EXIF] if exif >= ENOUGH else []), *([pattern] if pattern else [])]:
        options["time"] = times
    try:
        if splits := propose_splits(_words_of_split(telling, layout), choices.splits, str(folder)):
            options["splits"] = splits
        wanted = FolderData("folder", **options).survey(folder)
    except ValueError as error:
        raise UserError(f"--layout: {error}") from None
    check_renamed(choices.labels, (one.given_label for one in wanted))
    understood = [f"layout: {options['layout']}"] if "layout" in options else []
    if 0 < exif < ENOUGH:
        both = ", ".join([EXIF, *(f'"{one}"' for one in times)])
        understood.append(
            f"note: the times in the EXIF data of {percent(exif, 0)} of the pictures are not read, since they are "
            f"few: `time: [{both}]` in the data set's file in conf/data reads them"
        )
    reading = Reading({"kind": "folder", **options}, wanted, understood, ", then ".join(options.get("time", ())))
    check_labels({one.label for one in reading.pictures}, str(folder))
    return reading


def the_layout(folder: Path, paths: Sequence[str]) -> str:
    """The only layout that paths may mean.

    Raises
    ------
    Ambiguous
        If there are several, or doubts about that one. UserError if a camera named what would be labels.
    """
    layouts = propose_layouts(paths)
    if len(layouts) > 1:
        raise Ambiguous(f"{folder}: its folders may mean more than one thing", [(LAYOUT, one) for one in layouts])
    _check_names(folder, paths, layouts[0])
    doubts, others = doubts_of_layout(paths, layouts[0])
    if doubts:
        question = f"{folder}: '{layouts[0]}' is not certain: {'; '.join(doubts)}; a table can say more (--labels-from)"
        raise Ambiguous(question, [(LAYOUT, one) for one in (*layouts, *others)])
    return layouts[0]


def _check_names(folder: Path, paths: Sequence[str], layout: str) -> None:
    """Raise UserError if a camera named all that would be labels."""
    read = parse_layout(layout).read
    labels = sorted({said[LABEL] for path in paths if (said := read(path))})
    if labels and all(map(CAMERA_FOLDER.fullmatch, labels)):
        raise UserError(
            f"{folder}: its folders are named by a camera or a date ({', '.join(labels[:3])}), which is no label: put "
            f"the pictures of each label into one of its own, or say that these are labels with --layout '{layout}'"
        )


def _words_of_split(paths: Sequence[str], layout: str) -> set[str]:
    """What stands where a layout names the split; nothing if it names none."""
    read = parse_layout(layout).read
    return {said[GIVEN_SPLIT] for path in paths if (said := read(path)) and GIVEN_SPLIT in said}


def has_exif_times(files: Mapping[str, Path], paths: Sequence[str]) -> bool:
    """Whether at least half of the pictures say in their EXIF data when they were taken, by some of them."""
    return share_with_exif_time(files, paths) >= ENOUGH


def share_with_exif_time(files: Mapping[str, Path], paths: Sequence[str]) -> float:
    """The share, from 0 to 1, of pictures that say in their EXIF data when they were taken, by some of them."""
    able = [path for path in paths if not is_video(path)]
    asked = able[:: max(1, len(able) // ASKED_FOR_EXIF)]
    return sum(capture_time(files[path], path, [EXIF]) is not None for path in asked) / max(1, len(asked))
