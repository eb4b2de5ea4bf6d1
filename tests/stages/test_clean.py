"""The stage clean: one row for every raw picture, whatever it is, and clean copies of those that are kept."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.tree import DecisionTreeClassifier

from conftest import OwnData, Sample, encoded, id_of, noise, png_header, put
from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file, write_text
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data import cleaning_cache
from fieldguide.data.duplicates import look_alike_groups
from fieldguide.data.images import identify, read_picture
from fieldguide.data.table import IMAGES, MAY_LACK, RAW, SPLIT, read_table
from fieldguide.stages import clean, download
from stages.cleaned import check_folder

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a second process takes longer than cleaning these few pictures."""
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)


def photo(seed: int, **options: Any) -> bytes:
    """A JPEG as a phone writes it: turned, with a position, a comment and a colour profile."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "camera of somebody"
    exif.get_ifd(0x8825)[1] = "N"
    return encoded(noise(seed, 400, 300), "JPEG", exif=exif, comment=b"address", icc_profile=b"profile" * 30, **options)


def cleaned(own_data: OwnData, files: dict[str, Image.Image | bytes], *overrides: str) -> tuple[Paths, pd.DataFrame]:
    cfg, paths = own_data("{}", *overrides)
    for place, content in files.items():
        put(paths.sources / "own" / place, content)
    download.run(cfg, paths)
    metrics = clean.run(cfg, paths)
    table = read_table(paths.image_table, IMAGES)
    assert list(table["path"]) == list(read_table(paths.raw_table, RAW)["path"])
    assert metrics == {"pictures": len(table)} | {
        status: int((table["status"] == status).sum()) for status in list(metrics) if status != "pictures"
    }
    check_folder(paths, table)
    return paths, table.set_index("source")


def test_what_is_kept_is_upright_small_rgb_and_says_nothing_of_its_owner(own_data: OwnData) -> None:
    paths, table = cleaned(own_data, {"a/1.jpg": photo(1), "b/1.png": noise(2)}, "clean.max_side=200")
    row = table.loc["a/1.jpg"]
    assert row["id"] == identify(paths.sources / "own" / "a" / "1.jpg")
    assert table.at["b/1.png", "id"] == id_of(noise(2))
    assert (row["width"], row["height"], row["short_side"], row["aspect_ratio"]) == (300, 400, 300, 0.75)
    file = paths.clean / row["clean_path"]
    picture = Image.open(file)
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (150, 200))
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not picture.getexif()
    assert not [word for word in (b"address", b"camera", b"profile", b"Exif") if word in file.read_bytes()]
    expected = np.asarray(noise(1, 400, 300).rotate(-90, expand=True).resize((150, 200)), dtype=float)
    assert np.abs(np.asarray(picture, dtype=float) - expected).mean() < 8


HOSTILE: dict[str, tuple[Image.Image | bytes, str]] = {
    "a/good.png": (noise(1), "kept"),
    "a/bomb.png": (png_header(60_000, 60_000), "too_large"),
    "a/empty.jpg": (b"", "unreadable"),
    "a/truncated.jpg": (photo(2)[:2500], "unreadable"),
    "a/page.jpg": (b"<!doctype html>", "not_a_picture"),
    "a/random.png": (bytes(range(256)) * 9, "not_a_picture"),
    "a/small.png": (noise(3, 31, 200), "too_small"),
    "a/animation.gif": (encoded(noise(4), "GIF", save_all=True, append_images=[noise(5)]), "kept"),
    "a/print.jpg": (encoded(noise(6).convert("CMYK"), "JPEG"), "kept"),
    "a/deep.png": (encoded(Image.new("I;16", (64, 48), 40000), "PNG"), "kept"),
    "a/palette.png": (encoded(noise(7).quantize(16), "PNG", transparency=bytes(8)), "kept"),
    "a/exif.webp": (encoded(noise(8), "WEBP", exif=b"Exif\0\0rubbish"), "kept"),
    "a/strip.png": (noise(9, 40, 9000), "kept"),
    "a/.hidden.png": (noise(10), "not_downloaded"),
    "a/new\nline 'and' \"quotes\".jpg": (noise(11), "kept"),
    "a/broken\nline.jpg": (photo(12)[:2500], "unreadable"),
    "Bär/熊.png": (noise(13), "kept"),
    "b, c/deep/down/%s.png": (noise(14), "kept"),
    "notes.txt": (b"x", "not_downloaded"),
}


def test_bad_pictures_and_odd_names_cost_one_row_each(own_data: OwnData) -> None:
    _, table = cleaned(own_data, {name: content for name, (content, _) in HOSTILE.items()})
    assert dict(table["status"]) == {name: status for name, (_, status) in HOSTILE.items()}
    assert table.at["a/bomb.png", "reason"] == "3600 megapixels, allowed are 150"
    assert table.at["a/small.png", "reason"] == "31 x 200 pixels, the shorter side must have 32"
    assert not table["reason"].str.contains("\n").any()
    unmeasured = table[table["status"].isin(["too_large", "unreadable", "not_a_picture", "not_downloaded"])]
    assert unmeasured[["id", "width", "brightness", "perceptual_hash"]].isna().all(axis=None)
    kept = table[table["status"] == "kept"]
    unknown = ["reason", *MAY_LACK]
    assert kept.drop(columns=unknown).notna().all(axis=None)


def test_pictures_that_are_all_bad_are_a_table_and_no_crash(own_data: OwnData) -> None:
    _, table = cleaned(own_data, {"a/1.jpg": b"x", "b/1.jpg": b""})
    assert list(table["status"]) == ["not_a_picture", "unreadable"]


def test_of_the_same_pixels_one_is_kept_and_under_two_labels_none(own_data: OwnData) -> None:
    pixels = noise(1)
    files: dict[str, Image.Image | bytes] = {
        "a/1.png": pixels,
        "a/2.bmp": encoded(pixels, "BMP"),
        "a/3.tif": encoded(pixels.rotate(180), "TIFF", exif=photo_exif(3)),
        "a/both.png": noise(2),
        "b/both.webp": encoded(noise(2), "WEBP", lossless=True),
        "b/other.png": noise(3),
    }
    _, table = cleaned(own_data, files)
    assert dict(table["status"]) == {
        "a/1.png": "kept",
        "a/2.bmp": "duplicate",
        "a/3.tif": "duplicate",
        "a/both.png": "conflict",
        "b/both.webp": "conflict",
        "b/other.png": "kept",
    }
    assert table.at["a/3.tif", "reason"] == "the same picture as a/1.png"
    assert table.at["b/both.webp", "reason"] == "the same picture has another label: a/both.png"
    assert table["id"].nunique() == len(files)


def test_a_photo_and_its_copy_without_loss_are_look_alikes(own_data: OwnData) -> None:
    """Large photos are decoded coarsely, other formats are not: their copies differ a little."""
    photo = encoded(noise(1, 1600, 1200), "JPEG")
    pixels = read_picture(io.BytesIO(photo), 10).image
    files: dict[str, Image.Image | bytes] = {
        "a/1.jpg": photo,
        "b/1.png": pixels,
        "a/2.jpg": encoded(pixels, "JPEG", quality=80),
    }
    _, table = cleaned(own_data, {**files, "b/other.png": noise(2)})
    assert set(table["status"]) == {"kept"}
    groups = look_alike_groups(list(table["perceptual_hash"]), 40)
    assert len(set(groups)) == 2 and len(set(groups[table.index != "b/other.png"])) == 1


def photo_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_the_same_input_gives_the_same_bytes_whatever_the_number_of_processes(
    own_data: OwnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: content for name, (content, _) in HOSTILE.items()} | {"a/copy.png": noise(1), "b/x.png": noise(6)}
    results = []
    for patience, cores in ((600, 1), (0, 2)):  # in this process, and in two others
        monkeypatch.setattr("fieldguide.base.parallel.PATIENCE", patience)
        monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda cores=cores: cores)
        paths, _ = cleaned(own_data, files)
        pictures = {path.name: sha256_of_file(path) for path in paths.clean.rglob("*.jpg")}
        results.append((sha256_of_file(paths.image_table), pictures))
    assert results[0] == results[1]


def test_a_failure_leaves_the_old_ones(own_data: OwnData, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, _ = cleaned(own_data, {"a/1.png": noise(1), "b/1.png": noise(2)})
    before = {path: sha256_of_file(path) for path in (paths.root / "data").rglob("*") if path.is_file()}

    def fails(images: pd.DataFrame) -> pd.DataFrame:
        raise KeyboardInterrupt

    monkeypatch.setattr("fieldguide.data.cleaning.mark_exact_duplicates", fails)
    with pytest.raises(KeyboardInterrupt):
        clean.run(compose(paths, ["clean.max_side=40", "train.size=32"]), paths)
    assert {path: sha256_of_file(path) for path in (paths.root / "data").rglob("*") if path.is_file()} == before


def test_without_download_it_says_what_to_do(checkout: Paths) -> None:
    with pytest.raises(UserError, match=r"raw.parquet is missing: run `dvc repro`"):
        clean.run(compose(checkout), checkout)


@pytest.fixture(scope="module")
def found(sample: Sample) -> pd.DataFrame:
    """What clean and split found out about the sample, beside the truth, by path."""
    images = read_table(sample.paths.image_table, IMAGES)
    split = read_table(sample.paths.split_table, SPLIT)[["id", "group", "split"]]
    table = sample.truth.merge(images.drop(columns="label"), on="path", validate="1:1")
    return table.merge(split, on="id", how="left").set_index("path")


def test_of_the_sample_every_planted_fault_is_found_and_nothing_else_is_lost(found: pd.DataFrame) -> None:
    truth = found["planted"]
    assert set(found.index[found["status"] == "unreadable"]) == set(found.index[truth == "unreadable"])
    assert set(found.index[found["status"] == "not_a_picture"]) == set(found.index[truth == "wrong_type"])
    conflicts = found[truth == "conflict"]
    assert set(found.index[found["status"] == "conflict"]) == {*conflicts.index, *conflicts["original"]}
    lost = found[found["status"] == "duplicate"]
    copies = found[truth == "exact_duplicate"]
    assert len(lost) == len(copies) == 10
    for path, original in copies["original"].items():
        assert {found.at[path, "status"], found.at[original, "status"]} == {"kept", "duplicate"}
    assert (found["status"] == "kept").sum() == 932 == 960 - 6 - 6 - 10 - 2 * 3


def test_of_the_sample_the_near_duplicates_are_grouped_and_else_only_what_one_camera_saw(found: pd.DataFrame) -> None:
    near = found[found["planted"].isin(["near_duplicate", "near_conflict"])]
    assert len(near) == 19
    kept = found[found["status"] == "kept"]
    assert kept.loc[near.index, "group"].tolist() == kept.loc[near["original"], "group"].tolist()
    together = kept[~kept["planted"].isin(["near_duplicate", "near_conflict", "no_bear"])]
    assert (together.groupby("group")[["site", "sequence"]].nunique() == 1).all(axis=None)
    assert (together["group"].value_counts() > 1).mean() < 0.05


def test_of_the_sample_the_clean_pictures_are_what_the_table_says(sample: Sample) -> None:
    table = read_table(sample.paths.image_table, IMAGES)
    check_folder(sample.paths, table)
    kept = table[table["status"] == "kept"]
    located = 0
    for row in kept.itertuples():
        with Image.open(sample.paths.clean / str(row.clean_path)) as picture:
            assert max(picture.size) <= sample.config.clean.max_side
            assert (picture.mode, "exif" in picture.info, "comment" in picture.info) == ("RGB", False, False)
            assert abs(picture.width / picture.height / float(str(row.aspect_ratio)) - 1) < 0.02
        with Image.open(sample.paths.raw / str(row.path)) as raw:
            located += bool(raw.getexif().get_ifd(0x8825))
    assert located  # or nothing was shown


def colour_histogram(file: Path) -> NDArray[np.float64]:
    image = Image.open(io.BytesIO(file.read_bytes()))
    image.thumbnail((96, 96))
    bands = [np.asarray(image.convert(mode)).reshape(-1, 3) for mode in ("RGB", "HSV")]
    counts = [np.histogram(band[:, c], bins=12, range=(0, 256))[0] for band in bands for c in range(3)]
    return np.concatenate(counts) / (image.width * image.height)


def test_of_the_sample_colour_alone_does_not_tell_the_bears_apart(sample: Sample, found: pd.DataFrame) -> None:
    used = found[(found["status"] == "kept") & found["split"].isin(["train", "test"])]
    features = np.array([colour_histogram(sample.paths.clean / path) for path in used["clean_path"]])
    train = (used["split"] == "train").to_numpy()
    for depth in (None, 4, 6):
        tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(features[train], used["label"][train])
        assert 0.3 < tree.score(features[~train], used["label"][~train]) < 0.85


def deep(seed: int, brightest: int) -> bytes:
    """A grey PNG with 16 bits of which a camera fills so many levels."""
    pixels = np.random.default_rng(seed).integers(0, brightest, (48, 64), dtype=np.uint16)
    pixels[0, 0] = brightest
    return encoded(Image.fromarray(pixels), "PNG")


def test_pictures_of_more_than_8_bits_are_scaled_alike_and_have_ids_of_their_own(own_data: OwnData) -> None:
    """A camera of 12 bits: a dark picture stays darker than a bright one, whichever comes first."""
    files: dict[str, Image.Image | bytes] = {
        "a/bright.png": deep(1, 4095),
        "a/dark.png": deep(2, 500),
        "b/dark.png": deep(3, 500),
        "b/plain.png": noise(4),
    }
    _, alone = cleaned(own_data, {name: files[name] for name in ("a/dark.png", "b/plain.png")})
    _, table = cleaned(own_data, files)
    assert set(table["status"]) == {"kept"} and table["id"].nunique() == 4
    assert dict(table["depth"]) == {"a/bright.png": 12, "a/dark.png": 12, "b/dark.png": 12, "b/plain.png": 8}
    dark, bright = table.loc["a/dark.png", "brightness"], table.loc["a/bright.png", "brightness"]
    assert float(str(dark)) < 0.1 < 0.4 < float(str(bright))
    assert int(str(alone.at["a/dark.png", "depth"])) == 10
    assert str(alone.at["a/dark.png", "id"]) == str(table.at["a/dark.png", "id"])


def test_damage_and_what_was_left_aside_stand_in_the_table(own_data: OwnData) -> None:
    whole = encoded(noise(1, 400, 300), "JPEG")
    pages = encoded(noise(2), "TIFF", save_all=True, append_images=[noise(3)])
    files: dict[str, Image.Image | bytes] = {
        "a/cut.jpg": whole[: len(whole) // 2] + b"\xff\xd9",
        "a/end.jpg": whole[:-2],
        "b/pages.tif": pages,
    }
    _, table = cleaned(own_data, files)
    assert dict(table["status"]) == {"a/cut.jpg": "damaged", "a/end.jpg": "kept", "b/pages.tif": "kept"}
    assert "lost" in str(table.at["a/cut.jpg", "reason"])
    assert table.at["b/pages.tif", "note"] == "the first of 2 pages or frames"


def test_a_process_that_the_system_ends_costs_its_picture(own_data: OwnData, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(function: Any, items: Any, description: str, lost: Any) -> list[Any]:
        return [lost(item) if item.file.as_posix().endswith("a/1.png") else function(item) for item in items]

    monkeypatch.setattr("fieldguide.data.cleaning.map_pictures", ended)
    _, table = cleaned(own_data, {"a/1.png": noise(1), "b/1.png": noise(2)})
    assert dict(table["status"]) == {"a/1.png": "too_large", "b/1.png": "kept"}


class Decodings:
    """Counts how often a picture is decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real = read_picture

        def counted(*arguments: Any) -> Any:
            self.count += 1
            return real(*arguments)

        monkeypatch.setattr("fieldguide.data.cleaning_file.read_picture", counted)

    def of(self, cfg: Config, paths: Paths) -> int:
        """How many a run of the stage takes."""
        before = self.count
        clean.run(cfg, paths)
        return self.count - before


def everything(paths: Paths) -> dict[str, str]:
    files = [paths.image_table, *(path for path in paths.clean.rglob("*") if path.is_file())]
    return {path.relative_to(paths.root).as_posix(): sha256_of_file(path) for path in files}


VARIED: dict[str, Image.Image | bytes] = {
    **{f"a/{number}.png": noise(700 + number) for number in range(6)},
    **{f"b/{number}.jpg": photo(800 + number) for number in range(3)},
    "a/again.png": noise(700),
    "b/both.png": noise(701),
    "a/small.png": noise(720, 20, 30),
    "b/deep.png": encoded(Image.new("I;16", (64, 48), 900), "PNG"),
    "b/deeper.png": encoded(Image.new("I;16", (64, 48), 40000), "PNG"),
    "a/page.jpg": b"<!doctype html>",
    "b/damaged.jpg": photo(900)[:-400],
}
DECISIONS = [  # the picture, and what is decided about it
    (noise(702), "drop,"),
    (noise(703), "relabel,b"),
    (noise(701), "relabel,b"),
    (noise(720, 20, 30), "keep,"),
    (noise(700), "relabel,b"),
    (noise(703), "undo,"),
    (noise(720, 20, 30), "undo,"),
]


def test_a_decision_decodes_nothing_and_gives_the_same_bytes_as_from_scratch(
    own_data: OwnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg, paths = own_data("{}")
    for place, content in VARIED.items():
        put(paths.sources / "own" / place, content)
    download.run(cfg, paths)
    decodings = Decodings(monkeypatch)
    assert decodings.of(cfg, paths) == len(VARIED) - 2 + 1, "two are copies; one of 16 bits at the other's depth too"
    text = "id,decision,label,reviewer,date,note\n"
    for picture, decision in DECISIONS:
        text += f"{id_of(picture)},{decision},Ann,2026-01-31,\n"
        write_text(paths.reviews, text)
        assert decodings.of(cfg, paths) == 0
        kept = everything(paths)
        shutil.rmtree(paths.cleaned)
        assert decodings.of(cfg, paths) > 0
        assert everything(paths) == kept


def test_only_new_files_are_decoded_also_after_a_kill(own_data: OwnData, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg, paths = own_data("{}")
    for number in range(8):
        put(paths.sources / "own" / "ab"[number % 2] / f"{number}.png", noise(number))
    download.run(cfg, paths)
    decodings = Decodings(monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr("fieldguide.data.cleaning.mark_exact_duplicates", lambda table: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            clean.run(cfg, paths)
    assert decodings.of(cfg, paths) == 0, "what was done before the end is kept"
    put(paths.sources / "own" / "a" / "new.png", noise(100))
    put(paths.sources / "own" / "a" / "moved.png", (paths.sources / "own" / "a" / "0.png").read_bytes())
    (paths.sources / "own" / "a" / "0.png").unlink()
    download.run(cfg, paths)
    assert decodings.of(cfg, paths) == 1


def test_damaged_entries_are_made_again_and_settings_have_their_own(
    own_data: OwnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg, paths = own_data("{}")
    for number in range(4):
        put(paths.sources / "own" / "ab"[number % 2] / f"{number}.png", noise(number))
    download.run(cfg, paths)
    decodings = Decodings(monkeypatch)
    clean.run(cfg, paths)
    kept = everything(paths)
    entries = sorted(path for path in paths.cleaned.rglob("*") if path.is_file())
    entries[0].write_bytes(entries[0].read_bytes()[:-20])
    entries[1].write_bytes(b"")
    entries[2].write_bytes(entries[2].read_bytes().replace(b'"width": 64', b'"width": 65'))
    assert decodings.of(cfg, paths) == 3
    assert everything(paths) == kept
    for side in (128, 140, 150, 160):
        assert decodings.of(compose(paths, [f"clean.max_side={side}"]), paths) == 4
        assert decodings.of(compose(paths, [f"clean.max_side={side}", "clean.min_side=50"]), paths) == 0
    assert len(list(paths.cleaned.iterdir())) == 3, "the oldest settings go"
    assert decodings.of(cfg, paths) == 4
    assert everything(paths) == kept


def test_another_version_of_a_decoder_makes_everything_anew(own_data: OwnData, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg, paths = own_data("{}")
    for number in range(4):
        put(paths.sources / "own" / "ab"[number % 2] / f"{number}.png", noise(number))
    download.run(cfg, paths)
    decodings = Decodings(monkeypatch)
    assert [decodings.of(cfg, paths), decodings.of(cfg, paths)] == [4, 0]
    with monkeypatch.context() as patched:
        patched.setattr(cleaning_cache, "_version", lambda name: f"{name} of tomorrow")
        cleaning_cache._code.cache_clear()
        assert [decodings.of(cfg, paths), decodings.of(cfg, paths)] == [4, 0]
    cleaning_cache._code.cache_clear()
    assert decodings.of(cfg, paths) == 0, "what the older one made is kept"
