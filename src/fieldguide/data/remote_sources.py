"""Sources on other machines: folders and files of object stores, and data sets of the Hugging Face hub."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from fieldguide.base.errors import UserError, first_line, printable, without_access
from fieldguide.base.progress import Progress
from fieldguide.data.archives import safe_path
from fieldguide.data.hugging_face import HUB, fetch_from_hub

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}  # which extra of ours an address needs
LOCAL = {"file", "local"}
AT_A_TIME = 64  # files
MOST = 2_000_000  # files
NOT_HERE = {"http", "https", "ftp"}


def is_remote(source: str) -> bool:
    """Whether a source is an address, and not a path."""
    return "://" in source


def without_secrets(source: str) -> str:
    """An address without what may be a password or a token."""
    return without_access(re.split("[?#]", source)[0])


def fetch_source(source: str, target: Path) -> tuple[Path, list[str]]:
    """Bring what an address means below a new folder `target`; returns where it is, and lines about what did not come.

    Raises
    ------
    UserError
        If it cannot be read, or the library for it is missing.
    """
    kind = source.partition("://")[0].lower()
    if kind in NOT_HERE or "::" in source:
        raise UserError(
            f"{kind}:// is no source for pictures: download the file, then add it; or list addresses in a CSV"
        )
    target.mkdir(parents=True)
    if kind == HUB:
        return fetch_from_hub(source, target), []
    import fsspec

    try:
        store, path = fsspec.core.url_to_fs(source)
        if store.isfile(path):
            file = target / PurePosixPath(path).name
            store.get_file(path, str(file))
            return file, []
        found = {str(name): int(about.get("size") or 0) for name, about in store.find(path, detail=True).items()}
    except ImportError:
        extra = EXTRAS.get(kind)
        advice = f"`pip install 'fieldguide[{extra}]'`" if extra else f"install fsspec's library for {kind}"
        raise UserError(f"{kind}:// needs a library that is not installed: {advice}") from None
    except Exception as error:  # every store's library raises its own
        raise UserError(f"{kind}:// cannot be read: {first_line(error)}") from None
    if not found:
        raise UserError(f"{source} holds no files: check the address")
    if len(found) > MOST:
        raise UserError(f"{source} holds more than {MOST} files: give a folder of it")
    return target, _fetch(store, path, list(found), target)


def _fetch(store: Any, root: str, names: list[str], target: Path) -> list[str]:
    """Fetch files, many at a time; returns a line for each that does not come."""
    lines: list[str] = []
    pairs: list[tuple[str, Path]] = []
    for name in names:
        below = str(PurePosixPath(name.strip("/")).relative_to(root.strip("/")))
        path, refused = safe_path(below)
        if refused:
            lines.append(f"left out: {printable(name)}: {refused}")
        else:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            pairs.append((name, target / path))
    with Progress("fetch", len(pairs)) as bar:
        for some in (pairs[start : start + AT_A_TIME] for start in range(0, len(pairs), AT_A_TIME)):
            try:
                store.get([name for name, _ in some], [str(copy) for _, copy in some])
            except Exception:  # one of them, whose name the libraries do not tell
                lines += [line for name, copy in some if (line := _fetch_one(store, name, copy))]
            bar.update(len(some))
    return lines


def _fetch_one(store: Any, name: str, copy: Path) -> str:
    try:
        store.get_file(name, str(copy))
    except Exception as error:
        copy.unlink(missing_ok=True)
        return f"left out: {printable(name)}: {first_line(error)}"
    return ""
