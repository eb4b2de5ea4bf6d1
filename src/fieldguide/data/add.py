"""Adding a data set of one's own: its pictures, its option file, its place in DVC and in params.yaml."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from fieldguide.base.config import SplitConfig
from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import read_text, replace_folder, write_text
from fieldguide.base.interruption import ctrl_c_waits, run_to_its_end
from fieldguide.base.option_files import read_params
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress, progress
from fieldguide.base.tracked_inputs import is_cached_link
from fieldguide.base.yaml_files import document, set_values
from fieldguide.data.add_addresses import list_in_words, list_text, take_addresses, take_back, waiting_folder
from fieldguide.data.addresses import address_list, read_addresses
from fieldguide.data.folder_reading import Reading, describe, read_folder
from fieldguide.data.sources.folder import as_text
from fieldguide.data.split_keys import LOOK_ALIKE
from fieldguide.data.split_proposal import SplitProposal, propose_split

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
SHARES = ("valid", "test", "min_per_label")
NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # words that YAML takes for something else


def add_data_set(
    paths: Paths,
    name: str,
    source: Path,
    link: bool = False,
    allow_private: bool = False,
    layout: str | None = None,
    dry_run: bool = False,
) -> None:
    """Make `source` the data set `name` and choose it: data/sources/NAME, `dvc add`, conf/data/NAME.yaml, params.yaml.

    Parameters
    ----------
    source
        A folder that holds one folder of pictures for each label; hidden files and folders, links and names that are
        not UTF-8 are skipped. Or an address list (see `read_addresses`), which is kept as data/sources/NAME.csv; rows
        without a label, and those that could not be fetched, are left to `fieldguide retrain`.
    link
        Hard links instead of copies of a folder's files.
    layout
        How a folder's paths are read (see `parse_layout`), where they may mean more than one thing.
    dry_run
        Tell what would be added, and change nothing.
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
        take_back(source, target)
    _check_name(paths, name)
    if kept.exists() and not (source.is_file() and read_text(kept) == list_text(source)):
        raise UserError(f"data/sources/{kept.name} already exists: delete it, or choose another name")
    reading = _read(paths, source, layout) if source.is_dir() else None
    proposal = _proposal(paths, reading)
    chosen = _chosen(paths, name, proposal)
    if dry_run:
        if source.is_file():
            print(list_in_words(read_addresses(source)))
        print("nothing was added (--dry-run)")
        return
    if reading:
        added, comment = _take_folder(source, reading, target, link)
    elif source.is_file():
        added, comment = take_addresses(source, target, allow_private)
    else:
        raise UserError(f"{source} is neither a folder nor an address list (CSV): check the path")
    dvc_add(paths, target, waiting_folder(target) if source.is_file() else None)
    commit = [f"conf/data/{name}.yaml", f"data/sources/{name}.dvc", "data/sources/.gitignore"]
    secret: list[int] = []
    if source.is_file():
        secret = [row.line for row in read_addresses(source) if row.may_hold_secret]
        commit[1:1] = [] if secret else [f"data/sources/{name}.csv"]
    options = {"kind": "folder", **(reading.options if reading else {})}
    if allow_private:
        options["allow_private"] = True
    with ctrl_c_waits():
        if source.is_file():
            write_text(kept, list_text(source))
        write_text(paths.option("data", name), f"# {comment}\n{document(options)}")
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


def _read(paths: Paths, folder: Path, layout: str | None) -> Reading:
    """Understand a folder, and tell it."""
    if paths.root.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{folder} contains this checkout: give the folder of the pictures only")
    walk = os.walk(folder, onerror=_unreadable)
    found = [Path(parent, name).relative_to(folder) for parent, _, names in walk for name in names]
    files = sorted(file.as_posix() for file in found if _may_come(folder, file))
    reading = read_folder(folder, files, layout)
    if len({one.label for one in reading.pictures}) < 2:
        number = len({one.label for one in reading.pictures})
        raise UserError(f"{folder} has {number} folders with files: at least two are needed, one for each label")
    print("\n".join(describe(reading, datetime.now())))
    return reading


def _proposal(paths: Paths, reading: Reading | None) -> SplitProposal | None:
    """What the split of a data set with field data should keep together, told too."""
    if reading is None or not reading.options:
        return None
    split = {key: value for key, value in read_params(paths).get("split", {}).items() if key in SHARES}
    proposal = propose_split(reading.pictures, SplitConfig(**split))
    if proposal:
        print(f"split.group_by: {proposal.group_by}, split.seed: {proposal.seed}: {proposal.reason}")
    else:
        print("split.group_by: look_alike: no site, day or sequence divides every label: the test accuracy may flatter")
    return proposal


def _take_folder(folder: Path, reading: Reading, target: Path, link: bool) -> tuple[str, str]:
    """Copy or link the pictures; returns a summary, and a line about their origin."""
    files = [Path(one.address) for one in reading.pictures]
    labels = sorted({printable(one.label) for one in reading.pictures})
    try:
        _take(folder, files, target, os.link if link else shutil.copy2)
    except OSError as error:
        if not link:
            raise UserError(f"{error.filename} cannot be copied: {error.strerror}") from None
        raise UserError(f"{folder} cannot be linked ({error.strerror}): leave out --link to copy it") from None
    left = len(reading.files) - len(files)
    skipped = f" ({left} left out)" if left else ""
    origin = f"added from a folder named {printable(folder.resolve().name)}"
    return (
        f"{len(files)} files{skipped} under {len(labels)} labels ({', '.join(labels)})",
        f"{len(files)} files in the folders {', '.join(labels)}, {origin}.",
    )


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


def _chosen(paths: Paths, name: str, proposal: SplitProposal | None) -> str:
    """The text of params.yaml with another data set chosen and divided; comments and everything else stay."""
    values: dict[tuple[str | int, ...], str | int] = {("data",): name}
    if proposal:
        values |= {("split", "group_by"): proposal.group_by, ("split", "seed"): proposal.seed}
    elif read_params(paths).get("split", {}).get("group_by", LOOK_ALIKE) != LOOK_ALIKE:
        values[("split", "group_by")] = LOOK_ALIKE  # the key of the last data set is none of this one
    try:
        return set_values(read_text(paths.params), values)
    except ValueError as error:
        raise UserError(f"params.yaml cannot choose the new data set: {error}") from None
