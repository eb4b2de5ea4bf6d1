"""The pictures of the data set and the reviews that no job has tried yet."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fieldguide.base.dvc_files import LockedStage, locked_stages
from fieldguide.base.files import read_json, write_json
from fieldguide.base.packs import files_of_data_set, size_of
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.data.table import RAW, read_table
from fieldguide.data.videos.kinds import video_of
from fieldguide.retraining.arrived import State
from fieldguide.retraining.data_set import Tell
from fieldguide.retraining.journal import Journal

LISTING = "listing.json"
Listing = dict[str, int]  # path below data/sources/NAME: bytes


def list_files(folder: Path) -> Listing:
    """The files of a data set with their sizes; nothing for a folder that is missing."""
    return {name: size_of(path) for name, path in files_of_data_set(folder).items()}


def tried(paths: Paths, name: str, judged: Sequence[Journal]) -> Listing:
    """What the last of these jobs trained on, or else the pipeline in this checkout, of the data set `name`."""
    if known := _last_known(judged):
        return dict(known["pictures"])
    if not paths.raw_table.exists():
        return {}
    raw = read_table(paths.raw_table, RAW)
    listing: Listing = {}
    present = list_files(paths.sources / name)
    for source, size, ok in zip(raw["source"], raw["bytes"].astype(int), raw["ok"], strict=True):
        file = video_of(source)
        # What stayed behind and what became frames was looked at too: as it is now.
        listing[file] = int(size) if ok and file == source else present.get(file, int(size))
    return listing


def untried(had: Listing, accepted: Listing, present: Listing, incoming: pd.DataFrame, tell: Tell) -> dict[str, int]:
    """How many pictures no job has tried, by label: from data/incoming, and what came into the data set otherwise.

    Parameters
    ----------
    had
        What the last job trained on.
    accepted
        What any job has accepted: in the data set (`present`) it is not new, whichever branch brought it there.
    tell
        Of the data set, and of what arrived.
    """
    new = incoming[incoming["state"] == State.NEW]
    arrived = {path for path, size in zip(new["target"], new["bytes"], strict=True) if had.get(path) != size}
    added = {path for path, size in present.items() if size not in (had.get(path), accepted.get(path))}
    return by_label(arrived | added, tell)


def by_label(paths: Iterable[str], tell: Tell) -> dict[str, int]:
    """How many files there are of each label, by their paths below data/sources/NAME; of several the first counts."""
    counts = Counter(told[0].label for path in paths if (told := tell(path)))
    return dict(sorted(counts.items()))


def by_site(paths: Iterable[str], tell: Tell) -> dict[str, int]:
    """How many files there are of each site, by their paths below data/sources/NAME."""
    counts = Counter(told[0].site for path in paths if (told := tell(path)))
    return {site: count for site, count in sorted(counts.items()) if site}


def new_reviews(paths: Paths, judged: Sequence[Journal]) -> int:
    """Lines of data/reviews.csv that the last of these jobs did not have; all if the last training is unknown."""
    if known := _last_known(judged):
        return len(_lines(paths.reviews) - {tuple(line) for line in known["reviews"]})
    return 0 if _locked(paths) == _md5(paths.reviews) else len(_lines(paths.reviews))


def remember(paths: Paths, job: Journal, pictures: Listing) -> None:
    """Keep with a job what it trained on."""
    write_json(job.folder / LISTING, {"pictures": pictures, "reviews": sorted(_lines(paths.reviews))})


def _last_known(judged: Sequence[Journal]) -> dict[str, Any]:
    """What the last of these jobs trained on; nothing if none of them has kept it."""
    for job in reversed(judged):
        if (job.folder / LISTING).exists():
            return dict(read_json(job.folder / LISTING))
    return {}


def _lines(file: Path) -> set[tuple[str, ...]]:
    if not file.exists():
        return set()
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return {tuple(line) for line in list(csv.reader(lines))[1:] if line}


def _locked(paths: Paths) -> str:
    """The hash of the decisions that the results in the checkout are based on, "" if there is none."""
    deps = locked_stages(paths.dvc_lock).get(Stage.CLEAN, LockedStage()).deps
    return next((dep.md5 or "" for dep in deps if dep.path == "data/reviews.csv"), "")


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() if file.exists() else ""
