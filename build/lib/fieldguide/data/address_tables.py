"""Telling an address list, which `retrain` goes on reading, from a table that says more than labels."""

import csv
import re
from pathlib import Path

from fieldguide.data.addresses import COLUMNS
from fieldguide.data.annotations.box_columns import find_boxes
from fieldguide.data.annotations.columns import SEQUENCE, SITE, SPELLINGS, SPLIT, TIME


def is_address_list(file: Path) -> bool:
    """Whether a file's first line has the columns url and label, and none of a site, time, sequence, split or box."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            header = [name.strip() for name in next(csv.reader(text), [])]
    except csv.Error:
        return False
    plain = {re.sub(r"[\W_]+", "", name).casefold(): name for name in header}
    more = any(name in SPELLINGS[what] for what in (SITE, TIME, SEQUENCE, SPLIT) for name in plain)
    return {*COLUMNS} <= {*header} and not more and find_boxes(plain) is None
