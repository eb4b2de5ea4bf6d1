"""Pictures by their ids: the log of predictions names them by these alone."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock, Thread

from fieldguide.app.pictures import inside, is_text, own_file
from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import read_json, write_json
from fieldguide.base.packs import is_a_file
from fieldguide.base.paths import Paths
from fieldguide.data.images import PictureError, identify
from fieldguide.data.split_keys import whole_pictures
from fieldguide.data.table import IMAGES, read_table

SAVED_EVERY = 200  # new pictures
Known = dict[str, list[object]]  # path: size, time of change, id


class FoundPictures:
    """The pictures of the data set, as its image table says, and the picture files of folders.

    A thread opens the files of folders once; what it found is kept in the file `kept`.
    """

    def __init__(self, paths: Paths, folders: Sequence[Path], kept: Path) -> None:
        self.paths, self.folders, self.kept = paths, folders, kept
        self._in_data_set: dict[str, str] = {}  # as the column `file` has it
        self._in_folders: dict[str, tuple[Path, str]] = {}
        self._lock, self._thread = Lock(), Thread()
        self.looked, self.total = 0, 0

    def look(self) -> None:
        """Start to look for what is there, unless that is under way."""
        with self._lock:
            if not self._thread.is_alive():
                self._thread = Thread(target=self._look, daemon=True)
                self._thread.start()

    @property
    def is_looking(self) -> bool:
        """Whether some files are still to be opened."""
        return self._thread.is_alive()

    def __contains__(self, identity: object) -> bool:
        return identity in self._in_data_set or identity in self._in_folders

    def file(self, identity: str) -> Path:
        """The file of a picture. Raises UserError if there is none."""
        if identity in self._in_data_set:
            return own_file(self.paths, self._in_data_set[identity])
        if identity in self._in_folders:
            return inside(*self._in_folders[identity])
        raise UserError("its file is neither in the data set nor in a folder that the app was started with")

    def _look(self) -> None:
        before = self._known()
        files = list(self._listed())
        known: Known = {}
        here: dict[str, tuple[Path, str]] = {}
        self.looked, self.total, new = 0, len(files), 0
        for place, (folder, name) in enumerate(files):
            path = folder / name
            try:
                found = path.stat()
                state: list[object] = [found.st_size, found.st_mtime_ns]
                row = before.get(str(path), [])
                if row[:2] != state:
                    row, new = [*state, identify(path)], new + 1
            except (OSError, PictureError):
                pass
            else:
                known[str(path)] = row
                here[str(row[2])] = (folder, name)
            self.looked = place + 1
            if new == SAVED_EVERY:
                write_json(self.kept, before | known)
                new = 0
        self._in_data_set, self._in_folders = self._of_data_set(), here
        if known != before:
            write_json(self.kept, known)

    def _of_data_set(self) -> dict[str, str]:
        """The files of the data set that are there by the ids of whole pictures; none before clean has run."""
        try:
            table = read_table(self.paths.image_table, IMAGES)
        except UserError as error:
            if self.paths.image_table.exists():
                print(printable(f"fieldguide: {error}"), file=sys.stderr)
            return {}
        whole = whole_pictures(table)
        pairs = zip(whole.where(whole.notna(), table["id"]), table["file"], strict=True)
        named = {str(identity): str(file) for identity, file in pairs if isinstance(identity, str) and file}
        return {identity: file for identity, file in named.items() if is_a_file(self.paths.raw_file(file))}

    def _known(self) -> Known:
        try:
            content = read_json(self.kept)
        except (OSError, UserError):
            return {}
        return content if isinstance(content, dict) else {}

    def _listed(self) -> Iterator[tuple[Path, str]]:
        for folder in self.folders:
            for path in sorted(folder.rglob("*")):
                name = path.relative_to(folder)
                if is_text(path) and path.is_file() and not any(part.startswith(".") for part in name.parts):
                    yield folder, name.as_posix()
