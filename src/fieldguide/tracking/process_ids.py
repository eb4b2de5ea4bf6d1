"""Names for checkouts and processes, which show later what still runs."""

import hashlib
import os
import platform
from pathlib import Path

import psutil

from fieldguide.base.paths import Paths
from fieldguide.tracking.store import home

MACHINE_VARIABLE = "FIELDGUIDE_MACHINE"  # the machine for which this one works, on the same files


def checkout_id(paths: Paths) -> str:
    """A name for this checkout on this machine that reveals neither."""
    return _place_id(home(paths))


def folder_id(paths: Paths) -> str:
    """A name for the folder that a run is made in: the checkout's own, or that of a job."""
    return _place_id(paths.root.resolve())


def _place_id(folder: Path) -> str:
    machine = os.environ.get(MACHINE_VARIABLE, platform.node())
    return hashlib.sha256(os.fsencode(f"{machine}:{folder}")).hexdigest()[:16]


def process_id(pid: int) -> str:
    """A name for a process that no other one has, now or later, on this machine or another."""
    return f"{pid} {psutil.Process(pid).create_time():.2f} {_machine_id()}"


def process_lives(identity: str) -> bool:
    """Whether the process with this name still runs; of another machine's, which cannot be seen from here, yes."""
    machine = _machine_of(identity)
    return machine != _machine_id() or lives_here(identity)


def lives_here(identity: str) -> bool:
    """Whether the process with this name still runs, and on this machine."""
    pid = identity.partition(" ")[0]
    try:
        alive = pid.isdecimal() and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
        return alive and process_id(int(pid)).startswith(identity)
    except psutil.Error:
        return False


def _machine_of(identity: str) -> str:
    """The machine of a process by its name; names that earlier versions gave have none, and are of this one."""
    return "".join(identity.split(" ")[2:]) or _machine_id()


def _machine_id() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
