"""`fieldguide add NAME LIST.csv`: an address list becomes a data set, whatever ends it on the way."""

import errno
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import pytest

from checkouts import git, new_checkout
from conftest import encoded, noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data import fetching
from fieldguide.data.add import add_data_set
from fieldguide.data.sources.folder import FolderData
from web import Web, says, serve

pytestmark = pytest.mark.slow  # each address list is added to a checkout of its own


def test_a_list_of_addresses_becomes_a_data_set_of_what_came(tmp_path: Path) -> None:
    """With its list beside it in git; what did not come is named, and left to the nightly job."""
    paths = new_checkout(tmp_path / "checkout")
    pages = {f"/{label}/{number}.png": noise(number + len(label)) for label in ("cat", "bear") for number in range(2)}
    with serve({path: (200, encoded(image, "PNG")) for path, image in pages.items()}) as web:
        rows = [f"{web.address}{path},{path.split('/')[1]}" for path in pages]
        rows += [f"{web.address}/gone.png,cat", f"{web.address}/cat/0.png?of=nobody,"]
        (tmp_path / "pets.csv").write_text("\n".join(["url,label", *rows]) + "\n", encoding="utf-8")
        done = run_command("add", "pets", str(tmp_path / "pets.csv"), "--allow-private", cwd=paths.root)
    assert done.returncode == 0
    failed = f"line 6, {web.address}/gone.png: the server answers 404 Not Found"
    assert done.stderr == f"fieldguide: pets.csv: {failed}\n"
    left = "(2 left to `fieldguide retrain`: no label, or not fetched)"
    assert done.stdout.startswith(f"added 4 pictures {left} under 2 labels (bear, cat) as data set 'pets'\n")
    came = sorted(path.relative_to(paths.sources / "pets").parts[0] for path in (paths.sources / "pets").rglob("*.png"))
    assert came == ["bear", "bear", "cat", "cat"]
    assert compose(paths).data == FolderData(kind="folder", allow_private=True)
    commit, warning = done.stdout.splitlines()[-2:]
    assert "data/sources/pets.csv" not in commit
    assert warning.startswith("do not commit data/sources/pets.csv if it holds passwords or tokens: 1 addresses have")
    assert "line 7" in warning and "nobody" not in done.stdout + done.stderr
    status = git(paths.root, "status", "--porcelain", "-uall").split()
    assert {"data/sources/pets.csv", "data/sources/pets.dvc", "conf/data/pets.yaml", "params.yaml"} <= set(status)
    assert not [file for file in status if file.endswith(".png")]


def test_a_list_that_gives_too_little_changes_nothing(tmp_path: Path) -> None:
    paths = new_checkout(tmp_path / "checkout")
    with serve({"/cat.png": (200, encoded(noise(1), "PNG"))}) as web:
        rows = f"url,label\n{web.address}/cat.png,cat\n{web.address}/bear.png,bear\n"
        (tmp_path / "pets.csv").write_text(rows, encoding="utf-8")
        with pytest.raises(UserError, match=r"pets.csv gave pictures of 1 labels.*line 3, .*404 Not Found"):
            add_data_set(paths, "pets", tmp_path / "pets.csv", allow_private=True)
    assert git(paths.root, "status", "--porcelain", "-uall") == ""
    assert not (paths.sources / "pets").exists()


@contextmanager
def web_of_pictures(folder: Path, count: int = 6) -> Iterator[tuple[Web, Path]]:
    """Pictures of two labels, and a list of their addresses."""
    pages = {f"/{number}.png": (200, encoded(noise(number), "PNG")) for number in range(count)}
    with serve(pages) as web:
        rows = [f"{web.address}{path},{('cat', 'bear')[number % 2]}" for number, path in enumerate(pages)]
        (folder / "list.csv").write_text("\n".join(["url,label", *rows, ""]), encoding="utf-8")
        yield web, folder / "list.csv"


def asked_once(web: Web) -> bool:
    return web.asked == dict.fromkeys(web.pages, 1)


def test_a_killed_add_goes_on_from_what_it_has_fetched(tmp_path: Path) -> None:
    came = 3
    paths = new_checkout(tmp_path / "checkout")
    with web_of_pictures(tmp_path) as (web, addresses_file):
        rows = addresses_file.read_text(encoding="utf-8").splitlines(keepends=True)
        with says(repeat(b""), pause=0.02) as silent:
            silent_row = f"{silent.address}/never.png,cat\n"
            addresses_file.write_text("".join([*rows[: came + 1], silent_row]), encoding="utf-8")
            command = [
                sys.executable,
                "-c",
                "from fieldguide.cli import main; main()",
                "add",
                "pets",
                str(addresses_file),
                "--allow-private",
            ]
            adding = subprocess.Popen(command, cwd=paths.root)
            while len(list((paths.sources / ".pets.partial").rglob("[0-9]*.png"))) < came:
                assert adding.poll() is None
                time.sleep(0.02)
            adding.kill()
            adding.wait()
        assert not (paths.sources / "pets").exists()
        addresses_file.write_text("".join(rows), encoding="utf-8")
        add_data_set(paths, "pets", addresses_file, allow_private=True)
        assert asked_once(web)
    assert len(list((paths.sources / "pets").rglob("*"))) == 6 + 2
    assert not list(paths.sources.glob(".*.partial"))


@pytest.mark.parametrize("moment", ["dvc_add", "write_text"])
def test_an_add_that_ends_after_the_last_picture_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    paths = new_checkout(tmp_path / "checkout")
    with web_of_pictures(tmp_path) as (web, addresses_file):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(f"fieldguide.data.add.{moment}", end)
            add_data_set(paths, "pets", addresses_file, allow_private=True)
        add_data_set(paths, "pets", addresses_file, allow_private=True)
        assert asked_once(web)


def test_what_dvc_refuses_is_not_fetched_again(checkout: Paths, tmp_path: Path) -> None:
    with web_of_pictures(tmp_path) as (web, addresses_file):
        for _ in range(2):
            with pytest.raises(UserError, match="`dvc add` failed"):
                add_data_set(checkout, "pets", addresses_file, allow_private=True)
        assert asked_once(web)


def test_what_another_list_gave_stays_away(tmp_path: Path) -> None:
    paths = new_checkout(tmp_path / "checkout")
    put(paths.sources / ".pets.partial" / "cat" / "old-0123456789ab.png", noise(1))
    put(paths.sources / ".pets.partial" / "cow" / ".half.png.partial", noise(1))
    with web_of_pictures(tmp_path) as (_, addresses_file):
        add_data_set(paths, "pets", addresses_file, allow_private=True)
    assert len(list((paths.sources / "pets").rglob("*"))) == 6 + 2


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    paths = new_checkout(tmp_path / "checkout")
    monkeypatch.setattr(fetching, "download", full)
    (tmp_path / "pets.csv").write_text("url,label\nhttp://example.org/1.png,cat\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"^pets.csv cannot be fetched: No space left on device$"):
        add_data_set(paths, "pets", tmp_path / "pets.csv", allow_private=True)
    assert git(paths.root, "status", "--porcelain", "-uall") == ""
    assert not list(paths.sources.iterdir())


def test_another_list_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    paths = new_checkout(tmp_path / "checkout")
    kept = put(paths.sources / "pets.csv", b"url,label\nhttp://example.org/1.png,cat\n")
    (tmp_path / "pets.csv").write_text("url,label\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"data/sources/pets.csv already exists"):
        add_data_set(paths, "pets", tmp_path / "pets.csv", allow_private=True)
    assert b"example.org" in kept.read_bytes()
