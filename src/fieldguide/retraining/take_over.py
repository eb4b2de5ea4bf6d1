"""Moving what was judged: accepted pictures into the data set, others into data/held; nothing is lost or doubled.

The journal names every move before the first one is made. Each is repeated without harm: first the file stands whole in
its new place, then the old one goes. So whenever a job is killed, its next call ends with the same files.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import pandas as pd

from fieldguide.base.files import replace_file, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.retraining.incoming import State


class Move(TypedDict):
    """One move, by paths below the checkout; `sha256` is what the file holds. No target: it is there already."""

    source: str
    target: str
    sha256: str


def accepted_moves(incoming: pd.DataFrame, name: str, job: str) -> list[Move]:
    """New pictures go to the data set, refused ones to data/held, and what was known before goes."""
    moves = []
    for row in incoming.itertuples():
        if row.state == State.NEW:
            moves.append(_move(row.file, f"data/sources/{name}/{row.target}", row.sha256))
        elif row.state == State.KNOWN:
            moves.append(_move(row.file, "", row.sha256))
    return moves + _refused(incoming, job)


def held_moves(incoming: pd.DataFrame, job: str) -> list[Move]:
    """All that came with a label goes to data/held."""
    new = incoming[incoming["state"] == State.NEW]
    return [_move(row.file, f"data/held/{job}/{row.file}", row.sha256) for row in new.itertuples()] + _refused(
        incoming, job
    )


def make_moves(paths: Paths, moves: Sequence[Move]) -> int:
    """Make the moves that are not made yet; returns how many files arrived in their new place by this call.

    A file that is no longer what was judged (replaced, or still being written) stays where it is, and counts as new
    the next time.
    """
    made = 0
    for move in moves:
        source = paths.checkout / move["source"]
        if not source.is_file() or sha256_of_file(source) != move["sha256"]:
            continue
        if move["target"]:
            made += _place(source, paths.checkout / move["target"], move["sha256"])
        source.unlink()
    return made


def _place(source: Path, target: Path, sha256: str) -> int:
    if target.is_file() and sha256_of_file(target) == sha256:
        return 0
    if target.exists():  # somebody put another file there meanwhile
        target = target.with_name(f"{target.stem}-{sha256[:8]}{target.suffix}")
    with replace_file(target) as partial:
        try:
            os.link(source, partial)
        except OSError:  # another file system
            shutil.copy2(source, partial)
    return 1


def _refused(incoming: pd.DataFrame, job: str) -> list[Move]:
    refused = incoming[(incoming["state"] == State.REFUSED) & (incoming["sha256"] != "")]
    return [_move(row.file, f"data/held/{job}/{row.file}", row.sha256) for row in refused.itertuples()]


def _move(file: object, target: str, sha256: object) -> Move:
    return {"source": f"data/incoming/{file}", "target": target, "sha256": str(sha256)}
