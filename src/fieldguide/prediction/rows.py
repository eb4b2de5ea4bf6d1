"""Printing answers as they come: an aligned table for a terminal, CSV, or JSON lines.

The table's columns are as wide as the first rows need, so that the first one is not held back until the last is known.

A file's name may hold anything: line breaks, codes that steer a terminal, bytes that are no UTF-8. In the table and in
CSV such characters are written as escapes (`\\n`, `\\x1b`, `\\udcff`); JSON gives every name exactly.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import TextIO

from fieldguide.base.csv_cells import as_cell, csv_line
from fieldguide.base.errors import UNPRINTABLE, printable
from fieldguide.base.shares import decimal, rounded, written
from fieldguide.base.terminal import columns_of, line
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.given import BOX

FORMATS = ("table", "csv", "jsonl")
DIGITS = 6
FIRST_ROWS, WIDEST_PATH = 32, 80  # the table's first column is as wide as the paths in its first rows, within reason

SITE, NEW_SITE, EVENT = "site", "new_site", ("until", "pictures")
Value = str | float | int | bool | None
Record = dict[str, Value]


def write_rows(
    stream: TextIO,
    kind: str,
    rows: Iterable[tuple[str, Answer]],
    labels: Sequence[str],
    all_: bool,
    *,
    screened: bool = False,
    identify: bool = False,
    known: Sequence[str] = (),
    trained_sites: Collection[str] = (),
) -> int:
    """Write a line for every path and its answer as soon as it is known; return how many could not be read.

    What was empty (a picture without a box) counts as read.

    Parameters
    ----------
    kind
        One of FORMATS.
    labels
        The classifier's vocabulary.
    all_
        Give the probability of every label too, each in a column of its own.
    screened
        Give p_value and out_of_domain too.
    identify
        Give the picture's id too, in a column before the reason.
    known
        What else to give, before the reason: columns of FIELDS, BOX and EVENT.
    trained_sites
        Those that the classifier was trained on: behind each site stands whether it is new.
    """
    each = [f"probability_{label}" for label in labels] if all_ else []
    found = ["p_value", "out_of_domain"] if screened else []
    if trained_sites and SITE in known:
        known = [column for name in known for column in ([name, NEW_SITE] if name == SITE else [name])]
    columns = ["path", "label", "probability", *each, *found, *(["id"] if identify else []), *known, "reason"]
    unread = 0

    def counted() -> Iterator[Record]:
        nonlocal unread
        for path, answer in rows:
            unread += answer.probabilities is None and not answer.is_empty
            site = answer.known.site
            new = {NEW_SITE: None if site is None else site not in trained_sites}
            record = {**_record(path, answer, labels, each), **new}
            yield {column: record[column] for column in columns}

    write = {"table": _write_table, "csv": _write_csv, "jsonl": _write_jsonl}[kind]
    write(stream, columns, counted(), labels)
    return unread


def _record(path: str, answer: Answer, labels: Sequence[str], each: Sequence[str]) -> Record:
    p_value = None if answer.p_value is None else rounded(answer.p_value)
    found: Record = {"p_value": p_value, "out_of_domain": answer.out_of_domain, "reason": answer.reason or None}
    record: Record = {
        "path": path,
        "label": None,
        "probability": None,
        **dict.fromkeys(each),
        "id": None,
        "site": answer.known.site,
        "time": _moment(answer.known.time),
        "sequence": answer.known.sequence,
        "pictures": answer.pictures,
        "until": _moment(answer.until),
        **dict(zip(BOX, (rounded(share, DIGITS) for share in answer.known.box or ()), strict=False)),
        **found,
    }
    record = {**dict.fromkeys(BOX), **record}
    if answer.probabilities is None:
        return record
    figures = [rounded(float(probability), DIGITS) for probability in answer.probabilities]
    best = int(answer.probabilities.argmax())
    of_each = dict(zip(each, figures, strict=True)) if each else {}
    return {**record, "label": labels[best], "probability": figures[best], **of_each, "id": answer.id}


def _moment(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(sep=" ", timespec="seconds")


def _write_jsonl(stream: TextIO, _columns: list[str], lines: Iterable[Record], _labels: Sequence[str]) -> None:
    for record in lines:
        text = json.dumps(record, ensure_ascii=False)
        print(UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text), file=stream, flush=True)


def _write_csv(stream: TextIO, columns: list[str], lines: Iterable[Record], _labels: Sequence[str]) -> None:
    stream.write(csv_line([_cell(column) for column in columns]))
    for record in lines:
        path, *others = map(_cell, record.values())
        is_plain = path == as_cell(path)  # else `./` keeps it a path, which an apostrophe would not
        stream.write(csv_line([path if is_plain else f"./{path}", *others]))
        stream.flush()


def _write_table(stream: TextIO, columns: list[str], lines: Iterable[Record], labels: Sequence[str]) -> None:
    lines = iter(lines)
    first = list(islice(lines, FIRST_ROWS))
    widest_path = max((columns_of(printable(str(record["path"]))) for record in first), default=0)
    widths = [columns_of(printable(column)) for column in columns]
    widths[0] = max(widths[0], min(widest_path, WIDEST_PATH))
    widths[1] = max(widths[1], *(columns_of(printable(label)) for label in labels))
    print(line(map(printable, columns), widths), file=stream)
    for record in chain(first, lines):
        cells = (_figure(value) if isinstance(value, float) else _cell(value) for value in record.values())
        print(line(cells, widths), file=stream, flush=True)


def _figure(share: float) -> str:
    return decimal(share, 4).replace(" ", "")


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return written(value, f".{DIGITS}f")
    return printable("" if value is None else str(value))
