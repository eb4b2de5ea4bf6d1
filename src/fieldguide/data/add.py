"""Adding a data set of one's own: its pictures, its option file, its place in DVC and in params.yaml."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_text, replace_folder, write_text
from fieldguide.base.interruption import ctrl_c_waits, run_to_its_end
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress, progress
from fieldguide.base.tracked_inputs import is_cached_link
from fieldguide.base.yaml_files import set_values
from fieldguide.data.addresses import address_list, keys_of, read_addresses
from fieldguide.data.fetching import fetch
from fieldguide.data.sources.folder import as_text

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # words that YAML takes for something else


def add_data_set(paths: Paths, name: str, source: Path, link: bool = False, allow_private: bool = False) -> None:
    """Make `source` the data set `name` and choose it: data/sources/NAME, `dvc add`, conf/data/NAME.yaml, params.yaml.

    Parameters
    ----------
    source
        A folder that holds one folder of pictures for each label; hidden files and folders, links and names that are
        not UTF-8 are skipped. Or an address list (see `read_addresses`), which is kept as data/sources/NAME.csv; rows
        without a label, and those that could not be fetched, are left to `fieldguide retrain`.
    link
        Hard links instead of copies of a folder's files.
    allow_private
        Addresses may lead to this machine and to private networks; `fieldguide retrain` allows it from then on.

    Raises
    ------
    UserError
        For a name that is taken or not valid, fewer than two labels, what cannot be read, linked or tracked, or a
        params.yaml that chooses no data set or cannot be edited. Nothing is changed then.
    """
    target, kept = paths.sources / name, address_list(paths, name)
    if source.is_file() and NAME.fullmatch(name) and not paths.option("data", name).exists():
        _take_back(source, target)
    _check_name(paths, name)
    chosen = _chosen(paths, name)
    if kept.exists() and not (source.is_file() and read_text(kept) == _list_text(source)):
        raise UserError(f"data/sources/{kept.name} already exists: delete it, or choose another name")
    if source.is_dir():
        added, comment = _take_folder(paths, source, target, link)
    elif source.is_file():
        added, comment = _take_addresses(source, target, allow_private)
    else:
        raise UserError(f"{source} is neither a folder nor an address list (CSV): check the path")
    dvc_add(paths, target, _waiting(target) if source.is_file() else None)
    commit = [f"conf/data/{name}.yaml", f"data/sources/{name}.dvc", "data/sources/.gitignore"]
    secret: list[int] = []
    if source.is_file():
        secret = [row.line for row in read_addresses(source) if row.may_hold_secret]
        commit[1:1] = [] if secret else [f"data/sources/{name}.csv"]
    with ctrl_c_waits():
        if source.is_file():
            write_text(kept, _list_text(source))
        write_text(paths.option("data", name), f"# {comment}\nkind: folder\n" + "allow_private: true\n" * allow_private)
        write_text(paths.params, chosen)
    print(
        f"added {added} as data set {name!r}\n"
        f"chosen in params.yaml; next: `dvc repro`, then commit params.yaml, {', '.join(commit[:-1])} and {commit[-1]}"
    )
    if secret:
        print(
            f"do not commit data/sources/{name}.csv if it holds passwords or tokens: {len(secret)} addresses have "
            f"a query string, a user or a fragment (the first in line {secret[0]})"
        )


def _check_name(paths: Paths, name: str) -> None:
    if read_params(paths).get("data") is None:
        raise UserError("params.yaml chooses no data set: add a line `data: sample`")
    target, option = paths.sources / name, paths.option("data", name)
    if not NAME.fullmatch(name) or name.lower() in NOT_TEXT:
        raise UserError(
            f"{name!r} is not a valid name for a data set: use a letter first, then letters, digits, - and _"
        )
    if target.exists() and not option.exists():
        raise UserError(f"data/sources/{name} is left from an `add` that was interrupted: delete it and add again")
    if target.exists() or option.exists():
        listed = address_list(paths, name).exists()
        more = f"rows to data/sources/{name}.csv" if listed else f"pictures to data/sources/{name}"
        raise UserError(f"the data set {name!r} already exists: choose another name, or add {more}")


def _take_folder(paths: Paths, folder: Path, target: Path, link: bool) -> tuple[str, str]:
    """Copy or link the pictures; returns a summary, and a line about their origin."""
    if paths.root.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{folder} contains this checkout: give the folder of the pictures only")
    walk = os.walk(folder, onerror=_unreadable)
    found = [Path(parent, name).relative_to(folder) for parent, _, names in walk for name in names]
    files = sorted(file for file in found if _may_come(folder, file))
    labels = sorted({_printable(file.parts[0]) for file in files if len(file.parts) > 1})
    if len(labels) < 2:
        raise UserError(f"{folder} has {len(labels)} folders with files: at least two are needed, one for each label")
    try:
        _take(folder, files, target, os.link if link else shutil.copy2)
    except OSError as error:
        if not link:
            raise UserError(f"{error.filename} cannot be copied: {error.strerror}") from None
        raise UserError(f"{folder} cannot be linked ({error.strerror}): leave out --link to copy it") from None
    left = len(found) - len(files)
    skipped = f" ({left} skipped: hidden, links, no regular files, or names that are not UTF-8)" if left else ""
    origin = f"added from a folder named {_printable(folder.resolve().name)}"
    return (
        f"{len(files)} files{skipped} under {len(labels)} labels ({', '.join(labels)})",
        f"{len(files)} files in the folders {', '.join(labels)}, {origin}.",
    )


def _take_addresses(file: Path, target: Path, allow_private: bool) -> tuple[str, str]:
    """Fetch the pictures; returns a summary, and a line about their origin.

    What came waits in a folder beside `target` for the next `add` of that name, whatever ends this one too early.
    """
    rows = read_addresses(file)
    partial = _waiting(target)
    partial.mkdir(parents=True, exist_ok=True)
    wanted = {(row.label, row.key) for row in rows}
    for path in _files(partial):
        if _place(path.relative_to(partial)) not in wanted:  # half a file, or what another list gave
            path.unlink()
    try:
        known = keys_of(path.name for path in _files(partial))
        results = fetch([row for row in rows if row.label], known, partial, allow_private)
    except OSError as error:
        raise UserError(f"{file.name} cannot be fetched: {error.strerror}") from None
    finally:
        _delete_empty_folders(partial)
    came = [path.relative_to(partial) for path in _files(partial)]
    failed = [f"{result.address.shown}: {result.problem}" for result in results if result.problem]
    labels = sorted({_printable(path.parts[0]) for path in came})
    if len(labels) < 2:
        why = f", the first failure is {failed[0]}" if failed else ""
        raise UserError(f"{file.name} gave pictures of {len(labels)} labels, at least two are needed{why}")
    partial.replace(target)
    for line in failed:
        print(f"fieldguide: {file.name}: {line}", file=sys.stderr)
    left = len(rows) - len(came)
    left_out = f" ({left} left to `fieldguide retrain`: no label, or not fetched)" if left else ""
    return (
        f"{len(came)} pictures{left_out} under {len(labels)} labels ({', '.join(labels)})",
        f"{len(came)} pictures in the folders {', '.join(labels)}, fetched from data/sources/{target.name}.csv.",
    )


def _take_back(file: Path, target: Path) -> None:
    """Let what an `add` of this list had fetched wait again, if that was killed while DVC looked at it."""
    files = _files(target)
    wanted = {(row.label, row.key) for row in read_addresses(file)} if files else set()
    if files and all(_place(path.relative_to(target)) in wanted for path in files):
        target.replace(_waiting(target))


def _waiting(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def _place(file: Path) -> tuple[str, str]:
    """The label and the key of the address that a file was fetched from, as its row in the list has them."""
    return str(file.parent), next(iter(keys_of([file.name])), "")


def _list_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise UserError(f"{file.name} cannot be read as a CSV file in UTF-8: {error}") from None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def _delete_empty_folders(folder: Path) -> None:
    for path in [*sorted(folder.rglob("*"), reverse=True), folder]:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _may_come(folder: Path, file: Path) -> bool:
    full = folder / file
    hidden = any(part.startswith(".") for part in file.parts)
    own = is_cached_link(full) or (full.is_file() and not full.is_symlink())  # of another checkout, perhaps
    return own and not hidden and as_text(str(file)) == str(file)


def _unreadable(error: OSError) -> None:
    raise UserError(f"{error.filename} cannot be read: {error.strerror}") from None


def _take(folder: Path, files: list[Path], target: Path, take: Callable[[Path, Path], object]) -> None:
    with replace_folder(target) as partial:
        for file in progress(files, "add", unit="files"):
            copy = partial / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            take(folder / file, copy)


def _printable(name: str) -> str:
    """A name that cannot break out of its line."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def dvc_add(paths: Paths, target: Path, back: Path | None = None) -> None:
    """Track a new folder with DVC. Raises UserError if that fails; the folder goes `back` or is deleted then."""
    command = [sys.executable, "-m", "dvc", "add", str(target.relative_to(paths.root))]

    def undo() -> None:
        if back:
            target.replace(back)
        else:
            shutil.rmtree(target)

    try:
        with Progress("dvc add"):
            done = run_to_its_end(command, cwd=paths.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except KeyboardInterrupt:
        with ctrl_c_waits():
            undo()
            target.with_name(f"{target.name}.dvc").unlink(missing_ok=True)
        raise
    if done.returncode != 0:
        undo()
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        raise UserError(f"`dvc add` failed, nothing was added: {' '.join(errors or done.stderr.split())}")


def _chosen(paths: Paths, name: str) -> str:
    """The text of params.yaml with another data set chosen; comments and everything else stay."""
    try:
        return set_values(read_text(paths.params), {("data",): name})
    except ValueError as error:
        raise UserError(f"params.yaml cannot choose the new data set: {error}") from None
