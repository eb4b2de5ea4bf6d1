"""Address lists: pictures that a data set takes from the web, each address once.

The content of an address may change or vanish, so no stage reads one: what was fetched is from then on a file of the
data set, tracked by DVC like any other.
"""

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from fieldguide.base.errors import UserError, printable
from fieldguide.base.paths import Paths

COLUMNS = ("url", "label")
UNLABELLED = "unlabelled"  # the folder of what came without a label
KEY = re.compile(r"-([0-9a-f]{12})(?:\.[A-Za-z0-9]{1,5})?$")  # in the name of a file, but not of half a one


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
        return f"line {self.line}, {self.url_shown}".removesuffix(", ")

    @property
    def url_shown(self) -> str:
        """The url without the parts that may be secret; "" if it is none."""
        try:
            parts = urlsplit(self.url)
            return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")
        except ValueError:
            return ""

    @property
    def may_hold_secret(self) -> bool:
        """Whether it has a part in which passwords and tokens stand: a user, a query, a fragment."""
        return any(sign in self.url for sign in "@?#;")

    @property
    def file(self) -> str:
        """Where the picture goes: a folder for its label, and a name that is unique to the address."""
        name = PurePosixPath(unquote(urlsplit(self.url).path)).name
        place = PurePosixPath(re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".") or "picture")
        suffix = place.suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", place.suffix) else ""
        return f"{self.label or UNLABELLED}/{place.stem[:60]}-{self.key}{suffix}"


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
