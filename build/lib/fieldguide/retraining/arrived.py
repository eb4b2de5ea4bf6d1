"""The files in data/incoming and their states."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pandas as pd


class State(StrEnum):
    """What a file in data/incoming is."""

    NEW = "new"  # labelled, readable, not yet in the data set
    ACCEPTED = "accepted"  # by a job whose branch is not merged yet, `reason` names it
    UNLABELLED = "unlabelled"  # for the review queue
    KNOWN = "known"  # the same bytes are in the data set under this label, or came as another file too
    LIST = "list"  # it says what the pictures beside it are, and goes where they go
    REFUSED = "refused"  # `reason` says why


@dataclass(frozen=True)
class Arrived:
    """One file. `file` is below data/incoming.

    `target` is below data/sources/NAME: where a new picture goes, or where the same bytes as a known one's are or go.
    `site` is that of the picture, "" where nobody says it. `listed` are the rows, as cells by column, of a picture that
    joins a data set which a table lists. `named` are the pictures that a list names. `clean_sha256` is that of the copy
    that `clean` would make of the whole picture.
    """

    file: str
    label: str  # its folder's name in the data set, or in data/incoming where that has none; "" without a label
    state: State
    reason: str = ""
    bytes: int = 0
    sha256: str = ""
    id: str = ""
    target: str = ""
    site: str = ""
    listed: list[dict[str, str]] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    clean_sha256: str = ""


COLUMNS = list(Arrived.__dataclass_fields__)


def refuse(incoming: pd.DataFrame, unread: Mapping[str, str]) -> pd.DataFrame:
    """The same table, in which the files that `unread` names are refused for the reasons that it gives."""
    if not unread:
        return incoming
    named = incoming["file"].isin(list(unread))
    reasons = incoming["file"].map(unread)
    return incoming.assign(
        state=incoming["state"].mask(named, State.REFUSED),
        reason=incoming["reason"].mask(named, reasons),
        target=incoming["target"].mask(named, ""),
    )
