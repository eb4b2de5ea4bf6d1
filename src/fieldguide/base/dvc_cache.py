"""DVC's cache of a checkout: which links lead into it, and whether its files are those of the checkout themselves.

With `cache.type symlink` a tracked file is a link to its content in the cache, and as good as a file. Any other link
may lead anywhere, and is not followed. Whoever meets a link asks here which of the two it is.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError

CONTENT = re.compile(r"files/md5/[0-9a-f]{2}/[0-9a-f]{30}")  # a file's place in a cache, by its hash


def is_cached_link(path: Path) -> bool:
    """Whether this is a link to a file in DVC's cache, as the checkout that `path` lies in is configured.

    What counts is the file at the end of all links, so that none leads out of the cache. Raises UserError if DVC's
    configuration there is not valid.
    """
    if not path.is_symlink() or (checkout := _checkout_above(path)) is None or (place := cache_of(checkout)) is None:
        return False
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):  # nothing is there, or a loop
        return False
    inside = real.is_relative_to(place) and CONTENT.fullmatch(real.relative_to(place).as_posix()) is not None
    return inside and real.is_file()


def is_lost(path: Path) -> bool:
    """Whether this is a link to content that should be in a cache of DVC's, and is not there."""
    return path.is_symlink() and not path.exists() and CONTENT.search(path.readlink().as_posix()) is not None


def is_link_away(path: Path) -> bool:
    """Whether this is a link to anything but a file in DVC's cache. Raises as `is_cached_link`."""
    return path.is_symlink() and not is_cached_link(path)


def makes_hard_links(checkout: Path) -> bool:
    """Whether a file that DVC takes into its cache stays one and the same file with the one outside, and read-only."""
    return next(iter(_settings(checkout).get("type") or []), None) == "hardlink"


@cache
def cache_of(checkout: Path) -> Path | None:
    """The cache's folder, without links in its path; None where DVC is not installed, and so has linked nothing."""
    try:
        return Path(_settings(checkout).get("dir") or checkout / ".dvc" / "cache").resolve()
    except ImportError:
        return None


def content_of(cache: Path, digest: str) -> Path:
    """Where a cache keeps what has this md5."""
    return cache / "files" / "md5" / digest[:2] / digest[2:]


def _checkout_above(path: Path) -> Path | None:
    return next((folder for folder in path.absolute().parents if (folder / ".dvc").is_dir()), None)


def _settings(checkout: Path) -> dict[str, Any]:
    """The section `cache` of DVC's configuration: that of the machine, the user, the checkout and its local one."""
    from dvc.config import Config, ConfigError

    try:
        return dict(Config(str(checkout / ".dvc"))["cache"])
    except ConfigError as error:
        raise UserError(
            f"DVC's configuration is not valid: {' '.join(str(error).split())}; correct .dvc/config"
        ) from None
