"""Moving what was judged: accepted pictures wait for a merge, others go to data/held; nothing is lost or duplicated.

The journal names every move before the first one is made. Each is repeated without harm: first the file stands whole in
its new place, then the old one goes. So whenever a job is killed, its next call ends with the same files.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_file, sha256_of_file
from fieldguide.base.packs import packed_files
from fieldguide.base.paths import Paths
from fieldguide.retraining.arrived import State


class Move(TypedDict):
    """One move, by paths below the checkout; `sha256` is what the file holds.

    `copy`: the target holds the same bytes already, and the source goes.
    """

    source: str
    target: str
    sha256: str
    copy: bool


def accepted_moves(incoming: pd.DataFrame, name: str, job: str) -> list[Move]:
    """New pictures wait for a merge, copies of what is in the data set go, and refused files go to data/held."""
    return waiting_moves(incoming, name) + _refused(incoming, job)


def held_moves(incoming: pd.DataFrame, name: str, job: str) -> list[Move]:
    """All that is new and came with a label goes to data/held, but copies of what is in the data set go."""
    new = incoming["state"].eq(State.NEW) | _came_twice(incoming, State.NEW) | _lists_of_nothing_else(incoming)
    moves = [_move(row.file, f"data/held/{job}/{row.file}", row.sha256) for row in incoming[new].itertuples()]
    return moves + waiting_moves(incoming, name) + _refused(incoming, job)


def waiting_moves(incoming: pd.DataFrame, name: str) -> list[Move]:
    """All stays where it is, but copies of what is in the data set go."""
    copies = incoming["state"].eq(State.KNOWN) & ~_came_twice(incoming, State.NEW, State.ACCEPTED)
    return copy_moves(incoming[copies], name)


def copy_moves(known: pd.DataFrame, name: str) -> list[Move]:
    """These copies of what is in the data set go."""
    return [_move(row.file, f"data/sources/{name}/{row.target}", row.sha256, copy=True) for row in known.itertuples()]


def _came_twice(incoming: pd.DataFrame, *states: State) -> "pd.Series[bool]":
    """The second and later ones of pictures in these states that came as several files."""
    first = incoming.loc[incoming["state"].isin(states), "sha256"]
    return incoming["state"].eq(State.KNOWN) & incoming["sha256"].isin(first)


def _lists_of_nothing_else(incoming: pd.DataFrame) -> "pd.Series[bool]":
    """The lists of which no picture waits here, for a merge or a label."""
    waiting = set(incoming.loc[incoming["state"].isin([State.ACCEPTED, State.UNLABELLED]), "file"])
    named = pd.Series([waiting.isdisjoint(names) for names in incoming["named"]], incoming.index, dtype=bool)
    return incoming["state"].eq(State.LIST) & named


def make_moves(paths: Paths, moves: Sequence[Move]) -> int:
    """Make the moves that are not made yet; returns how many files arrived in their new place by this call.

    A copy is deleted only while the same bytes are in the data set. A file that is no longer what was judged (replaced,
    or still being written) stays where it is, and counts as new the next time. Raises UserError without permission.
    """
    made = 0
    for move in moves:
        try:
            made += _make(paths, move)
        except PermissionError as error:
            raise UserError(
                f"{move['source']} cannot be moved to {move['target']} ({error.strerror}): correct that, then run again"
            ) from None
    return made


def _make(paths: Paths, move: Move) -> int:
    source, target = paths.checkout / move["source"], paths.checkout / move["target"]
    if not holds(source, move["sha256"]):
        return 0
    if move["copy"] and not (holds(target, move["sha256"]) or _holds_packed(paths, target, move["sha256"])):
        return 0
    made = not move["copy"] and place(source, target, move["sha256"])[1]
    source.unlink()
    return int(made)


def place(source: Path, target: Path, sha256: str, is_linked: bool = True) -> tuple[Path, bool]:
    """Put a copy of a file, which holds these bytes, where `place_for` says; returns where, and whether this made it.

    It stands there whole or not at all. With `is_linked` it may be the same file under a second name, for a source that
    goes; without, it shares neither content nor permissions with a source that stays.
    """
    target, is_there = place_for(target, sha256)
    if is_there:
        return target, False
    with replace_file(target) as partial:
        if is_linked:
            _link(source, partial)
        else:
            shutil.copyfile(source, partial)
    return target, True


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def place_for(target: Path, sha256: str) -> tuple[Path, bool]:
    """Where a file with these bytes goes, and whether they are there already.

    Where another file has the target's name, it gets one that its bytes tell.
    """
    if not target.exists():
        return target, False
    if holds(target, sha256):
        return target, True
    beside = target.with_name(f"{target.stem}-{sha256[:8]}{target.suffix}")
    return beside, holds(beside, sha256)


def holds(file: Path, sha256: str) -> bool:
    """Whether a file is there with these bytes."""
    return file.is_file() and sha256_of_file(file) == sha256


def _holds_packed(paths: Paths, file: Path, sha256: str) -> bool:
    folder = paths.sources / file.relative_to(paths.sources).parts[0]
    packed = packed_files(folder).get(file.relative_to(folder).as_posix())
    return packed is not None and sha256_of_file(packed) == sha256


def _refused(incoming: pd.DataFrame, job: str) -> list[Move]:
    refused = incoming[(incoming["state"] == State.REFUSED) & (incoming["sha256"] != "")]
    return [_move(row.file, f"data/held/{job}/{row.file}", row.sha256) for row in refused.itertuples()]


def _move(file: object, target: str, sha256: object, copy: bool = False) -> Move:
    return {"source": f"data/incoming/{file}", "target": target, "sha256": str(sha256), "copy": copy}
