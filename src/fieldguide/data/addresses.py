"""Address lists: pictures that a data set takes from the web, every address once.

What an address gives may change or vanish, so no stage reads one: what came is a file of the data set from then on,
tracked by DVC like any other.
"""

import csv
import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from queue import Empty, Queue
from urllib.parse import unquote, urlsplit

import requests
from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from fieldguide.base.config import LabelName
from fieldguide.base.errors import UserError, printable
from fieldguide.base.faults import DISK_FULL
from fieldguide.base.files import replace_file
from fieldguide.base.paths import Paths
from fieldguide.data.web import Refused, Visit, download

COLUMNS = ("url", "label")
UNLABELLED = "unlabelled"  # the folder of what came without a label
AT_A_TIME = 8  # downloads
WHOLE = 120.0  # seconds for all that happens to one address: looking up its name, connecting, sending, trying again
LEAVING = 0.4  # seconds to clean up in, at the end
KEY = re.compile(r"-([0-9a-f]{12})(?:\.[A-Za-z0-9]{1,5})?$")  # in the name of a file, but not of half a one
LABEL: TypeAdapter[str] = TypeAdapter(LabelName)


@dataclass(frozen=True)
class Address:
    """One row of an address list; `label` is "" where nobody knows it."""

    url: str
    label: str
    line: int

    @property
    def key(self) -> str:
        """12 hex digits that tell the url from others; urls may hold passwords and tokens, and are written nowhere."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:12]

    @property
    def shown(self) -> str:
        """The line and the url, without what may be secret in it."""
        try:
            parts = urlsplit(self.url)
            return printable(f"line {self.line}, {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")
        except ValueError:
            return f"line {self.line}"

    @property
    def file(self) -> str:
        """Where the picture goes: a folder for its label, and a name that no other address has."""
        name = PurePosixPath(unquote(urlsplit(self.url).path)).name
        place = PurePosixPath(re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".") or "picture")
        suffix = place.suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", place.suffix) else ""
        return f"{self.label or UNLABELLED}/{place.stem[:60]}-{self.key}{suffix}"


@dataclass(frozen=True)
class Fetched:
    """What became of an address: `file` below the folder that was asked for, or else the problem with it."""

    address: Address
    file: str = ""
    problem: str = ""


def address_list(paths: Paths, name: str) -> Path:
    """Where a data set's address list is, if it has one."""
    return paths.sources / f"{name}.csv"


def read_addresses(file: Path) -> list[Address]:
    """The rows of an address list, in its order: a CSV file (UTF-8) with the columns url and label, others ignored.

    A row that comes again counts once. Raises UserError for a file that is no such table.
    """
    found: dict[tuple[str, str], Address] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text, strict=True)
            header = [name.strip() for name in next(rows, [])]
            _check_header(file, header)
            for cells in rows:
                if any(cells[len(header) :]):
                    where = f"{file.name}, line {rows.line_num}"
                    raise UserError(f"{where}: more cells than columns: an address that holds a comma needs quotes")
                row = dict(zip(header, map(str.strip, cells), strict=False))  # the last cells may be missing
                url, label = row.get("url", ""), row.get("label", "")
                address = Address(url, "" if label == UNLABELLED else label, rows.line_num)
                if url:
                    found.setdefault((url, address.label), address)
    except (OSError, UnicodeError, csv.Error) as error:
        raise UserError(f"{file.name} cannot be read as a CSV file in UTF-8: {error}") from None
    return list(found.values())


def _check_header(file: Path, header: list[str]) -> None:
    for name in COLUMNS:
        if (times := header.count(name)) != 1:
            has = f"{times} columns" if times else "no column"
            raise UserError(f"{file.name} has {has} {name!r}: its first line must be {','.join(COLUMNS)}")


def keys_of(files: Iterable[str]) -> set[str]:
    """The keys of the addresses that files were fetched from, by the files' names."""
    return {found[1] for file in files if (found := KEY.search(PurePosixPath(file).name))}


def fetch(
    addresses: Sequence[Address], known: Collection[str], folder: Path, allow_private: bool = False
) -> list[Fetched]:
    """Download what is new in a list, several addresses at a time, to `folder`/<label>/; one result for each, in order.

    Parameters
    ----------
    known
        Keys (`Address.key`) that are not asked for again; they have no result.
    folder
        Gets the files; those without a label go to its folder `unlabelled`. A file that is there is replaced.
    allow_private
        Also ask addresses of this machine and of private networks.

    What is no address, cannot be reached, is too large or takes longer than WHOLE costs its row and nothing else.
    """
    labels: dict[str, Address] = {}
    for address in addresses:
        labels.setdefault(address.url, address)
    new = [address for address in addresses if address.key not in known]
    waiting, running = deque(new), dict[Address, _Running]()
    threads: list[threading.Thread] = []
    results: dict[Address, Fetched] = {}
    done: Queue[Fetched | Exception] = Queue()
    try:
        with tqdm(total=len(new), desc="fetch", unit="picture", disable=None) as bar:
            while waiting or running:
                while waiting and len(running) < AT_A_TIME:
                    address = waiting.popleft()
                    if problem := _problem(address, labels[address.url]):
                        results[address] = Fetched(address, problem=problem)
                    else:
                        running[address] = _start(address, folder, Visit(allow_private), done)
                        threads.append(running[address].thread)
                for result in _finished(running, done):
                    results[result.address] = result
                    del running[result.address]
                bar.update(len(results) - bar.n)
    finally:  # no slow server is waited for, only that half a file goes
        for each in running.values():
            each.visit.end()
        leave = time.monotonic() + LEAVING
        for thread in threads:
            thread.join(max(0.0, leave - time.monotonic()))
    return [results[address] for address in new]


@dataclass(frozen=True)
class _Running:
    visit: Visit
    thread: threading.Thread
    end: float  # by the monotonic clock, in seconds


def _start(address: Address, folder: Path, visit: Visit, done: "Queue[Fetched | Exception]") -> _Running:
    """A thread of its own, which the program does not wait for: nothing ends one in which a name is looked up."""

    def work() -> None:
        try:
            done.put(_fetch(address, folder, visit))
        except Exception as error:  # raised again where it is waited for
            done.put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return _Running(visit, thread, time.monotonic() + WHOLE)


def _finished(running: Mapping[Address, _Running], done: "Queue[Fetched | Exception]") -> Iterator[Fetched]:
    """What came, or else has had its time, after waiting for it."""
    if not running:
        return
    try:
        result = done.get(timeout=max(0.01, min(each.end for each in running.values()) - time.monotonic()))
    except Empty:
        late = [address for address, each in running.items() if each.end <= time.monotonic()]
        yield from [
            Fetched(address, problem=f"not all there after {WHOLE:.0f} seconds")
            for address in late
            if running[address].visit.end()
        ]
    else:
        if isinstance(result, Exception):
            raise result
        if result.address in running:
            yield result


def _fetch(address: Address, folder: Path, visit: Visit) -> Fetched:
    try:
        with replace_file(folder / address.file) as partial_file:
            download(address.url, partial_file, visit)
            if not visit.end():
                raise Refused("stopped")
    except Refused as error:
        problem = str(error)
    except (requests.RequestException, HTTPError, ValueError) as error:  # the last for where a server sends us on to
        problem = f"cannot be reached ({_cause(error)})"
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        problem = f"cannot be written: {error.strerror}"
    else:
        return Fetched(address, file=address.file)
    visit.end()
    return Fetched(address, problem=problem)


def _problem(address: Address, first: Address) -> str:
    try:
        parts = urlsplit(address.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "no address that begins with http:// or https://"
    except ValueError:  # whose text may hold a password
        return "no valid address"
    try:
        LABEL.validate_python(address.label or UNLABELLED)
    except ValidationError:
        return f"{address.label!r} can be no folder, so it is no label"
    if address != first:
        return f"stands under the label {first.label!r} too (line {first.line}): keep one"
    return ""


def _cause(error: Exception) -> str:
    """A short name: the errors' own texts hold the url."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
