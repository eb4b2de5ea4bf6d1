"""A table that any number of processes write at once: many small parquet files, in a folder for each day.

Each writer makes files of its own, with names that no other has; a file is complete or not there, and none is ever
changed. Many small files are slow to read (a second for a thousand), so now and then those of a day become one. That
one names the files in it, which count no more from the moment in which it is there, and are deleted then.
"""

import json
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fieldguide.base.errors import first_line
from fieldguide.base.files import replace_file
from fieldguide.data.table import DAMAGED, has_number

JOINED = "joined-"  # begins the names of files made of others
HOLDS = b"fieldguide.holds"  # in the metadata of such a file: the names of those others, as JSON


def append_rows(folder: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema, at: datetime | None) -> None:
    """Write rows of the time `at` (now), in UTC, as one new file; no rows make none."""
    if not rows:
        return
    now = at or datetime.now(UTC)
    name = f"{now:%H%M%S%f}-{uuid.uuid4().hex}.parquet"
    table = pa.Table.from_pylist([{"at": now, **row} for row in rows], schema=schema)
    with replace_file(folder / f"day={now:%Y-%m-%d}" / name) as partial:
        pq.write_table(table, partial, compression="zstd")


def read_rows(folder: Path, schema: pa.Schema) -> pd.DataFrame:
    """All rows in the order of time; the columns are those of the schema, `at` among them. Damaged files are named."""
    while True:
        files = _files(*sorted(folder.glob("day=*")))
        try:
            tables = _tables(files, schema)
        except FileNotFoundError:  # joined meanwhile
            continue
        later = set(_files(*sorted(folder.glob("day=*")))) - set(files)
        if not any(file.name.startswith(JOINED) for file in later):
            break
    gone = _replaced(tables)
    counted = [table.cast(schema) for file, table in tables.items() if file not in gone]
    frame: pd.DataFrame = pa.concat_tables([schema.empty_table(), *counted]).to_pandas(types_mapper=_nullable)
    return frame.sort_values("at", kind="stable").reset_index(drop=True)


def join_files(folder: Path, schema: pa.Schema) -> int:
    """Make one file of those of each day; returns how many were joined.

    Others may write and read meanwhile, but not join. A kill at any moment loses and doubles nothing.
    """
    return sum(_join(day, schema) for day in sorted(folder.glob("day=*")))


def _join(day: Path, schema: pa.Schema) -> int:
    tables = _tables(_files(day), schema)
    for file in _replaced(tables) & tables.keys():  # left by a call that was killed
        file.unlink()
        del tables[file]
    for rest in day.glob(f".{JOINED}*.partial"):
        rest.unlink()
    if len(tables) < 2:
        return 0
    names = json.dumps([file.name for file in tables])
    table = pa.concat_tables([table.cast(schema) for table in tables.values()])
    with replace_file(day / f"{JOINED}{uuid.uuid4().hex}.parquet") as partial:
        pq.write_table(table.replace_schema_metadata({HOLDS: names}), partial, compression="zstd")
        _to_disk(partial)
    _to_disk(day)  # a power cut must not find the old files gone and the new one not yet there
    for file in tables:
        file.unlink()
    return len(tables)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(*days: Path) -> list[Path]:
    return [file for day in days for file in sorted(day.glob("[!.]*.parquet"))]


def _tables(files: Sequence[Path], schema: pa.Schema) -> dict[Path, pa.Table]:
    """What can be read, with the columns of the schema and the file's own metadata."""
    tables = {}
    for file in files:
        try:
            table = pq.ParquetFile(file).read(columns=schema.names)
            table.cast(schema).validate(full=True)
        except DAMAGED as error:  # a power cut may leave a file empty
            if has_number(error):
                raise
            reason = first_line(error)
            print(f"warning: {file.parent.name}/{file.name} is damaged and left out ({reason[:100]})", file=sys.stderr)
        else:
            tables[file] = table
    return tables


def _replaced(tables: Mapping[Path, pa.Table]) -> set[Path]:
    """The files whose rows are in another one of these."""
    held = ((file, json.loads((table.schema.metadata or {}).get(HOLDS, b"[]"))) for file, table in tables.items())
    return {file.with_name(name) for file, names in held for name in names}


def _nullable(kind: pa.DataType) -> "pd.api.extensions.ExtensionDtype | None":
    """Numbers and truths that may be missing stay what they are."""
    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.float64(): pd.Float64Dtype()}.get(kind)
