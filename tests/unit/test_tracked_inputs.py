"""What lies in a data set and DVC cannot hash is told in one line before DVC meets it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import OwnData, few_daily, noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.tracked_inputs import check_tracked
from fieldguide.data.images import PictureError, read_picture
from fieldguide.data.status import Status
from fieldguide.stages import config


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def link_to(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


ODD: dict[str, tuple[bytes, Callable[[Path], object], str]] = {
    "pipe": (b"odd.jpg", os.mkfifo, "a/odd.jpg is a pipe"),
    "hidden pipe": (b".odd", os.mkfifo, "a/.odd is a pipe"),
    "socket": (b"odd.jpg", make_socket, "a/odd.jpg is a socket"),
    "device": (b"odd.jpg", link_to("/dev/zero"), "a/odd.jpg is a device"),
    "link to nowhere": (b"odd.jpg", link_to("nowhere"), "a/odd.jpg is a link that leads nowhere (No such file"),
    "loop of links": (b"odd.jpg", link_to("odd.jpg"), "a/odd.jpg is a link that leads nowhere (Too many levels"),
    "name of bytes": (b"odd\xff.jpg", lambda path: path.write_bytes(b"x"), r"a/odd\udcff.jpg has a name that is not"),
    "folder of bytes": (b"odd\xff", lambda path: path.mkdir(), r"a/odd\udcff has a name that is not"),
    "pipe with a name of two lines": (b"two\nlines", os.mkfifo, r"a/two\nlines is a pipe"),
}
FINE: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "two lines": (b"two\nlines.jpg", lambda path: path.write_bytes(b"x")),
    "backslash": (b"back\\slash.jpg", lambda path: path.write_bytes(b"x")),
    "long": (b"l" * 251 + b".jpg", lambda path: path.write_bytes(b"x")),
    "other letters": ("熊 🐻.jpg".encode(), lambda path: path.write_bytes(b"x")),
    "empty folder": (b"empty", lambda path: path.mkdir()),
    "link to a file": (b"link.jpg", link_to("1.png")),
    "link to a folder above": (b"up", link_to("..")),
}


def place(folder: Path, name: bytes) -> Path:
    return Path(os.fsdecode(os.fsencode(folder) + b"/" + name))


@pytest.mark.parametrize("kind", ODD)
def test_what_dvc_would_wait_or_stop_at_is_one_line_of_the_first_stage(kind: str, own_data: OwnData) -> None:
    name, make, said = ODD[kind]
    cfg, paths = own_data()
    put(paths.sources / "own" / "a" / "1.png", noise(1))
    make(place(paths.sources / "own" / "a", name))
    with pytest.raises(UserError) as stopped:
        config.run(cfg, paths)
    assert str(stopped.value).startswith(f"data/sources/own/{said}")
    assert "\n" not in str(stopped.value)
    done = run_command("config", cwd=paths.root)  # as `make repro` does first
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"fieldguide: data/sources/own/{said}")


@pytest.mark.parametrize("kind", few_daily(FINE, 4))
def test_what_dvc_takes_is_no_fault(kind: str, own_data: OwnData) -> None:
    name, make = FINE[kind]
    cfg, paths = own_data()
    put(paths.sources / "own" / "a" / "1.png", noise(1))
    make(place(paths.sources / "own" / "a", name))
    assert config.run(cfg, paths) == {"valid": True}


def test_several_are_counted_and_other_inputs_are_looked_at_too(own_data: OwnData) -> None:
    cfg, paths = own_data()
    for number in range(3):
        os.mkfifo(paths.sources / "own" / f"{number}")
    with pytest.raises(UserError, match=r"^data/sources/own/0 is a pipe.* \(2 more like it\)$"):
        check_tracked(paths.root, paths.sources / "own", paths.root / "missing")
    for number in range(3):
        (paths.sources / "own" / f"{number}").unlink()
    paths.reviews.symlink_to("nowhere")
    with pytest.raises(UserError, match=r"^data/reviews.csv is a link that leads nowhere"):
        config.run(cfg, paths)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_named(own_data: OwnData) -> None:
    cfg, paths = own_data()
    closed = paths.sources / "own" / "closed"
    closed.mkdir(mode=0)
    try:
        with pytest.raises(UserError, match=r"^data/sources/own/closed cannot be read"):
            config.run(cfg, paths)
    finally:
        closed.chmod(0o700)


def test_a_picture_that_is_a_pipe_is_a_reason_and_nobody_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero")):
        with pytest.raises(PictureError, match="not a regular file") as refused:
            read_picture(path, 150.0)
        assert refused.value.status == Status.UNREADABLE
