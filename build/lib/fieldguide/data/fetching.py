"""Fetching addresses: several at a time, each within its time, and left at once when the program is."""

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from urllib.parse import urlsplit

import requests
from pydantic import TypeAdapter, ValidationError
from urllib3.exceptions import HTTPError

from fieldguide.base.config import LabelName
from fieldguide.base.files import replace_file
from fieldguide.base.progress import Progress
from fieldguide.base.system_errors import DISK_FULL
from fieldguide.data.addresses import UNLABELLED, Address
from fieldguide.data.web import Refused, Visit, download

AT_A_TIME = 8  # downloads
WHOLE = 120.0  # seconds for all that happens to one address: looking up its name, connecting, sending, trying again
SLOW = 10.0  # seconds: what fails later than that holds the others up
SILENT = 8  # addresses of one host that failed so, one after the other: its others are left to the next call
LEAVING = 0.4  # seconds to clean up in, at the end
LABEL: TypeAdapter[str] = TypeAdapter(LabelName)


@dataclass(frozen=True)
class Fetched:
    """What became of an address: `file` below the folder that was asked for, or else the problem with it."""

    address: Address
    file: str = ""
    problem: str = ""


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

    What is not an address, cannot be reached, is too large or takes longer than WHOLE costs its row and nothing else.
    Of a host that stays silent not all addresses are waited for.
    """
    labels: dict[str, Address] = {}
    for address in addresses:
        labels.setdefault(address.url, address)
    new = [address for address in addresses if address.key not in known]
    waiting, running = deque(new), dict[Address, _Running]()
    threads: list[threading.Thread] = []
    results: dict[Address, Fetched] = {}
    silent: Counter[str] = Counter()  # by host
    done: Queue[Fetched | Exception] = Queue()
    try:
        with Progress("fetch", len(new)) as bar:
            while waiting or running:
                while waiting and len(running) < AT_A_TIME:
                    address = waiting.popleft()
                    if problem := _problem(address, labels[address.url]) or _left(address, silent):
                        results[address] = Fetched(address, problem=problem)
                    else:
                        running[address] = _start(address, folder, Visit(allow_private), done)
                        threads.append(running[address].thread)
                for result in _finished(running, done):
                    results[result.address] = result
                    took = time.monotonic() - running.pop(result.address).begin
                    host = _host(result.address)
                    silent[host] = silent[host] + 1 if result.problem and took >= min(SLOW, WHOLE) else 0
                bar.update(len(results) - bar.done)
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
    begin: float  # by the monotonic clock, in seconds

    @property
    def end(self) -> float:
        return self.begin + WHOLE


def _start(address: Address, folder: Path, visit: Visit, done: "Queue[Fetched | Exception]") -> _Running:
    """A thread of its own, which the program does not wait for: nothing ends one in which a name is looked up."""

    def work() -> None:
        try:
            done.put(_fetch(address, folder, visit))
        except Exception as error:  # raised again where it is waited for
            done.put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return _Running(visit, thread, time.monotonic())


def _finished(running: Mapping[Address, _Running], done: "Queue[Fetched | Exception]") -> Iterator[Fetched]:
    """What came, or else has had its time, after waiting for it."""
    if not running:
        return
    try:
        result = done.get(timeout=max(0.01, min(each.end for each in running.values()) - time.monotonic()))
    except Empty:
        late = [address for address, each in running.items() if each.end <= time.monotonic()]
        yield from [
            Fetched(address, problem=f"not complete after {WHOLE:.0f} seconds")
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
            return "not an address that begins with http:// or https://"
    except ValueError:  # whose text may hold a password
        return "not a valid address"
    try:
        LABEL.validate_python(address.label or UNLABELLED)
    except ValidationError:
        return f"{address.label!r} is not a valid name of a folder, so it cannot be a label"
    if address != first:
        return f"the same address also has the label {first.label!r} (line {first.line}): keep one"
    return ""


def _host(address: Address) -> str:
    return urlsplit(address.url).netloc.rpartition("@")[2]


def _left(address: Address, silent: Mapping[str, int]) -> str:
    """Why an address is not asked now: its host has been silent for so many that all would take hours."""
    if silent[_host(address)] < SILENT:
        return ""
    return f"not asked: {SILENT} other addresses of this host failed one after the other, slowly; try again later"


def _cause(error: Exception) -> str:
    """A short name: the errors' own texts hold the url."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
