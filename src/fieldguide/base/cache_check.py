"""Whether DVC's cache holds what was recorded: DVC takes a file in it that is read-only for what its name says."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from fieldguide.base.dvc_cache import cache_of, content_of
from fieldguide.base.dvc_files import locked_stages, tracked
from fieldguide.base.errors import UserError
from fieldguide.base.files import DamagedFile, read_json
from fieldguide.base.parallel import map_processes
from fieldguide.base.paths import Paths

FOLDER = ".dir"  # what the hash of a folder ends with: its content is a list of files


def verify_cache(paths: Paths, delete: bool) -> str:
    """Hash all that dvc.lock and the .dvc files of data sets name and DVC's cache holds; returns what was found.

    With `delete`, what is damaged is deleted, so that DVC fetches or makes it again.

    Raises UserError if something is damaged and stays.
    """
    cache = cache_of(paths.checkout)
    if cache is None or not cache.is_dir():
        raise UserError(f"there is no cache of DVC for {paths.checkout}: `dvc repro` or `dvc pull` makes one")
    wanted = dict.fromkeys(_recorded(paths))
    lists = [content_of(cache, digest) for digest in wanted if digest.endswith(FOLDER)]
    named = (content_of(cache, digest) for digest in (*wanted, *_listed(lists)) if not digest.endswith(FOLDER))
    files = [file for file in dict.fromkeys([*lists, *named]) if file.is_file()]
    damaged = [file for file, bad in zip(files, map_processes(_is_damaged, files, "verify"), strict=True) if bad]
    if not damaged:
        return f"all {len(files)} files that DVC's cache holds of this checkout are as recorded"
    count = f"{len(damaged)} of {len(files)} files in DVC's cache are damaged (the first is {damaged[0]})"
    if not delete:
        raise UserError(f"{count}: `fieldguide verify --delete` deletes them, then `dvc pull` or `dvc repro`")
    for file in damaged:
        file.unlink()
    return f"{count}; they are deleted: next `dvc pull`, or `dvc repro` without a remote"


def _recorded(paths: Paths) -> Iterator[str]:
    """The hashes of results and of data sets."""
    results = [stage.outs for stage in locked_stages(paths.dvc_lock).values()]
    for outs in (*results, *map(tracked, sorted(paths.sources.glob("*.dvc")))):
        yield from (out.md5 for out in outs if out.md5 is not None)


def _listed(lists: Iterable[Path]) -> Iterator[str]:
    """The hashes of the files of folders; those of a damaged list are unknown."""
    for file in lists:
        try:
            yield from (entry["md5"] for entry in (read_json(file) if file.is_file() else []))
        except (DamagedFile, KeyError, TypeError):
            continue


def _is_damaged(file: Path) -> bool:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return digest != file.parent.name + file.name.removesuffix(FOLDER)
