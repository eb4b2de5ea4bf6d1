"""A cluster of SLURM on this machine alone, from Debian's packages: its own configuration, ports, keys and daemons."""

import os
import platform
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from pipeline.checkout import free_port

DAEMONS = ("munged", "slurmctld", "slurmd")
OF_ADMINISTRATORS = "/usr/sbin"  # where Debian has them; not every root's PATH names it
CONFIGURATION = """
ClusterName=fieldguide
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=5
NodeName={node} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Start a cluster of one node, whose files are in an empty folder; yields the variables by which commands find it.

    It ends with the block, whatever ends that.
    """
    node = platform.node()
    ports = {"controller": free_port(), "daemon": free_port()}
    size = {"cores": os.cpu_count(), "memory": psutil.virtual_memory().total // 2**20 * 9 // 10}
    for name in ("state", "spool"):
        (folder / name).mkdir()
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, node=node, **ports, **size), encoding="ascii")
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    own = {name: f"{folder}/munge.{name}" for name in ("socket", "pid", "seed", "log")}
    munged = [_program("munged"), "--foreground", "--force", f"--key-file={key}", f"--socket={own['socket']}"]
    munged += [f"--pid-file={own['pid']}", f"--seed-file={own['seed']}", f"--log-file={own['log']}"]
    variables = {"SLURM_CONF": str(configuration)}
    with ExitStack() as stack:
        for command in (munged, [_program("slurmctld"), "-D"], [_program("slurmd"), "-D"]):
            stack.enter_context(_daemon(command, variables, folder))
            if command is munged:
                _until(lambda: Path(own["socket"]).exists(), folder)
        _until(lambda: "idle" in _said(["sinfo", "--noheader", "--format=%T"], variables), folder)
        yield variables


@contextmanager
def _daemon(command: list[str], variables: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / f"{Path(command[0]).name}.out").open("wb") as printed:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=printed, stderr=printed)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until(is_so: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        logs = {log.name: log.read_text(errors="replace")[-1000:] for log in folder.glob("*.out")}
        assert time.monotonic() < deadline, f"the cluster does not start: {logs}"
        time.sleep(0.5)


def _said(command: list[str], variables: dict[str, str]) -> str:
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False).stdout


def is_installed() -> bool:
    """Whether this machine has what such a cluster takes."""
    return os.geteuid() == 0 and all(map(_program, DAEMONS))


def _program(name: str) -> str:
    """The path of a daemon; "" if it is not installed."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), OF_ADMINISTRATORS])) or ""
