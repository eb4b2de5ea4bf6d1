"""Labelled folders: data/sources/NAME/<label>/.../picture.jpg, or as a layout says, at any depth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from fieldguide.base.config import LabelName
from fieldguide.base.dvc_cache import is_link_away
from fieldguide.base.errors import UserError
from fieldguide.base.operations import DATA_SOURCES
from fieldguide.base.packs import is_pack, is_packed, packed_files
from fieldguide.base.progress import progress
from fieldguide.data.capture_time import capture_time, check_time
from fieldguide.data.field_data import FieldData
from fieldguide.data.given_splits import Side, given_side, not_a_side
from fieldguide.data.layout import FIELDS, GIVEN_SPLIT, LABEL, NAMED_FILES, SEQUENCE, SITE, parse_layout
from fieldguide.data.sources.row import RawRow
from fieldguide.data.sources.source import DataSource
from fieldguide.data.sources.wanted import VIDEO_EVERY, Seconds, Wanted, raw_rows
from fieldguide.data.system_files import system_reason
from fieldguide.data.videos.kinds import is_video

LABEL_FOLDERS = "{label}"


def _layout(text: str) -> str:
    parse_layout(text)
    return text


def _time(source: str) -> str:
    check_time(source)
    return source


LayoutText = Annotated[str, AfterValidator(_layout)]
TimeText = Annotated[str, AfterValidator(_time)]


@DATA_SOURCES.register
@dataclass(frozen=True)
class FolderData(DataSource):
    """Labelled folders below data/sources/NAME; `labels` maps a folder's name to another label.

    `layout` says what the parts of a path are: `{label}`, `{site}`, `{sequence}`, `{split}`, or columns of your own.
    `splits` says what the words of `{split}` mean, beside train, val and test. `time` lists where the time of capture
    is found: `exif`, or patterns as `%Y-%m-%d_%H-%M-%S`. Of a video comes a frame every `video_every` seconds.
    `allow_private` lets its address list lead to private networks
    (see `fetch` in data/fetching.py).
    """

    kind: Literal["folder"]
    labels: dict[str, LabelName] = field(default_factory=dict)
    allow_private: bool = False
    layout: LayoutText = LABEL_FOLDERS
    splits: dict[str, Side] = field(default_factory=dict)
    time: list[TimeText] = field(default_factory=list)
    video_every: Seconds = VIDEO_EVERY

    def fetch(self, source: Path, made: Path) -> list[RawRow]:
        """One row for every file below `source`, in the order of their paths; frames of videos go below `made`.

        Raises
        ------
        UserError
            As `survey`; if `labels` names a folder that is not there; or if two labels differ only in how they are
            written.
        """
        wanted = self.survey(source)
        if unknown := sorted(set(self.labels) - {one.given_label for one in wanted}):
            raise UserError(
                f"conf/data/{source.name}.yaml: labels: no folder {unknown[0]!r} in data/sources/{source.name}"
            )
        return raw_rows(wanted, source, made, self.video_every)

    def survey(self, source: Path) -> list[Wanted]:
        """What every file below `source` is, in the order of their paths.

        Hidden files and folders, links (but those of DVC's cache), files that the layout does not fit, masks and what
        else lies beside pictures are left out: their rows say why.

        Raises
        ------
        UserError
            If `source` is missing or holds no labelled folder.
        """
        from fieldguide.data.sidecars import find_sidecars  # only here: it opens pictures

        if not source.is_dir():
            raise UserError(
                f"data/sources/{source.name} is missing: `fieldguide add {source.name} FOLDER`, or `dvc pull`"
            )
        files = files_below(source)
        has_folders = any(map(is_label_folder, source.iterdir())) or any("/" in address for address in files)
        if not has_folders and not self.layout.endswith(NAMED_FILES):
            raise UserError(
                f"data/sources/{source.name} holds no folders: put the pictures of each label in one of its own"
            )
        refused = {address: reason for address, path in files.items() if (reason := refusal(path, address))}
        refused |= find_sidecars({address: path for address, path in files.items() if address not in refused})
        return [
            self._wanted(source, address, path, refused.get(address, ""))
            for address, path in progress(files.items(), "read paths", len(files), unit="files")
        ]

    def _wanted(self, source: Path, address: str, path: Path, refused: str) -> Wanted:
        said = parse_layout(self.layout).read(address)
        if said is None:
            shape = "not in the folder of a label" if self.layout == LABEL_FOLDERS else f"not as {self.layout}"
            return Wanted(address, path, "", "", refused or shape)
        given, word = said[LABEL], said.get(GIVEN_SPLIT)
        label, side = self.labels.get(given, given), given_side(word, self.splits)
        if word and side is None:
            refused = refused or not_a_side(word)
        if refused:
            return Wanted(address, path, given, label, refused)
        known = FieldData(
            site=said.get(SITE),
            time=capture_time(path, address, self.time),
            sequence=said.get(SEQUENCE) or (address if is_video(path) else None),
            given_split=side,
            further={name: text for name, text in said.items() if name not in FIELDS},
        )
        return Wanted(address, path, given, label, "", known)


def is_label_folder(path: Path) -> bool:
    """Whether this is a folder that may name a label: no link, not hidden."""
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(".")


def as_text(name: str) -> str:
    """A file's name as UTF-8 can hold it: Linux allows any bytes, tables do not."""
    return name.encode("utf-8", "backslashreplace").decode()


def files_below(source: Path) -> dict[str, Path]:
    """All files of a data set by their paths below its folder, in their order; those in its packs too.

    A file that lies there itself counts instead of a packed one of the same path. Raises UserError for a damaged pack.
    """
    plain = {
        as_text(path.relative_to(source).as_posix()): path
        for path in _all_files(source)
        if path.parent != source or not is_pack(path) or is_link_away(path)
    }
    files = packed_files(source) | plain
    return {address: files[address] for address in sorted(files, key=lambda address: address.split("/"))}


def _all_files(folder: Path) -> Iterator[Path]:
    """All files below a folder, sorted by path; links and hidden folders themselves instead of what is in them."""
    for path in sorted(folder.iterdir()):
        if is_label_folder(path):
            yield from _all_files(path)
        else:
            yield path


def refusal(path: Path, address: str) -> str:
    """Why a file cannot belong to a data set, in words, else ""."""
    if is_link_away(path):
        return "a link: fieldguide does not follow links out of the folder"
    if path.name.startswith("."):
        return "a hidden folder" if path.is_dir() else "a hidden file"
    if as_text(str(path)) != str(path):
        return "its name is not UTF-8: rename it"
    if is_packed(path):
        return "a hidden file" if any(part.startswith(".") for part in address.split("/")) else system_reason(address)
    if not path.is_file():
        return "not a regular file"
    return system_reason(address)
