"""What has arrived in data/incoming: one row per file, with its state."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

import pandas as pd

from fieldguide.base.config import CleanConfig, Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.parallel import map_processes
from fieldguide.base.paths import Paths
from fieldguide.data.addresses import UNLABELLED
from fieldguide.data.annotations.annotation import Annotation
from fieldguide.data.images import PictureError, as_jpeg, bounded_picture, read_picture
from fieldguide.data.sources.folder import LABEL_FOLDERS, FolderData, as_text
from fieldguide.data.sources.table import TableData
from fieldguide.data.videos.frames import VideoError, read_frames
from fieldguide.data.videos.kinds import is_video
from fieldguide.retraining.arrived import COLUMNS, Arrived, State
from fieldguide.retraining.data_set import names_of_labels
from fieldguide.retraining.deliveries import read_delivery
from fieldguide.retraining.listed_rows import listed_rows
from fieldguide.retraining.placing import placed, without_contradictions


@dataclass(frozen=True)
class _View:
    """How files are looked at: settings, where they are, and how the data set names labels."""

    cfg: Config
    incoming: Path
    names: Mapping[str, str] | None


TAKES_NOTHING = (
    "the selected data set cannot take in pictures from here: put them beside its others in data/sources (and "
    "list them in its pictures.csv, if it has one), or make one of labelled folders with `fieldguide add NAME FOLDER`"
)


@dataclass(frozen=True)
class _File:
    """A file with what is said of it: rows, the pictures that it lists, or why it cannot be taken in."""

    path: Path
    rows: Sequence[Annotation] = ()
    named: Sequence[str] | None = None
    fault: str = ""


def list_incoming(cfg: Config, paths: Paths) -> pd.DataFrame:
    """Look at every file in data/incoming; returns a row for each (the fields of Arrived), in the order of the paths.

    Hidden files are skipped: slow uploads use a hidden name and rename it at the end. What cannot be used costs
    its row and nothing else.
    """
    source = paths.sources / cfg.choices["data"]
    files = list(files_below(paths.incoming)) if paths.incoming.is_dir() else []
    plain = [file.relative_to(paths.incoming).as_posix() for file in files if not file.is_symlink() and file.is_file()]
    delivery = read_delivery(cfg, paths.incoming, [name for name in plain if as_text(name) == name])
    view = _View(cfg, paths.incoming, names_of_labels(cfg, source))
    said = [
        _File(path, delivery.rows.get(name, ()), delivery.lists.get(name), delivery.faults.get(name, ""))
        for path, name in ((path, path.relative_to(paths.incoming).as_posix()) for path in files)
    ]
    rows = map_processes(partial(_look, view), said, "incoming", lost=partial(_lost, paths.incoming))
    rows = list(without_contradictions(rows, cfg, paths))
    table = pd.DataFrame([asdict(row) for row in placed(rows, cfg, source)], columns=COLUMNS)
    return table.astype({"bytes": "int64"})


def label_folders(cfg: Config, paths: Paths) -> dict[str, str]:
    """How paths below data/incoming may name each label, and what of its own names that means.

    Raises UserError for a data set that takes no pictures in.
    """
    names = names_of_labels(cfg, paths.sources / cfg.choices["data"])
    if names is None:
        raise UserError(TAKES_NOTHING)
    return names


def files_below(folder: Path) -> Iterator[Path]:
    """All files, hidden ones left out, in the order of their paths; linked folders count as files."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from files_below(path)
        else:
            yield path


def _look(view: _View, file: _File) -> Arrived:
    path, said = file.path, file.rows
    name = path.relative_to(view.incoming).as_posix()
    if file.named is not None:
        return Arrived(name, "", State.LIST, "", path.stat().st_size, sha256_of_file(path), named=list(file.named))
    label = next((row.label for row in said if row.label), "")
    site = next((row.known.site for row in said if row.known.site), "")
    if reason := _refusal(view, file, name, label):
        return Arrived(as_text(name), as_text(label), State.REFUSED, reason)
    data, listed = view.cfg.data, list[dict[str, str]]()
    if label and isinstance(data, TableData):
        try:
            listed = listed_rows(said, data, view.names or {}, view.cfg)
        except ValueError as error:
            return Arrived(name, label, State.REFUSED, str(error))
    given = listed[0]["label"] if listed else (view.names or {}).get(label, label)
    every = data.video_every if isinstance(data, FolderData | TableData) else None
    return replace(_opened(view.cfg.clean, name, given, path, every), site=site, listed=listed)


def _opened(clean: CleanConfig, name: str, label: str, path: Path, video_every: float | None) -> Arrived:
    try:
        size, digest = path.stat().st_size, sha256_of_file(path)
        if is_video(path) and video_every:
            next(read_frames(path, video_every), None)
            return Arrived(name, label, State.NEW if label else State.UNLABELLED, "", size, digest)
        picture = read_picture(path, clean.max_megapixels, max_side=clean.max_side)
    except (PictureError, VideoError) as error:
        return Arrived(name, label, State.REFUSED, str(error), size, digest)
    except OSError as error:
        return Arrived(name, label, State.REFUSED, f"cannot be read: {error.strerror}")
    width, height = picture.size
    if min(width, height) < clean.min_side:
        reason = f"{width} x {height} pixels, the shorter side must have {clean.min_side}"
        return Arrived(name, label, State.REFUSED, reason, size, digest)
    copy = as_jpeg(bounded_picture(picture, clean.max_side), clean.jpeg_quality)
    state = State.NEW if label else State.UNLABELLED
    return Arrived(name, label, state, "", size, digest, picture.id, clean_sha256=hashlib.sha256(copy).hexdigest())


def _lost(incoming: Path, file: _File) -> Arrived:
    reason = "the system ended the process that opened it: it takes too much memory"
    return Arrived(as_text(file.path.relative_to(incoming).as_posix()), "", State.REFUSED, reason)


def _refusal(view: _View, file: _File, name: str, label: str) -> str:
    if file.path.is_symlink() or not file.path.is_file():
        return "not a regular file"
    if as_text(name) != name:
        return "its name is not UTF-8: rename it"
    if file.fault:
        return file.fault
    data, names = view.cfg.data, view.names
    layout = data.layout if isinstance(data, FolderData | TableData) else LABEL_FOLDERS
    is_told = label or ("/" in name and UNLABELLED not in PurePosixPath(name).parts)
    if is_told and names is None:
        return TAKES_NOTHING
    if is_told and not label:
        return f"not as {layout}: put it where its label is said, or into {UNLABELLED}/"
    if not label or label in (names or ()):
        return ""
    if isinstance(data, TableData):
        return (
            f"the data set has no label {label!r}: correct it, or list the picture in a file beside it; add the first "
            "picture of a new label by hand"
        )
    if layout != LABEL_FOLDERS:
        return f"the data set has no label {label!r}: correct the name, or put the first picture of a new label there"
    return f"the data set has no folder {label!r}, nor such a label: correct the name, or create it for a new label"
