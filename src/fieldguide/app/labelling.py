"""Pictures that wait for a label, and how one gets it: as a labelled file of the delivery in data/incoming.

Files in data/incoming move, files of other folders are copied and stay as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.addresses import UNLABELLED
from fieldguide.data.capture_time import EXIF, capture_time
from fieldguide.data.layout import LABEL, PART, SITE, said_by
from fieldguide.data.sources.folder import LABEL_FOLDERS, FolderData
from fieldguide.data.sources.table import TableData
from fieldguide.data.videos.kinds import is_video
from fieldguide.retraining.deliveries import read_delivery
from fieldguide.retraining.file_moves import place
from fieldguide.retraining.incoming import files_below, label_folders

BURST = timedelta(seconds=60)  # pictures of a folder with shorter gaps were taken at one go
ASIDE = "label-next"  # the folder of data/held for what is set aside
UNKNOWN = "unknown"  # what stands in a path for what is not known


@dataclass(frozen=True)
class Waiting:
    """A picture without a label: a folder, and the name of a file below it."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.name

    @property
    def key(self) -> str:
        """What a page calls it."""
        return sha256(str(self.path).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def waiting_pictures(cfg: Config, paths: Paths, folders: Sequence[Path]) -> list[Waiting]:
    """The unlabelled files of data/incoming, and those of other folders that are not labelled there yet."""
    incoming = paths.incoming
    ours = {path.relative_to(incoming).as_posix(): path for path in _plain_files(incoming)} if incoming.is_dir() else {}
    said = read_delivery(cfg, incoming, list(ours))
    labelled: dict[int, list[Path]] = {}
    found = []
    for name, path in ours.items():
        if any(row.label for row in said.rows.get(name, ())):
            labelled.setdefault(path.stat().st_size, []).append(path)
        elif name in said.rows and name not in said.lists and name not in said.faults:
            found.append(Waiting(incoming, name))
    for folder in folders:
        for path in _plain_files(folder):
            same = labelled.get(path.stat().st_size, [])
            if not (same and sha256_of_file(path) in map(sha256_of_file, same)):
                found.append(Waiting(folder, path.relative_to(folder).as_posix()))
    return found


def bursts_of(pictures: Sequence[Waiting]) -> list[str]:
    """A name for the burst of each picture; "" where nothing tells when it was taken."""
    found = [""] * len(pictures)
    times = [capture_time(picture.path, picture.name, [EXIF]) for picture in pictures]
    known = [(str(pictures[place].path.parent), time, place) for place, time in enumerate(times) if time]
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


def give_label(cfg: Config, paths: Paths, picture: Waiting, label: str) -> Path:
    """Make the picture a labelled one of the delivery; returns its new place. Doing it twice is doing it once.

    Raises UserError if the data set has no such label, or its layout no place for it.
    """
    folders = label_folders(cfg, paths)
    if label not in folders:
        raise UserError(f"the data set has no label {label!r}")
    return _put(paths, picture, paths.incoming / labelled_name(cfg, paths, picture, folders[label]))


def set_aside(paths: Paths, picture: Waiting) -> Path:
    """Move a picture of data/incoming that gets no label to data/held; returns its new place.

    One of another folder stays where it is.
    """
    if picture.folder != paths.incoming:
        return picture.path
    return _put(paths, picture, paths.held / ASIDE / picture.name)


def take_back(paths: Paths, picture: Waiting, target: Path) -> None:
    """Undo `give_label` or `set_aside`, which put the picture there."""
    if not target.is_file() or target == picture.path:
        return
    if picture.folder == paths.incoming:
        place(target, picture.path, sha256_of_file(target))
        target.unlink()
    elif picture.path.is_file() and sha256_of_file(picture.path) == sha256_of_file(target):
        target.unlink()


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


def _put(paths: Paths, picture: Waiting, target: Path) -> Path:
    source = picture.path
    if not source.is_file():
        if target.is_file():  # it was put there by a call whose answer did not arrive
            return target
        raise UserError(f"{picture.name} is not there any more")
    digest = sha256_of_file(source)
    beside = target.with_name(f"{target.stem}-{digest[:8]}{target.suffix}")
    place(source, target, digest)
    if picture.folder == paths.incoming:
        source.unlink()
    return beside if beside.is_file() and sha256_of_file(beside) == digest else target


def _plain_files(folder: Path) -> Iterator[Path]:
    for path in files_below(folder):
        if path.is_file() and not path.is_symlink() and not is_video(path):
            yield path
