"""A cache that a team shares, by every kind of link: the pipeline runs in it, and nothing in it ever changes."""

import hashlib
import stat
from pathlib import Path

import pytest
from dvc_objects.fs.system import reflink

from conftest import noise, put
from pipeline.checkout import RESULTS, STAGES, TABLES, Checkout
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.exhaustive

KINDS = ("symlink", "hardlink", "copy", "reflink")


def content(cache: Path) -> dict[str, tuple[str, int]]:
    """The hash and the mode of each file in a cache."""
    files = (cache / "files" / "md5").glob("??/*")
    return {
        file.relative_to(cache).as_posix(): (
            hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest(),
            stat.S_IMODE(file.stat().st_mode),
        )
        for file in files
    }


def are_named_by_their_bytes(found: dict[str, tuple[str, int]]) -> bool:
    return all(
        "".join(Path(name).parts[-2:]).removesuffix(".dir") == digest and mode == 0o444
        for name, (digest, mode) in found.items()
    )


def is_shared(file: Path, kind: str) -> bool:
    if kind == "symlink":
        return file.is_symlink()
    return not file.is_symlink() and (file.stat().st_nlink > 1) == (kind == "hardlink")


def damage(cache: Path, file: Path) -> Path:
    """Change the content of a file in the cache, as a faulty disk would."""
    digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    kept = cache / "files" / "md5" / digest[:2] / digest[2:]
    kept.chmod(0o644)
    kept.write_bytes(kept.read_bytes() + b" ")
    kept.chmod(0o444)
    return kept


def skip_without_reflinks(folder: Path) -> None:
    try:
        reflink(put(folder / "a file", b"content"), folder / "its reflink")  # type: ignore[no-untyped-call]
    except OSError as error:
        pytest.skip(f"this file system has no reflinks ({error.strerror})")


@pytest.mark.parametrize("kind", KINDS)
def test_stages_and_commands_leave_the_cache_as_it_is(trained: Reproduced, kind: str, tmp_path: Path) -> None:
    if kind == "reflink":
        skip_without_reflinks(tmp_path)
    one, cache = trained.checkout.copy(tmp_path / "one"), tmp_path / "shared cache"
    (one.root / ".dvc" / "cache").rename(cache)
    for setting, value in (("dir", str(cache)), ("type", kind), ("shared", "group")):
        one.dvc("config", f"cache.{setting}", value)
    one.commit("a shared cache")
    one.dvc("checkout", "--relink")
    before = content(cache)
    assert are_named_by_their_bytes(before)
    for out in ("models/classifier.safetensors", "data/clean.parquet"):
        assert is_shared(one.root / out, kind)
    wanted = one.digests(*RESULTS, *TABLES)

    assert one.repro("--force") == STAGES, "each stage replaces what is linked"
    assert one.digests(*RESULTS, *TABLES) == wanted
    assert content(cache).items() >= before.items()

    pictures = tmp_path / "pictures"
    for number in range(4):
        put(pictures / ("a", "b")[number % 2] / f"{number}.png", noise(number))
    one.fieldguide("sync")
    one.fieldguide("summary")
    one.fieldguide("predict", str(pictures))
    assert "identical" in one.fieldguide("reproduce", "squish standard mini").stdout
    one.fieldguide("add", "mine", str(pictures))
    assert one.repro("clean") == ["config", "download", "clean"]
    one.run("git", "checkout", "--quiet", ".")
    one.dvc("checkout")
    assert are_named_by_their_bytes(content(cache))

    other = Checkout(tmp_path / "other")
    one.run("git", "clone", "--quiet", ".", str(other.root))
    other.dvc("checkout")
    assert other.repro() == [], "the cache has it all"
    assert other.digests(*RESULTS, *TABLES) == wanted
    assert is_shared(other.root / "models" / "classifier.safetensors", kind)

    damaged = damage(cache, other.root / "models" / "backbone.json")
    assert str(damaged) in other.fieldguide("verify", code=1).stderr
    other.fieldguide("verify", "--delete")
    assert not damaged.exists()
    other.repro()
    assert other.digests(*RESULTS, *TABLES) == wanted
    assert other.fieldguide("verify").stdout.startswith("all ")
