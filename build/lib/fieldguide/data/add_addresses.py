"""The pictures of an address list, fetched for a new data set; what came waits, whatever ends it too early."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fieldguide.base.errors import UserError, printable
from fieldguide.data.addresses import Address, keys_of, read_addresses
from fieldguide.data.fetching import fetch


def take_addresses(file: Path, target: Path, allow_private: bool) -> tuple[str, str]:
    """Fetch the pictures; returns a summary, and a line about their origin.

    What came waits in a folder beside `target` for the next `add` of that name, whatever ends this one too early.
    """
    rows = read_addresses(file)
    came, problems = fetch_waiting(rows, file.name, target, allow_private)
    failed = [f"{row.shown}: {problems[row]}" for row in rows if row in problems]
    labels = sorted({printable(path.parts[0]) for path in map(Path, came.values())})
    if len(labels) < 2:
        why = f", the first failure is {failed[0]}" if failed else ""
        raise UserError(f"{file.name} gave pictures of {len(labels)} labels, at least two are needed{why}")
    waiting_folder(target).replace(target)
    for line in failed:
        print(f"fieldguide: {file.name}: {line}", file=sys.stderr)
    left = len(rows) - len(came)
    left_out = f" ({left} left to `fieldguide retrain`: no label, or not fetched)" if left else ""
    return (
        f"{len(came)} pictures{left_out} under {len(labels)} labels ({', '.join(labels)})",
        f"{len(came)} pictures in the folders {', '.join(labels)}, fetched from data/sources/{target.name}.csv.",
    )


def fetch_waiting(
    rows: Sequence[Address], name: str, target: Path, allow_private: bool
) -> tuple[dict[str, str], dict[Address, str]]:
    """Fetch the addresses with a label into the waiting folder of `target`, but those that wait there already.

    Returns
    -------
    The files below that folder by the keys of their addresses, and the problems of those that did not come. UserError
    if nothing can be written; `name` is what it calls the list.
    """
    partial = waiting_folder(target)
    partial.mkdir(parents=True, exist_ok=True)
    wanted = {(row.label, row.key) for row in rows}
    for path in _files(partial):
        if _place(path.relative_to(partial)) not in wanted:  # half a file, or what another list gave
            path.unlink()
    try:
        known = keys_of(path.name for path in _files(partial))
        results = fetch([row for row in rows if row.label], known, partial, allow_private)
    except OSError as error:
        raise UserError(f"{name} cannot be fetched: {error.strerror}") from None
    finally:
        _delete_empty_folders(partial)
    came = [path.relative_to(partial) for path in _files(partial)]
    by_key = {key: path.as_posix() for path in came for key in keys_of([path.name])}
    return by_key, {result.address: result.problem for result in results if result.problem}


def take_back(rows: Sequence[Address], target: Path) -> None:
    """Let what an `add` of these had fetched wait again, if that was killed while DVC looked at it."""
    files = _files(target)
    wanted = {(row.label, row.key) for row in rows}
    if files and all(_place(path.relative_to(target)) in wanted for path in files):
        target.replace(waiting_folder(target))


def list_in_words(rows: Sequence[Address]) -> str:
    """How many addresses a list has of each label."""
    counts = Counter(printable(row.label) or "without a label" for row in rows)
    return f"addresses: {', '.join(f'{label} {count}' for label, count in counts.most_common())}"


def waiting_folder(target: Path) -> Path:
    """Where what came waits until all of it is there."""
    return target.with_name(f".{target.name}.partial")


def _place(file: Path) -> tuple[str, str]:
    """The label and the key of the address that a file was fetched from, as its row in the list has them."""
    return str(file.parent), next(iter(keys_of([file.name])), "")


def list_text(file: Path) -> str:
    """An address list as it is written. Raises UserError if it is not text."""
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
