"""What DVC meets before a stage does: it hashes whatever lies in a folder, and waits or stops at what is no plain file.

At a pipe it waits for ever, at a link to nowhere or a name that is not UTF-8 it stops in words of its own.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from fieldguide.base.dvc_cache import is_lost
from fieldguide.base.errors import UserError, printable

KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_tracked(root: Path, *inputs: Path) -> None:
    """Raise UserError for what is in these files and folders of a checkout and cannot be hashed.

    What is missing is no fault.
    """
    faults = [fault for path in inputs if os.path.lexists(path) for fault in _faults(path, root)]
    if faults:
        more = f" ({len(faults) - 1} more like it)" if len(faults) > 1 else ""
        raise UserError(f"{faults[0]}{more}")


def _faults(path: Path, root: Path) -> Iterator[str]:
    name = os.path.relpath(path, root).encode("utf-8", "backslashreplace").decode()
    try:
        mode = path.stat().st_mode
        entries = sorted(os.scandir(path), key=lambda entry: entry.name) if _is_folder(path, mode) else []
    except OSError as error:
        if is_lost(path):
            what, advice = "is not in DVC's cache", "`dvc pull` fetches it; if the cache is on a drive, connect that"
        elif path.is_symlink():
            what, advice = "is a link that leads nowhere", "delete it"
        else:
            what, advice = "cannot be read", "change its owner or its permissions"
        yield f"{printable(name)} {what} ({error.strerror}): {advice}, then `dvc repro`"
        return
    if kind := next((words for is_kind, words in KINDS if is_kind(mode)), ""):
        yield f"{printable(name)} is {kind}, which DVC cannot hash: delete it or move it away, then `dvc repro`"
    elif not os.access(path, os.R_OK):
        yield f"{printable(name)} cannot be read: change its owner or its permissions, then `dvc repro`"
    for entry in entries:
        if entry.name.encode("utf-8", "replace").decode() != entry.name:
            shown = f"{name}/{entry.name.encode('utf-8', 'backslashreplace').decode()}"
            yield f"{printable(shown)} has a name that is not UTF-8: rename it, then `dvc repro`"
        elif not (entry.is_file(follow_symlinks=False) and os.access(entry.path, os.R_OK)):
            yield from _faults(Path(entry.path), root)


def _is_folder(path: Path, mode: int) -> bool:
    return stat.S_ISDIR(mode) and not path.is_symlink()
