"""Names for checkouts and processes, which show later what still runs."""

import hashlib
import os
import platform
from pathlib import Path

import psutil

from fieldguide.base.paths import Paths
from fieldguide.tracking.store import home


def checkout_id(paths: Paths) -> str:
    """A name for this checkout on this machine that reveals neither."""
    return _place_id(home(paths))


def folder_id(paths: Paths) -> str:
    """A name for the folder that a run is made in: the checkout's own, or that of a job."""
    return _place_id(paths.root.resolve())


def _place_id(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(f"{platform.node()}:{folder}")).hexdigest()[:16]


def process_id(pid: int) -> str:
    """A name for a process that no later one on this machine has."""
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def process_lives(identity: str) -> bool:
    """Whether the process with this name still runs on this machine."""
    pid = identity.partition(" ")[0]
    try:
        alive = pid.isdecimal() and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
        return alive and process_id(int(pid)) == identity
    except psutil.Error:
        return False
