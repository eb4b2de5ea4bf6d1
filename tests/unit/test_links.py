"""Links into DVC's cache of the checkout are as good as files; no other link is followed, whatever it looks like."""

from collections.abc import Callable
from pathlib import Path

import pytest

from checkouts import dvc
from conftest import OwnData, noise, put
from fieldguide.app.pictures import own_file
from fieldguide.base.dvc_cache import is_cached_link, is_link_away, makes_hard_links
from fieldguide.base.errors import UserError
from fieldguide.data.source_places import pictures_in
from fieldguide.data.status import Status
from fieldguide.data.table import IMAGES, RAW, read_table
from fieldguide.stages import clean, config, download

CONTENT = Path("files", "md5", "76", "4efa883dda1e11db47671c4a3bbd9e")


def configure(root: Path, cache: str = "", kind: str = "symlink") -> None:
    """As `dvc init`, `dvc cache dir` and `dvc config cache.type` leave a checkout."""
    (root / ".dvc").mkdir(exist_ok=True)
    place = f"    dir = {cache}\n" if cache else ""
    (root / ".dvc" / "config").write_text(f"[cache]\n{place}    type = {kind}\n", encoding="utf-8")


def through_another_link(cache: Path, secret: Path) -> Path:
    """A link that bears the name of content, and leads away."""
    false = cache / "files" / "md5" / "ab" / ("c" * 30)
    false.parent.mkdir(parents=True)
    false.symlink_to(secret)
    return false


def beside_the_cache(cache: Path, secret: Path) -> Path:
    return put(cache.parent / "elsewhere" / CONTENT, secret.read_bytes())


def with_dots(cache: Path, secret: Path) -> Path:
    return cache / CONTENT.parent / ".." / ".." / ".." / ".." / secret.name


def no_content(cache: Path, secret: Path) -> Path:
    return put(cache / "runs" / "secret", secret.read_bytes())


HOSTILE: dict[str, Callable[[Path, Path], Path]] = {
    "away": lambda cache, secret: secret,
    "through another link": through_another_link,
    "beside the cache": beside_the_cache,
    "with dots": with_dots,
    "no content of the cache": no_content,
    "nothing there": lambda cache, secret: cache / "files" / "md5" / "00" / ("0" * 30),
    "a folder": lambda cache, secret: cache / CONTENT.parent,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("place", ["", "../shared"], ids=["own cache", "shared cache"])
def test_a_link_that_leads_out_of_the_cache_is_followed_nowhere(kind: str, place: str, own_data: OwnData) -> None:
    _, paths = own_data()
    configure(paths.root, f"../{place}" if place else "")
    cache = (paths.root / place if place else paths.root / ".dvc" / "cache").resolve()
    put(cache / CONTENT, noise(1))
    link = put(paths.sources / "own" / "a" / "2.png", noise(2)).with_name("1.png")
    link.symlink_to(HOSTILE[kind](cache, put(paths.root.parent / "secret.png", noise(3))))
    assert not is_cached_link(link)
    assert is_link_away(link)
    with pytest.raises(UserError, match="no picture"):
        own_file(paths, "data/sources/own/a/1.png")
    assert list(pictures_in(paths.sources / "own").files) == ["a/2.png"]
    assert own_file(paths, "data/sources/own/a/2.png")


@pytest.mark.slow
@pytest.mark.parametrize("place", ["", "../shared cache"], ids=["own cache", "shared cache"])
def test_a_link_into_the_cache_is_a_picture_everywhere(place: str, own_data: OwnData) -> None:
    cfg, paths = own_data()
    configure(paths.root, f"../{place}" if place else "")
    content = put((paths.root / place if place else paths.root / ".dvc" / "cache") / CONTENT, noise(1))
    elsewhere = put(paths.root.parent / "elsewhere" / "2.png", noise(2))
    folder = paths.sources / "own" / "a"
    folder.mkdir()
    (folder / "1.png").symlink_to(content.resolve())
    (folder / "2.png").symlink_to(elsewhere)
    assert own_file(paths, "data/sources/own/a/1.png")
    assert list(pictures_in(paths.sources / "own").files) == ["a/1.png"]
    assert config.run(cfg, paths) == {"valid": True}
    assert download.run(cfg, paths)["downloaded"] == 1
    table = read_table(paths.raw_table, RAW).set_index("source")
    assert list(table["ok"]) == [True, False]
    assert "a link" in str(table.at["a/2.png", "reason"])
    assert table.at["a/1.png", "file"] == "data/sources/own/a/1.png"
    clean.run(cfg, paths)
    assert list(read_table(paths.image_table, IMAGES)["status"]) == [Status.KEPT, "not_downloaded"]


def test_without_a_checkout_every_link_leads_away(tmp_path: Path) -> None:
    link = tmp_path / "1.png"
    link.symlink_to(put(tmp_path / "cache" / CONTENT, noise(1)))
    assert is_link_away(link)


def test_a_cache_that_is_not_connected_is_told_as_that(own_data: OwnData, tmp_path: Path) -> None:
    cfg, paths = own_data()
    configure(paths.root, str(tmp_path / "drive"))
    link = put(paths.sources / "own" / "a" / "2.png", noise(2)).with_name("1.png")
    link.symlink_to(tmp_path / "drive" / CONTENT)
    with pytest.raises(UserError, match=r"^data/sources/own/a/1.png is not in DVC's cache .*`dvc pull` fetches it"):
        config.run(cfg, paths)


def test_a_configuration_that_is_not_valid_is_one_line(own_data: OwnData) -> None:
    _, paths = own_data()
    configure(paths.root, kind="teleport")
    link = put(paths.sources / "own" / "a" / "2.png", noise(2)).with_name("1.png")
    link.symlink_to("2.png")
    with pytest.raises(UserError, match=r"^DVC's configuration is not valid") as told:
        is_cached_link(link)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("kind", "shared"), [("hardlink,copy", True), ("symlink", False), ("reflink,copy", False)])
def test_whether_files_are_shared_with_the_cache(kind: str, shared: bool, tmp_path: Path) -> None:
    dvc(tmp_path, "init", "--no-scm", "-q")
    dvc(tmp_path, "config", "cache.type", kind)
    assert makes_hard_links(tmp_path) is shared
