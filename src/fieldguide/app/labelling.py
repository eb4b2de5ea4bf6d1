"""Pictures that wait for a label, and how one gets it: as a labelled file of the delivery in data/incoming.

Files in data/incoming move, files of other folders are copied and stay as they are. Only the bytes that were looked at
get a label.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath

from fieldguide.app.pictures import is_text
from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.addresses import UNLABELLED
from fieldguide.data.capture_time import EXIF, capture_time
from fieldguide.data.layout import LABEL, PART, SITE, said_by
from fieldguide.data.moments import comparable
from fieldguide.data.sources.folder import LABEL_FOLDERS, FolderData
from fieldguide.data.sources.table import TableData
from fieldguide.data.videos.kinds import is_video
from fieldguide.retraining.deliveries import read_delivery
from fieldguide.retraining.file_moves import holds, place, place_for
from fieldguide.retraining.incoming import files_below, label_folders

BURST = timedelta(seconds=60)  # pictures of a folder with shorter gaps were taken at one go
ASIDE = "label-next"  # the folder of data/held for what is set aside
UNKNOWN = "unknown"  # what stands in a path for what is not known


@dataclass(frozen=True)
class Waiting:
    """A picture without a label: a folder, the name of a file below it, and what it held when it was looked at."""

    folder: Path
    name: str
    sha256: str = ""  # nobody can say where it cannot be read

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.name

    @property
    def key(self) -> str:
        """What a page calls it: another file in the same place is another picture."""
        return sha256(f"{self.path}\0{self.sha256}".encode("utf-8", "surrogateescape")).hexdigest()[:16]


@dataclass(frozen=True)
class Placed:
    """Where a picture was put; whether that made the file, or the same bytes had been delivered there already."""

    path: Path
    is_made: bool


BeforeMove = Callable[[Placed], None]


def waiting_pictures(cfg: Config, paths: Paths, folders: Sequence[Path]) -> list[Waiting]:
    """The unlabelled files of data/incoming, and those of other folders that are not labelled there yet.

    Those whose names no page can send (`is_text`) are left out.
    """
    incoming = paths.incoming
    ours = {path.relative_to(incoming).as_posix(): path for path in plain_files(incoming) if is_text(path)}
    said = read_delivery(cfg, incoming, list(ours))
    labelled: dict[int, list[Path]] = {}
    found = []
    for name, path in ours.items():
        if any(row.label for row in said.rows.get(name, ())):
            labelled.setdefault(path.stat().st_size, []).append(path)
        elif name in said.rows and name not in said.lists and name not in said.faults:
            found.append(Waiting(incoming, name, _sha256(path)))
    for folder in folders:
        for path in filter(is_text, plain_files(folder)):
            one = Waiting(folder, path.relative_to(folder).as_posix(), _sha256(path))
            if one.sha256 not in map(_sha256, labelled.get(path.stat().st_size, [])):
                found.append(one)
    return found


def bursts_of(pictures: Sequence[Waiting]) -> list[str]:
    """A name for the burst of each picture; "" where nothing tells when it was taken."""
    found = [""] * len(pictures)
    times = [capture_time(picture.path, picture.name, [EXIF]) for picture in pictures]
    parents = [str(picture.path.parent) for picture in pictures]
    of_parent: dict[str, list[datetime | None]] = defaultdict(list)
    for parent, time in zip(parents, times, strict=True):
        of_parent[parent].append(time)
    moment = {parent: comparable(some) for parent, some in of_parent.items()}
    known = [(parents[place], moment[parents[place]](time), place) for place, time in enumerate(times) if time]
    last, name = ("", datetime.min), ""
    for parent, time, number in sorted(known):
        if parent != last[0] or time - last[1] > BURST:
            name = f"{parent} {time}"
        found[number], last = name, (parent, time)
    return found


def layout_of(cfg: Config) -> str:
    """What paths below data/incoming mean."""
    return cfg.data.layout if isinstance(cfg.data, FolderData | TableData) else LABEL_FOLDERS


def offered_labels(cfg: Config, paths: Paths) -> list[str]:
    """The labels that a delivery may bring. Raises UserError for a data set that takes no pictures in."""
    renamed = cfg.data.labels if isinstance(cfg.data, FolderData | TableData) else {}
    return sorted({renamed.get(folder, folder) for folder in label_folders(cfg, paths).values()})


def give_label(cfg: Config, paths: Paths, picture: Waiting, label: str, before_move: BeforeMove) -> Placed:
    """Make the picture a labelled one of the delivery; returns its new place, which `before_move` gets first.

    Raises UserError if the data set has no such label, its layout no place for it, or the file has changed.
    """
    folders = label_folders(cfg, paths)
    if label not in folders:
        raise UserError(f"the data set has no label {label!r}")
    return _put(paths, picture, paths.incoming / labelled_name(cfg, paths, picture, folders[label]), before_move)


def set_aside(paths: Paths, picture: Waiting, before_move: BeforeMove) -> Placed:
    """Move a picture of data/incoming that gets no label to data/held; returns its new place, as `give_label` does.

    One of another folder stays where it is.
    """
    if picture.folder != paths.incoming:
        return Placed(picture.path, is_made=False)
    return _put(paths, picture, paths.held / ASIDE / picture.name, before_move)


def take_back(paths: Paths, picture: Waiting, placed: Placed) -> None:
    """Undo `give_label` or `set_aside`; doing it twice is doing it once. A file that somebody else delivered stays.

    Raises UserError if the picture was moved on meanwhile, or another file has its old place.
    """
    is_there = holds(placed.path, picture.sha256)
    if picture.folder == paths.incoming and not holds(picture.path, picture.sha256):
        if picture.path.exists():
            raise UserError(f"another file is where {picture.name} was: move it away, then undo again")
        if not is_there:
            raise UserError(f"{picture.name} is not where it was put any more: it cannot be taken back")
        place(placed.path, picture.path, picture.sha256, is_linked=placed.is_made)
    if placed.is_made and is_there:
        placed.path.unlink()


def labelled_name(cfg: Config, paths: Paths, picture: Waiting, folder: str) -> str:
    """The path below data/incoming that says the label, by the folder that the data set has for it."""
    layout, name = layout_of(cfg), PurePosixPath(picture.name)
    parts = list(name.parts)
    if picture.folder == paths.incoming and UNLABELLED in parts[:-1]:
        parts.remove(UNLABELLED)
    if layout == LABEL_FOLDERS:
        above = [] if picture.folder == paths.incoming else [picture.folder.name]
        return PurePosixPath(folder, *above, *parts).as_posix()
    site = parts[0] if len(parts) > 1 else picture.folder.name if picture.folder != paths.incoming else UNKNOWN
    known = {LABEL: folder, SITE: site}
    filled = "".join(
        part if number % 2 == 0 else known.get(part, UNKNOWN) for number, part in enumerate(PART.split(layout))
    )
    found = PurePosixPath(filled, *parts[1:] if len(parts) > 1 else parts).as_posix()
    if said_by(found, layout).get(LABEL) != folder:
        raise UserError(f"the layout {layout} names files: put them into data/incoming under names that it fits")
    return found


def _put(paths: Paths, picture: Waiting, target: Path, before_move: BeforeMove) -> Placed:
    source = picture.path
    if not source.is_file():
        raise UserError(f"{picture.name} is not there any more")
    if not holds(source, picture.sha256):
        raise UserError(f"{picture.name} has changed: load the page again")
    path, is_there = place_for(target, picture.sha256)
    before_move(Placed(path, is_made=not is_there))
    is_ours = picture.folder == paths.incoming
    placed = Placed(*place(source, target, picture.sha256, is_linked=is_ours))
    if is_ours:
        source.unlink()
    return placed


def _sha256(path: Path) -> str:
    try:
        return sha256_of_file(path)
    except OSError:
        return ""


def plain_files(folder: Path) -> Iterator[Path]:
    """The files below a folder that may be pictures: none hidden, no links, no videos; none of a folder not there."""
    for path in files_below(folder) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink() and not is_video(path):
            yield path
