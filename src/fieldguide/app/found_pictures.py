"""Pictures of folders, by their ids: the log of predictions names pictures by these alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock, Thread

from fieldguide.app.pictures import inside, is_text
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, write_json
from fieldguide.data.images import PictureError, identify

SAVED_EVERY = 200  # new pictures
Known = dict[str, list[object]]  # path: size, time of change, id


class FoundPictures:
    """The picture files of folders by id; a thread opens them once, and what it found is kept in the file `kept`."""

    def __init__(self, folders: Sequence[Path], kept: Path) -> None:
        self.folders, self.kept = folders, kept
        self._files: dict[str, tuple[Path, str]] = {}
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
        return identity in self._files

    def file(self, identity: str) -> Path:
        """The file of a picture. Raises UserError if there is none."""
        if identity not in self._files:
            raise UserError("its file is in none of the folders that the app was started with")
        return inside(*self._files[identity])

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
                here[str(row[2])] = self._files[str(row[2])] = (folder, name)
            self.looked = place + 1
            if new == SAVED_EVERY:
                write_json(self.kept, before | known)
                new = 0
        self._files = here
        if known != before:
            write_json(self.kept, known)

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
