"""`fieldguide add` of archives, object stores and the Hugging Face hub."""

import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import pytest

from conftest import encoded, noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.data import archives
from fieldguide.data.archives import is_archive, unpack
from web import serve

pytestmark = pytest.mark.slow

PICTURES = {f"pets/{label}/{number}.png": noise(number) for number, label in enumerate(("fox", "owl", "fox", "owl"))}
CONTENT = {name: encoded(image, "PNG") for name, image in PICTURES.items()}


@pytest.fixture
def paths(checkout: Paths, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A checkout in which nothing is tracked, since DVC takes a second."""
    monkeypatch.setattr("fieldguide.data.add.dvc_add", lambda *_: None)
    return checkout


def zipped(path: Path, members: dict[str, bytes], **settings: Any) -> Path:
    with zipfile.ZipFile(path, "w", **settings) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz", "tar.bz2"])
def test_an_archive_is_a_folder(paths: Paths, tmp_path: Path, kind: str) -> None:
    """Whatever it is named: its content tells."""
    path = tmp_path / "anything"
    whole = {**CONTENT, "__MACOSX/pets/._1.png": b"x"}
    archive = zipped(path, whole) if kind == "zip" else tarred(path, whole, f"w:{kind.partition('.')[2]}".rstrip(":"))
    done = run_command("add", "pets", str(archive), cwd=paths.root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("labels: fox 2, owl 2\n")
    kept = paths.sources / "pets"
    assert {path.relative_to(kept).as_posix() for path in kept.rglob("*.png")} == {
        name.removeprefix("pets/") for name in CONTENT
    }
    assert [path.name for path in paths.sources.iterdir()] == ["pets"]
    assert all((kept / name.removeprefix("pets/")).read_bytes() == content for name, content in CONTENT.items())


def test_members_that_lead_elsewhere_stay_packed(tmp_path: Path) -> None:
    bad = ["../out.png", "/etc/out.png", "a/../../out.png", "C:\\out.png", "..\\out.png", "x" * 300]
    with tarfile.open(tarred(tmp_path / "a.tar", {**CONTENT, **dict.fromkeys(bad, b"x")}), "a") as archive:
        for name, kind, target in (
            ("link", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard", tarfile.LNKTYPE, "pets/fox/0.png"),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("device", tarfile.CHRTYPE, ""),
            ("link/inside.png", tarfile.REGTYPE, ""),
            ("pets/fox", tarfile.REGTYPE, ""),
            ("pets/fox/0.png", tarfile.REGTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    lines = unpack(tmp_path / "a.tar", tmp_path / "to")
    assert {
        path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*") if path.is_file()
    } == {
        *CONTENT,
        "link/inside.png",
    }
    assert not any(path.is_symlink() for path in (tmp_path / "to").rglob("*"))
    assert not (tmp_path / "out.png").exists()
    told = "\n".join(lines)
    for words in (
        "5 members of a.tar: its path leads out",
        "1 member of a.tar: its name cannot be",
        "2 members of a.tar: a link",
    ):
        assert words in told
    assert "2 members of a.tar: a device or pipe" in told and "2 members of a.tar: another member has its name" in told


def test_links_in_zip_files_and_encrypted_members_stay_packed(tmp_path: Path) -> None:
    with zipfile.ZipFile(zipped(tmp_path / "a.zip", CONTENT), "a") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    data = (tmp_path / "a.zip").read_bytes()
    assert unpack(tmp_path / "a.zip", tmp_path / "to") == ["left out: 1 member of a.zip: a link (link)"]
    place = data.index(b"PK\x01\x02") + 8
    put(tmp_path / "b.zip", data[:place] + bytes([data[place] | 1]) + data[place + 1 :])
    assert "encrypted" in unpack(tmp_path / "b.zip", tmp_path / "two")[0]


def test_bombs_and_damage_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL", 100_000)
    bomb = zipped(tmp_path / "bomb.zip", {"a/1.png": bytes(40_000_000)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match=r"bomb.zip unpacks to more than 100 times its size"):
        unpack(bomb, tmp_path / "to")
    monkeypatch.setattr(archives, "MEMBERS", 3)
    with pytest.raises(UserError, match="holds more than 3 members"):
        unpack(zipped(tmp_path / "many.zip", CONTENT), tmp_path / "many")
    monkeypatch.setattr(archives, "MEMBERS", 99)
    broken = bytearray(zipped(tmp_path / "broken.zip", CONTENT, compression=zipfile.ZIP_DEFLATED).read_bytes())
    broken[1000:1100] = os.urandom(100)
    [line] = unpack(put(tmp_path / "broken.zip", bytes(broken)), tmp_path / "broken")
    assert line.startswith("left out: 1 member of broken.zip: damaged: ")
    assert len([path for path in (tmp_path / "broken").rglob("*") if path.is_file()]) == len(CONTENT) - 1
    with pytest.raises(UserError, match=r"half.zip cannot be unpacked"):
        unpack(put(tmp_path / "half.zip", bytes(broken[: len(broken) // 2])), tmp_path / "half")
    cut = tarred(tmp_path / "a.tar.gz", CONTENT, "w:gz").read_bytes()
    put(tmp_path / "cut.tar.gz", cut[: len(cut) // 2])
    with pytest.raises(UserError, match=r"cut.tar.gz cannot be unpacked"):
        unpack(tmp_path / "cut.tar.gz", tmp_path / "cut")


def test_an_excel_table_is_no_archive(tmp_path: Path) -> None:
    assert not is_archive(zipped(tmp_path / "t.xlsx", {"xl/workbook.xml": b"<x/>"}))
    assert is_archive(zipped(tmp_path / "t.zip", {"a.png": b"x"}))
    assert not is_archive(put(tmp_path / "t.csv", b"file,label\n"))


def test_a_store_is_a_folder(paths: Paths) -> None:
    store = fsspec.filesystem("memory")
    for name, content in CONTENT.items():
        store.pipe(f"/bucket/{name}", content)
    store.pipe("/bucket/pets.zip", zipped(paths.root / "a.zip", CONTENT).read_bytes())
    for source in ("memory://bucket/pets", "memory://bucket/pets.zip"):
        said = run_command("add", "pets", source, "--dry-run", cwd=paths.root)
        assert said.stdout.startswith("labels: fox 2, owl 2\n"), said.stderr
    added = run_command("add", "pets", "memory://bucket/pets", cwd=paths.root)
    assert added.returncode == 0 and len(list((paths.sources / "pets").rglob("*.png"))) == 4, added.stderr
    empty = run_command("add", "none", "memory://bucket/none", cwd=paths.root)
    assert empty.returncode == 1 and empty.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_bucket_is_a_folder(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the client of S3 itself, from a server that answers as one does to it."""
    pytest.importorskip("s3fs")
    entries = "".join(
        f"<Contents><Key>{name}</Key><Size>{len(content)}</Size><LastModified>2024-05-30T00:00:00.000Z</LastModified>"
        "<ETag>x</ETag></Contents>"
        for name, content in CONTENT.items()
    )
    listing = f"<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
    pages = {f"/b/{name}": (200, content) for name, content in CONTENT.items()}
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with serve({**pages, "/b": (200, listing.encode()), "/b/": (200, listing.encode())}) as web:
        monkeypatch.setenv("AWS_ENDPOINT_URL", web.address)
        added = run_command("add", "pets", "s3://b/pets", cwd=paths.root)
    assert added.stdout.startswith("labels: fox 2, owl 2\n"), added.stderr
    assert {path.read_bytes() for path in (paths.sources / "pets").rglob("*.png")} == {*CONTENT.values()}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("s3://bucket/x", "pip install 'fieldguide[s3]'"),
        ("gs://bucket/x", "pip install 'fieldguide[gs]'"),
        ("https://a.example/x.zip", "download the file"),
        ("nonsense://x", "nonsense:// cannot be read"),
        ("hf://onlyone", "not of the form hf://OWNER/SET@REVISION"),
    ],
)
def test_addresses_that_cannot_be_read_are_one_line(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    for library, name in (("s3fs", "s3"), ("gcsfs", "gs")):  # as where neither is installed
        monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, name, raising=False)
    refused = run_command("add", "pets", source, cwd=paths.root)
    assert refused.returncode == 1 and message in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr


def test_a_data_set_of_the_hub_is_read_with_its_classes_and_sides(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["fox", "owl"]),
            "site": datasets.Value("string"),
        }
    )
    for side in ("train", "test"):
        columns = {
            "image": [noise(number + len(side)) for number in range(4)],
            "label": [0, 1, 0, 1],
            "site": ["N1", "N2", None, "N1"],
        }
        datasets.Dataset.from_dict(columns, features=features).to_parquet(tmp_path / f"{side}.parquet")
    asked: list[Any] = []
    load = datasets.load_dataset

    def local(name: str, configuration: str | None, revision: str | None) -> Any:
        asked.append((name, configuration, revision))
        files = {side: str(tmp_path / f"{side}.parquet") for side in ("train", "test")}
        return load("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))

    monkeypatch.setattr(datasets, "load_dataset", local)
    done = run_command("add", "pets", "hf://owner/pets@v1.0", cwd=paths.root)
    assert done.returncode == 0, done.stderr
    assert asked == [("owner/pets", None, "v1.0")]
    assert "labels: fox 4, owl 4\nsites: N1 4, N2 2\ngiven split: trainval 4, test 4" in done.stdout
    assert len(list((paths.sources / "pets").rglob("*.png"))) == 8
