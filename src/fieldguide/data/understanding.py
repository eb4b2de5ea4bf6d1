"""Which reading of a folder is meant: its folders are labels, or a file in it says what the pictures are."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from fieldguide.base.errors import UserError
from fieldguide.data.annotation_files import TABLE_ENDINGS, Listed, find_listed, read_listed, side_of
from fieldguide.data.annotations.annotation import Annotation
from fieldguide.data.choices import LABELS_FROM, LAYOUT, Ambiguous, Choices, find_below
from fieldguide.data.folder_reading import read_folder
from fieldguide.data.label_files import find_label_files
from fieldguide.data.layout import LABEL, parse_layout
from fieldguide.data.layout_proposals import NO_SITE, SITE_NAME, propose_layouts
from fieldguide.data.listed_files import ListedFiles
from fieldguide.data.sidecars import is_named_as_a_picture, is_text
from fieldguide.data.source_reading import Reading, in_short
from fieldguide.data.split_lists import listed_sides, share_of
from fieldguide.data.table_reading import Pictures, reading_of, table_reading

PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".tfrecord", ".h5", ".hdf5", ".pkl")  # with pictures in them
NEARLY_ALL = 0.95  # of the pictures have the same label by both: then it is no question which is meant


def understand(pictures: Pictures, choices: Choices) -> Reading:
    """Understand a folder of pictures, by what a person chose or by the only reading that is plausible.

    Raises
    ------
    Ambiguous
        If several are. UserError if none is, or what was chosen does not fit.
    """
    boxes = _name(pictures.folder, choices.boxes) if choices.boxes else None
    if choices.labels_from and (place := _folder(pictures.folder, choices.labels_from)):
        return table_reading(pictures, _of_folder(pictures, place), choices, boxes)
    if choices.labels_from:
        return read_by_files(pictures, _names(pictures.folder, choices.labels_from), choices, tell_others=True)
    found, problems = list[Listed](), list[str]()
    if not choices.layout:
        found, problems = find_listed(pictures.folder, ListedFiles(pictures.files), choices.columns)
        found += find_label_files(pictures.files)
    found = [listed for listed in found if boxes not in listed.names]
    if chosen := _the_one(pictures, found):
        return table_reading(pictures, chosen, choices, boxes)
    try:
        reading = read_folder(pictures.folder, pictures.files, choices)
    except Ambiguous:
        raise
    except UserError as error:
        without = [f"{one.names[0]} lists pictures, but says no labels: --columns label=COLUMN" for one in found]
        raise UserError("; ".join([str(error), *problems, *without, *_not_read(pictures, found)])) from None
    reading.understood.extend(
        f"note: {listed.names[0]} lists these pictures too: --labels-from or --boxes reads it" for listed in found
    )
    reading.understood.extend(f"note: {problem}" for problem in problems)
    sides = listed_sides(pictures.files)
    if (
        any(one.known.given_split for one in reading.pictures)
        or share_of(sides, [one.address for one in reading.pictures]) < NEARLY_ALL
    ):
        sides = {}
    if boxes is None and not sides:
        return reading
    rows = [
        Annotation(
            one.address, one.given_label, replace(one.known, given_split=sides.get(one.address, one.known.given_split))
        )
        for one in reading.pictures
    ]
    others = [one for one in reading.files if one.refused and one.address != boxes]
    choices = replace(choices, splits={})  # the layout's words are sides by now
    table = reading_of(pictures, rows, others, reading.understood, reading.times_from, boxes, choices)
    table.options.update({name: reading.options[name] for name in ("layout", "time") if name in reading.options})
    return table


def read_by_files(pictures: Pictures, names: Sequence[str], choices: Choices, tell_others: bool) -> Reading:
    """Understand the pictures that files list; `names` are paths below their folder, or of files elsewhere."""
    boxes = _name(pictures.folder, choices.boxes) if choices.boxes else None
    listed = read_listed(pictures.folder, ListedFiles(pictures.files), names, choices.columns)
    return table_reading(pictures, listed, choices, boxes, tell_others)


def _not_read(pictures: Pictures, found: Sequence[Listed]) -> list[str]:
    """Which files may say something, but are of no known format."""
    read = {name for listed in found for name in (*listed.names, *listed.files)}
    outer = [name for name in pictures.files if name.count("/") <= 1 and name not in read]
    names = [name for name in outer if is_text(name) or name.lower().endswith(PACKED)]
    told = [name for name in names if not name.lower().endswith(TABLE_ENDINGS)]
    return [f"not read, since of no known format: {in_short(told)}"] if told else []


def _the_one(pictures: Pictures, found: Sequence[Listed]) -> Listed | None:
    """The file that says what the pictures are; None if folders do."""
    explicit = [listed for listed in found if listed.is_explicit]
    if len(explicit) == 1:
        return explicit[0]
    labelled = [listed for listed in found if listed.has_labels]
    layouts = _layouts_of_labels(pictures)
    if len(labelled) == 1 and (not layouts or any(_agree(labelled[0].annotations.rows, layout) for layout in layouts)):
        return labelled[0]
    options = [(LABELS_FROM, ",".join(listed.names)) for listed in labelled] + [(LAYOUT, layout) for layout in layouts]
    if labelled and len(options) > 1:
        raise Ambiguous(f"{pictures.folder}: more than one thing may say the labels", options)
    return None


def _layouts_of_labels(pictures: Pictures) -> list[str]:
    """The layouts by which the folders may be labels: there are several, not all named as sites or as `images`."""
    paths = [path for path in pictures.files if "/" in path and is_named_as_a_picture(path)]
    layouts = []
    for layout in propose_layouts(paths) if paths else []:
        read = parse_layout(layout).read
        labels = {said[LABEL] for path in paths if (said := read(path))}
        if len(labels) > 1 and not all(map(_names_no_label, labels)):
            layouts.append(layout)
    return layouts


def _names_no_label(folder: str) -> bool:
    return bool(SITE_NAME.fullmatch(folder) or NO_SITE.fullmatch(folder) or side_of(folder))


def _agree(rows: Sequence[Annotation], layout: str) -> bool:
    read = parse_layout(layout).read
    pairs = [(row.label, (read(row.file) or {}).get(LABEL)) for row in rows if row.label and not row.left_out]
    return sum(one == other for one, other in pairs) >= NEARLY_ALL * len(pairs) > 0


def _folder(folder: Path, text: str) -> str | None:
    """A folder that an option names, as a path below the source; None for a file."""
    for path in (folder / text, Path(text)):
        if path.is_dir() and path.resolve().is_relative_to(folder.resolve()):
            return path.resolve().relative_to(folder.resolve()).as_posix()
    return None


def _of_folder(pictures: Pictures, place: str) -> Listed:
    """What the files in a folder say, one for each picture. Raises UserError if there are none, or of two formats."""
    all_of_it = find_label_files(pictures.files)
    found = [one for one in all_of_it if PurePosixPath(one.names[0]).is_relative_to(place)]
    if len(found) != 1:
        what = " and ".join(one.annotations.format for one in found) or "no file of labels for each picture"
        raise UserError(f"{LABELS_FROM} {place}: the folder holds {what}: name a file, or a folder of one format")
    return found[0]


def _names(folder: Path, text: str) -> list[str]:
    """One file that an option names, or several with commas between them: the sides of a set."""
    parts = [text] if Path(text).is_file() or (folder / text).is_file() else text.split(",")
    return [_name(folder, part) for part in parts]


def _name(folder: Path, text: str) -> str:
    """A file that an option names as a path below the folder, or a whole one where it is elsewhere."""
    path = find_below(folder, text).resolve()
    root = folder.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
