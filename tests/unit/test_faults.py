"""A full disk, a read-only folder and what else the machine refuses: one line, which file, what to do."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import SafetensorError

from conftest import OwnData, noise, put, run_module
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, replace_folder, write_json, write_text
from fieldguide.base.system_errors import FAULTS, fault, faults_in_one_line
from fieldguide.data.table import write_table


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    yield from _mounted(tmp_path / "disk", "size=64k")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """One of 8 MB."""
    yield from _mounted(tmp_path / "disk", "size=8m")


def _mounted(place: Path, options: str) -> Iterator[Path]:
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if os.name != "posix" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here: it takes root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def weights(path: Path) -> None:
    import torch

    from fieldguide.model.weights import save_weights

    save_weights(torch.nn.Linear(300, 300), path)


def checkpoint(path: Path) -> None:
    import torch

    from fieldguide.training.checkpoint import save_checkpoint

    save_checkpoint(path, "key", {"network": torch.zeros(100_000)})


def table(path: Path) -> None:
    import pyarrow as pa

    random = np.random.default_rng(0).random(100_000)
    write_table(pd.DataFrame({"x": random}), path, pa.schema([pa.field("x", pa.float64())]))


def figure(path: Path) -> None:
    from matplotlib.figure import Figure

    from fieldguide.pages.png import save_figure

    drawn = Figure(figsize=(10, 10))
    drawn.add_subplot().imshow(np.random.default_rng(0).random((500, 500)))
    save_figure(drawn, path)


def folder(path: Path) -> None:
    with replace_folder(path) as partial:
        (partial / "one").write_bytes(bytes(200_000))


def text(path: Path) -> None:
    write_text(path, "x" * 200_000)


WRITERS = [weights, checkpoint, table, figure, folder, text]


@pytest.mark.parametrize("write", WRITERS)
def test_a_full_disk_is_told_with_the_file_whatever_library_writes(
    write: Callable[[Path], None], small_disk: Path
) -> None:
    with pytest.raises(UserError) as error, faults_in_one_line("`dvc repro` resumes"):
        write(small_disk / "result")
    assert str(error.value) == f"the disk is full ({small_disk}/result): make room, then `dvc repro` resumes"
    assert not list(small_disk.iterdir())


@pytest.mark.parametrize("write", WRITERS)
def test_so_is_a_read_only_folder(write: Callable[[Path], None], small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UserError) as error, faults_in_one_line("`dvc repro` resumes"):
        write(small_disk / "result")
    assert str(error.value).startswith("the file system is read-only (")
    assert "result" in str(error.value)
    assert str(error.value).endswith("then `dvc repro` resumes")


@pytest.mark.slow
def test_stages_and_commands_leave_with_one_line(own_data: OwnData, disk: Path) -> None:
    _, paths = own_data()
    for number in range(12):
        put(paths.sources / "own" / "ab"[number % 2] / f"{number}.png", noise(number, 640, 480))
    subprocess.run(["cp", "-r", *map(str, paths.root.glob("*[!k]")), str(disk)], check=True)
    said = [run_module(f"fieldguide.stages.{stage}", cwd=disk) for stage in ("download", "clean", "split")]
    assert [done.returncode for done in said] == [0, 0, 0], [done.stderr for done in said]
    (disk / "ballast").write_bytes(bytes(4096))
    free = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_frsize - 8 * 4096))
    full = run_module("fieldguide.stages.clean", cwd=disk)
    (disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    read_only = [run_module(f"fieldguide.stages.{stage}", cwd=disk) for stage in ("clean", "split")]
    read_only.append(run_module("fieldguide.cli", "review", "0" * 16, "keep", cwd=disk))
    for done, words in ((full, "the disk is full"), *((done, "") for done in read_only)):
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr
        assert "(None)" not in done.stderr
    assert all("the file system is read-only" in done.stderr for done in read_only[:2])


@pytest.mark.parametrize("number", FAULTS)
def test_every_fault_names_the_file_and_what_to_do(number: int) -> None:
    told = fault(OSError(number, os.strerror(number), "data/a\x1b[31m\n.jpg"), "go on")
    assert told is not None
    assert "data/a\\x1b[31m\\n.jpg" in told
    assert told.endswith(", then go on")
    assert fault(SafetensorError(f"I/O error: something (os error {number})"), "go on") == fault(
        OSError(number, "something"), "go on"
    )


@pytest.mark.parametrize(
    "error", [ValueError("28"), KeyError("os error 28"), OSError("no number"), OSError(errno.ECONNRESET, "reset", "x")]
)
def test_what_is_no_fault_of_the_machine_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)), faults_in_one_line("go on"):
        raise error


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"\0" * 100])
def test_a_file_that_a_power_cut_has_damaged_is_one_line(tmp_path: Path, content: bytes) -> None:
    write_json(tmp_path / "journal.json", {"status": "open"})
    (tmp_path / "journal.json").write_bytes(content)
    with pytest.raises(UserError, match=r"journal\.json is damaged, it is not valid JSON .*: delete it and run"):
        read_json(tmp_path / "journal.json")
