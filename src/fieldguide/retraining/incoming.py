"""What has arrived in data/incoming: one row per file, with its state."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path, PurePosixPath

import pandas as pd

from fieldguide.base.config import CleanConfig, Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.packs import files_of_data_set, packed_files, size_of
from fieldguide.base.parallel import map_processes
from fieldguide.base.paths import Paths
from fieldguide.base.tracked_inputs import is_cached_link
from fieldguide.data.addresses import UNLABELLED
from fieldguide.data.images import PictureError, as_jpeg, bounded_picture, read_picture
from fieldguide.data.layout import LABEL, SITE, parse_layout, said_by
from fieldguide.data.sources.folder import LABEL_FOLDERS, FolderData, as_text, is_label_folder
from fieldguide.data.table import IMAGES, read_table


class State(StrEnum):
    """What a file in data/incoming is."""

    NEW = "new"  # labelled, readable, not yet in the data set
    ACCEPTED = "accepted"  # by a job whose branch is not merged yet, `reason` names it
    UNLABELLED = "unlabelled"  # for the review queue
    KNOWN = "known"  # the same bytes are in the data set under this label, or came as another file too
    REFUSED = "refused"  # `reason` says why


@dataclass(frozen=True)
class Arrived:
    """One file. `file` is below data/incoming.

    `target` is below data/sources/NAME: where a new picture goes, or where the same bytes as a known one's are or go.
    `site` is what its path says by the data set's layout, "" where it says none. `clean_sha256` is that of the
    copy that `clean` would make of it.
    """

    file: str
    label: str  # its folder's name in the data set, or in data/incoming where that has none; "" without a label
    state: State
    reason: str = ""
    bytes: int = 0
    sha256: str = ""
    id: str = ""
    target: str = ""
    site: str = ""
    clean_sha256: str = ""


TAKES_NOTHING = (
    "the selected data set cannot take in pictures from here: put them beside its others in data/sources (and "
    "list them in its pictures.csv, if it has one), or make one of labelled folders with `fieldguide add NAME FOLDER`"
)
COLUMNS = list(Arrived.__dataclass_fields__)


def list_incoming(cfg: Config, paths: Paths) -> pd.DataFrame:
    """Look at every file in data/incoming; returns a row for each (the fields of Arrived), in the order of the paths.

    Hidden files are skipped: slow uploads use a hidden name and rename it at the end. What cannot be used costs
    its row and nothing else.
    """
    source = paths.sources / cfg.choices["data"]
    files = list(files_below(paths.incoming)) if paths.incoming.is_dir() else []
    layout = cfg.data.layout if isinstance(cfg.data, FolderData) else LABEL_FOLDERS
    look = partial(_look, cfg.clean, paths.incoming, layout, _folders(cfg, source))
    rows = map_processes(look, files, "incoming", lost=partial(_lost, paths.incoming))
    rows = list(_without_contradictions(rows, cfg, paths))
    table = pd.DataFrame([asdict(row) for row in _placed(rows, source, layout)], columns=COLUMNS)
    return table.astype({"bytes": "int64"})


def refuse(incoming: pd.DataFrame, unread: Mapping[str, str]) -> pd.DataFrame:
    """The same table, in which the files that `unread` names are refused for the reasons that it gives."""
    if not unread:
        return incoming
    named = incoming["file"].isin(list(unread))
    reasons = incoming["file"].map(unread)
    return incoming.assign(
        state=incoming["state"].mask(named, State.REFUSED),
        reason=incoming["reason"].mask(named, reasons),
        target=incoming["target"].mask(named, ""),
    )


def label_in(name: str, layout: str) -> str:
    """The label that a path below data/incoming says by the layout of a data set; "" for none."""
    label = said_by(name, layout).get(LABEL, "")
    return "" if UNLABELLED in (name.partition("/")[0], label) else label


def label_folders(cfg: Config, paths: Paths) -> dict[str, str]:
    """How paths below data/incoming may name each label, and what of its own folders that means.

    Raises UserError for a data set that takes no pictures in.
    """
    folders = _folders(cfg, paths.sources / cfg.choices["data"])
    if folders is None:
        raise UserError(TAKES_NOTHING)
    return folders


def files_below(folder: Path) -> Iterator[Path]:
    """All files, hidden ones left out, in the order of their paths; linked folders count as files."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from files_below(path)
        else:
            yield path


def _folders(cfg: Config, source: Path) -> dict[str, str] | None:
    """How paths in the data set name each label; None for a data set that takes no pictures in.

    A label goes by its folder's own name and by that which `labels` gives it. A name that a folder has means that
    folder; of several folders with the same label, the first in alphabetical order.
    """
    if not isinstance(cfg.data, FolderData) or not source.is_dir():
        return None
    if cfg.data.layout == LABEL_FOLDERS:
        own = {path.name for path in source.iterdir() if is_label_folder(path)}
        folders = sorted(own | {path.partition("/")[0] for path in packed_files(source)})
    else:
        found = {said_by(path, cfg.data.layout).get(LABEL, "") for path in files_of_data_set(source)}
        folders = sorted(found - {""})
    if not folders:
        return None
    renamed = {cfg.data.labels[name]: name for name in reversed(folders) if name in cfg.data.labels}
    return renamed | {name: name for name in folders}


def _look(clean: CleanConfig, incoming: Path, layout: str, folders: Mapping[str, str] | None, path: Path) -> Arrived:
    name = path.relative_to(incoming).as_posix()
    said, label = said_by(name, layout), label_in(name, layout)
    if reason := _refusal(path, name, label, layout, folders):
        return Arrived(as_text(name), as_text(label), State.REFUSED, reason)
    return replace(_opened(clean, name, (folders or {}).get(label, label), path), site=said.get(SITE, ""))


def _opened(clean: CleanConfig, name: str, label: str, path: Path) -> Arrived:
    try:
        size, digest = path.stat().st_size, sha256_of_file(path)
        picture = read_picture(path, clean.max_megapixels, max_side=clean.max_side)
    except PictureError as error:
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


def _lost(incoming: Path, path: Path) -> Arrived:
    reason = "the system ended the process that opened it: it takes too much memory"
    return Arrived(as_text(path.relative_to(incoming).as_posix()), "", State.REFUSED, reason)


def _refusal(path: Path, name: str, label: str, layout: str, folders: Mapping[str, str] | None) -> str:
    if path.is_symlink() or not path.is_file():
        return "not a regular file"
    if as_text(name) != name:
        return "its name is not UTF-8: rename it"
    is_told = label or ("/" in name and UNLABELLED not in PurePosixPath(name).parts)
    if is_told and folders is None:
        return TAKES_NOTHING
    if is_told and not label:
        return f"not as {layout}: put it where its label is said, or into {UNLABELLED}/"
    if label and label not in (folders or ()) and layout != LABEL_FOLDERS:
        return f"the data set has no label {label!r}: correct the name, or put the first picture of a new label there"
    if label and label not in (folders or ()):
        return f"the data set has no folder {label!r}, nor such a label: correct the name, or create it for a new label"
    return ""


def _without_contradictions(rows: list[Arrived], cfg: Config, paths: Paths) -> Iterator[Arrived]:
    """Refuse new pictures that the data set has under another label, also in another file: both would be left out."""
    images = read_table(paths.image_table, IMAGES) if paths.image_table.exists() else pd.DataFrame(columns=IMAGES.names)
    known: dict[str, set[str]] = {}
    for column in ("id", "clean_sha256"):  # the latter as `clean` tells which pictures are the same
        for identity, label, raw_label in zip(images[column], images["label"], images["raw_label"], strict=True):
            if identity:
                known.setdefault(identity, set()).update(
                    (label, raw_label)
                )  # as it came, and as a review relabelled it
    labels = cfg.data.labels if isinstance(cfg.data, FolderData) else {}
    for row in rows:
        label = labels.get(row.label, row.label)
        labels_of_it = known.get(row.id) or known.get(row.clean_sha256) or {label}
        if row.state == State.NEW and label not in labels_of_it:
            other = sorted(labels_of_it)[0]
            reason = f"the same picture is in the data set, with the label {other!r}"
            yield replace(row, state=State.REFUSED, reason=reason)
        else:
            yield row


def _leads_away(path: Path) -> bool:
    return path.is_symlink() and not is_cached_link(path)


def _placed(rows: list[Arrived], source: Path, layout: str) -> Iterator[Arrived]:
    """Give new pictures their place in the data set; what is there already, or arrived twice, is not new."""
    present = files_of_data_set(source)
    arrived = {row.bytes for row in rows}
    places: dict[str, dict[str, str]] = {}  # of bytes that are there or came before, by their hash: label, path
    for place, path in present.items():
        label = said_by(place, layout).get(LABEL)
        if not label or any(part.startswith(".") for part in place.split("/")) or _leads_away(path):
            continue  # no picture of the data set
        if size_of(path) in arrived:
            places.setdefault(sha256_of_file(path), {}).setdefault(label, place)
    taken = set(present)
    for row in rows:
        same = places.get(row.sha256, {})
        if row.state != State.NEW:
            yield row
        elif row.label in same:
            reason = f"the same file is in the data set, or arrived, as {same[row.label]}"
            yield replace(row, state=State.KNOWN, reason=reason, target=same[row.label])
        elif same:
            reason = f"the same file is in the data set, or arrived, with the label {next(iter(same))!r}"
            yield replace(row, state=State.REFUSED, reason=reason)
        else:
            wanted = PurePosixPath(parse_layout(layout).with_label(row.file, row.label))
            target = (wanted if wanted.as_posix() not in taken else _beside(wanted, row.sha256)).as_posix()
            places[row.sha256] = {row.label: target}
            taken.add(target)
            yield replace(row, target=target)


def _beside(path: PurePosixPath, digest: str) -> PurePosixPath:
    """A name for a picture whose own is taken, made from its bytes."""
    return path.with_name(f"{path.stem}-{digest[:8]}{path.suffix}")
