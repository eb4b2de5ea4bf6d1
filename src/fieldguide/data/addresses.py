"""Address lists: pictures that a data set takes from the web, each address once.

The content of an address may change or vanish, so no stage reads one: what was fetched is from then on a file of the
data set, tracked by DVC like any other.
"""

import csv
import hashlib
import re
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import responses
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import requests
from pydantic import TypeAdapter, ValidationError
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from fieldguide import __version__
from fieldguide.base.config import LabelName
from fieldguide.base.errors import UserError, printable
from fieldguide.base.faults import DISK_FULL
from fieldguide.base.files import replace_file
from fieldguide.base.paths import Paths

COLUMNS = ("url", "label")
UNLABELLED = "unlabelled"  # the folder of what came without a label
PARALLEL_DOWNLOADS = 8  # at a time
MAX_MEGABYTES = 100  # of one picture, at most
CONNECT, SILENCE, WHOLE = 10.0, 30.0, 300.0  # seconds: to get an answer, without a byte, for one picture
TRIES = Retry(total=3, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), respect_retry_after_header=False)
CHUNK = 1 << 16  # bytes
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
        """12 hex digits that identify the url; urls may hold passwords and tokens, and are written nowhere."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:12]

    @property
    def shown(self) -> str:
        """The line and the url, without the parts that may be secret."""
        try:
            parts = urlsplit(self.url)
            return printable(f"line {self.line}, {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")
        except ValueError:
            return f"line {self.line}"

    @property
    def file(self) -> str:
        """Where the picture goes: a folder for its label, and a name that is unique to the address."""
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

    A repeated row counts once. Raises UserError for any other file.
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


def fetch(addresses: Sequence[Address], known: Collection[str], folder: Path) -> list[Fetched]:
    """Download what is new in a list, several addresses at a time, to `folder`/<label>/; one result for each, in order.

    Parameters
    ----------
    known
        Keys (`Address.key`) that are not fetched again; they have no result.
    folder
        Gets the files; those without a label go to its folder `unlabelled`. A file that is there is replaced.

    An invalid or unreachable address, or a picture larger than MAX_MEGABYTES, costs its row and nothing else.
    """
    labels: dict[str, Address] = {}
    for address in addresses:
        labels.setdefault(address.url, address)
    new = [address for address in addresses if address.key not in known]
    with requests.Session() as session, ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=TRIES, pool_maxsize=PARALLEL_DOWNLOADS))
        session.headers["User-Agent"] = f"fieldguide/{__version__}"
        stop = threading.Event()
        results = pool.map(partial(_fetch, session, labels, folder, stop), new)
        try:
            return list(tqdm(results, total=len(new), desc="fetch", unit="picture", disable=None))
        finally:
            stop.set()  # Ctrl-C waits for no slow server


def _fetch(
    session: requests.Session, labels: dict[str, Address], folder: Path, stop: threading.Event, address: Address
) -> Fetched:
    if problem := _problem(address, labels[address.url]):
        return Fetched(address, problem=problem)
    try:
        with replace_file(folder / address.file) as partial_file:
            _download(session, address.url, partial_file, stop)
    except _Refused as error:
        return Fetched(address, problem=str(error))
    except (requests.RequestException, HTTPError, ValueError) as error:  # the last for where a server sends us on to
        return Fetched(address, problem=f"cannot be reached ({_cause(error)})")
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        return Fetched(address, problem=f"cannot be written: {error.strerror}")
    return Fetched(address, file=address.file)


def _problem(address: Address, first: Address) -> str:
    try:
        parts = urlsplit(address.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "not an address that begins with http:// or https://"
    except ValueError:  # its text may hold a password
        return "not a valid address"
    try:
        LABEL.validate_python(address.label or UNLABELLED)
    except ValidationError:
        return f"{address.label!r} is not a valid name of a folder, so it cannot be a label"
    if address != first:
        return f"the same address also has the label {first.label!r} (line {first.line}): keep one"
    return ""


class _Refused(Exception):
    """A server answered, but not with a picture that could be taken."""


def _download(session: requests.Session, url: str, file: Path, stop: threading.Event) -> None:
    end = time.monotonic() + WHOLE
    with session.get(url, stream=True, timeout=(CONNECT, SILENCE)) as answer, file.open("wb") as out:
        if answer.status_code != requests.codes.ok:
            meaning = responses.get(answer.status_code, "")  # the server's own words are not trusted
            raise _Refused(f"the server answers {answer.status_code} {meaning}".rstrip())
        while chunk := answer.raw.read1(CHUNK, decode_content=True):  # what is there: few bytes of a slow server
            if out.tell() + len(chunk) > MAX_MEGABYTES * 1_000_000:
                raise _Refused(f"larger than {MAX_MEGABYTES} megabytes")
            if stop.is_set():
                raise _Refused("stopped")
            if time.monotonic() > end:
                raise _Refused(f"not complete after {WHOLE:.0f} seconds")
            out.write(chunk)
        if not out.tell():
            raise _Refused("the server sends an empty answer")


def _cause(error: Exception) -> str:
    """A short name: the errors' own texts hold the url."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
