"""What was done on the page "Label next", kept in .fieldguide/app: a call that is repeated gives the same answer.

It is written before the file is moved, so that it is known whenever the app is killed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.app.labelling import Placed, Waiting
from fieldguide.base.files import read_json, write_json
from fieldguide.base.paths import Paths
from fieldguide.retraining.file_moves import holds


@dataclass(frozen=True)
class Done:
    """What a person said of a picture, and where it was put."""

    said: str
    picture: Waiting
    placed: Placed

    @property
    def is_there(self) -> bool:
        """Whether the picture still is where it was put."""
        return holds(self.placed.path, self.picture.sha256)


def read_done(paths: Paths) -> dict[str, Done]:
    """What was done, by the pictures' keys; a move that was broken off is finished, or was never made."""
    file = _file(paths)
    done = [_read(row) for row in read_json(file)] if file.is_file() else []
    found = {one.picture.key: one for one in done if one.is_there and one.placed.path != one.picture.path}
    for one in found.values():
        if one.picture.folder == paths.incoming and holds(one.picture.path, one.picture.sha256):
            one.picture.path.unlink()
    return found


def write_done(paths: Paths, done: dict[str, Done]) -> None:
    """Replace what `read_done` reads."""
    write_json(_file(paths), [_row(one) for one in done.values()])


def _file(paths: Paths) -> Path:
    return paths.checkout_state / "app" / "labelled.json"


def _row(done: Done) -> dict[str, Any]:
    picture, placed = done.picture, done.placed
    return {
        "said": done.said,
        "folder": str(picture.folder),
        "name": picture.name,
        "sha256": picture.sha256,
        "target": str(placed.path),
        "is_made": placed.is_made,
    }


def _read(row: dict[str, Any]) -> Done:
    picture = Waiting(Path(row["folder"]), row["name"], row["sha256"])
    return Done(row["said"], picture, Placed(Path(row["target"]), row["is_made"]))
