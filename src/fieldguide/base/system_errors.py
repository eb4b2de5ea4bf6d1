"""System errors when files are read and written, in one line: which file, what is wrong, what to do.

Python raises OSError; libraries written in Rust or C++ raise exceptions of their own, whose text has its number.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from fieldguide.base.errors import UserError, printable

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
NUMBER = re.compile(r"\(os error (\d+)\)|\[errno (\d+)\]", re.IGNORECASE)
FAULTS: dict[int, tuple[str, str]] = {  # by number: what is wrong, what to do
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the disk quota is used up", "make room or ask for more"),
    errno.EROFS: ("the file system is read-only", "make it writable or work elsewhere"),
    errno.EACCES: ("no permission", "change its owner or its permissions"),
    errno.EPERM: ("not permitted", "change its owner, permissions or attributes"),
    errno.ENAMETOOLONG: ("the name is too long", "shorten it"),
    errno.EMFILE: ("too many open files", "raise the limit (`ulimit -n`) or lower train.workers"),
    errno.ENFILE: ("too many open files on this machine", "close other programs"),
    errno.EIO: ("the disk reports an error", "check the disk and its cables"),
    errno.EFBIG: ("the file is too large for this file system", "work on another one"),
    errno.EUCLEAN: ("the file system is damaged", "check it (`fsck`)"),
    errno.ESTALE: ("the network drive has lost it", "connect the drive again"),
    errno.ENOENT: ("no such file or folder", "put it there"),
    errno.ENOTDIR: ("there is a file where a folder should be", "move it away"),
    errno.EISDIR: ("there is a folder where a file should be", "move it away"),
    errno.EEXIST: ("it already exists", "move it away"),
    errno.ENOTEMPTY: ("the folder is not empty", "move it away"),
    errno.ELOOP: ("links that form a loop", "remove them"),
    errno.ETXTBSY: ("it is in use", "wait for the other program"),
    errno.EBUSY: ("it is in use", "wait for the other program"),
}
REPORTED_WITHOUT_FILE = (*DISK_FULL, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS)  # also where no file is known


def system_error(error: BaseException) -> OSError | None:
    """The OSError that an exception is, or whose number its text has; None for any other.

    What is told already, as a UserError, is none, whatever it quotes.
    """
    if isinstance(error, UserError):
        return None
    if isinstance(error, OSError) and error.errno is not None:
        return error
    if found := NUMBER.search(str(error)):
        number = int(found[1] or found[2])
        return OSError(number, os.strerror(number))
    return None


def fault(error: BaseException, after: str) -> str | None:
    """A system error in one line; None for any other exception. `after` is what to do once it is fixed."""
    found = system_error(error)
    if (
        found is None
        or found.errno not in FAULTS
        or (found.filename is None and found.errno not in REPORTED_WITHOUT_FILE)
    ):
        return None
    what, advice = FAULTS[found.errno]
    name = found.filename if found.filename is not None else "standard output or a temporary file"
    return (
        f"{what} ({printable(os.fsdecode(name) if not isinstance(name, int) else str(name))}): {advice}, then {after}"
    )


@contextmanager
def faults_in_one_line(after: str) -> Iterator[None]:
    """Turn a system error into a UserError; see `fault`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, BrokenPipeError) or (message := fault(error, after)) is None:
            raise
        raise UserError(message) from None
