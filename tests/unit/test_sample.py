"""The built-in sample: what is planned, what is drawn, and that drawing can be repeated anywhere."""

import hashlib
import io
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from sklearn.tree import DecisionTreeClassifier

from fieldguide.sample import (
    KINDS,
    PLANTED,
    SHIFTS,
    SamplePicture,
    draw,
    draw_bear,
    draw_frame,
    draw_shifted,
    low_resolution,
    plan_sample,
    plan_sites,
    truth_table,
    upside_down,
)
from fieldguide.sample.encode import broken, encode
from fieldguide.sample.plan import COPIES


def drawn_hash(picture: SamplePicture) -> str:
    return hashlib.sha256(draw(picture)).hexdigest()


def upright(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def planted(plan: list[SamplePicture], name: str) -> list[SamplePicture]:
    return [picture for picture in plan if picture.planted == name]


@pytest.fixture(scope="module")
def small() -> list[SamplePicture]:
    return plan_sample(30, seed=1)


@pytest.fixture(scope="module")
def full() -> list[SamplePicture]:
    return plan_sample(860, seed=1)


def by_path(plan: list[SamplePicture]) -> dict[str, SamplePicture]:
    return {picture.path: picture for picture in plan}


def test_the_same_arguments_give_the_same_plan() -> None:
    assert plan_sample(60, seed=3) == plan_sample(60, seed=3)


@pytest.mark.slow
def test_another_seed_gives_another_sample() -> None:
    one, other = plan_sample(30, seed=1), plan_sample(30, seed=2)
    assert not {picture.seed for picture in one} & {picture.seed for picture in other}
    assert drawn_hash(one[0]) != drawn_hash(other[0])


@pytest.mark.slow
def test_a_picture_is_the_same_in_another_process_and_order(small: list[SamplePicture]) -> None:
    kinds = ("", "hand_drawn", "night", "near_duplicate", "exact_duplicate", "unreadable", "wrong_type", "no_bear")
    some = [planted(small, kind)[0] for kind in kinds]
    here = [drawn_hash(picture) for picture in some]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = list(pool.map(drawn_hash, reversed(some)))
    assert here == there[::-1]


def test_planted_kinds_come_in_the_promised_numbers(full: list[SamplePicture]) -> None:
    mistakes = {"unreadable": 6, "wrong_type": 6, "wrong_label": 14}
    copies = {"exact_duplicate": 10, "conflict": 3, "near_duplicate": 16, "near_conflict": 3}
    shifts = ("hand_drawn", "black_and_white", "night", "upside_down", "low_resolution", "no_bear")
    counts = Counter(picture.planted for picture in full)
    assert counts == {"": 860, **mistakes, **copies, **dict.fromkeys(shifts, 7)}


def test_a_small_sample_holds_every_planted_kind(small: list[SamplePicture]) -> None:
    counts = Counter(picture.planted for picture in small)
    assert counts[""] == 30
    assert set(counts) == {"", *PLANTED}


@pytest.mark.parametrize("seed", range(20))
def test_the_smallest_sample_is_complete(seed: int) -> None:
    plan = plan_sample(12, seed)
    assert {picture.planted for picture in plan} == {"", *PLANTED}
    with pytest.raises(ValueError, match="at least 12"):
        plan_sample(11, seed)


def test_labels_are_balanced(full: list[SamplePicture]) -> None:
    ordinary = Counter(picture.label for picture in planted(full, ""))
    everything = Counter(picture.label for picture in full)
    assert set(ordinary) == set(KINDS)
    assert max(ordinary.values()) - min(ordinary.values()) <= 1
    assert max(everything.values()) - min(everything.values()) <= 10


def test_paths_are_unique_also_where_case_is_ignored(full: list[SamplePicture]) -> None:
    assert len({picture.path.casefold() for picture in full}) == len(full)


def test_paths_lie_in_the_folder_of_their_label(full: list[SamplePicture]) -> None:
    assert all(picture.path.startswith(f"{picture.label}/") for picture in full)


def test_names_do_not_tell_what_is_planted(full: list[SamplePicture]) -> None:
    """Planted files have the plainest name, as nearly all ordinary ones have, and lie anywhere among them."""
    in_name = [picture for picture in full if picture.planted and picture.planted in picture.path]
    assert not in_name
    for label in KINDS:
        own = [picture for picture in full if picture.label == label]
        numbers = [int("".join(filter(str.isdigit, picture.path))) for picture in own if picture.planted]
        assert sorted(int("".join(filter(str.isdigit, picture.path))) for picture in own) == list(
            range(1, len(own) + 1)
        )
        assert 0.35 < np.mean(numbers) / len(own) < 0.65
        assert min(numbers) < 0.2 * len(own) < 0.8 * len(own) < max(numbers)


def test_the_truth_about_labels(full: list[SamplePicture]) -> None:
    misfiled = {"wrong_label", "conflict", "near_conflict"}
    for picture in full:
        if picture.planted in {"wrong_type", "no_bear"}:
            assert picture.true_label == ""
        elif picture.true_label:
            assert (picture.true_label != picture.label) == (picture.planted in misfiled)


def test_copies_have_an_ordinary_original_of_their_own(full: list[SamplePicture]) -> None:
    files = by_path(full)
    copies = [picture for picture in full if picture.original]
    assert {picture.planted for picture in copies} == {"exact_duplicate", "conflict", "near_duplicate", "near_conflict"}
    assert len({picture.original for picture in copies}) == len(copies)
    for copy in copies:
        original = files[copy.original]
        assert original.planted == ""
        assert (original.orientation, original.located, original.path[-4:]) == (1, False, ".jpg")
        assert original.true_label == copy.true_label
        assert original.capture == copy.capture
        assert (original.label == copy.label) == (copy.planted in {"exact_duplicate", "near_duplicate"})


def test_the_truth_table_has_one_row_for_every_file(small: list[SamplePicture]) -> None:
    table = truth_table(small)
    assert list(table.columns) == ["path", "label", "true_label", "planted", "original"]
    assert list(table["path"]) == [picture.path for picture in small]
    assert not table.isna().any().any()


def bursts(plan: list[SamplePicture]) -> dict[tuple[str, str], list[SamplePicture]]:
    """The ordinary pictures by site and sequence, in the order of their frames."""
    found: dict[tuple[str, str], list[SamplePicture]] = {}
    for picture in sorted(planted(plan, ""), key=lambda picture: picture.capture.frame):
        found.setdefault((picture.capture.site.name, picture.capture.sequence), []).append(picture)
    return found


def test_every_site_has_a_camera_of_its_own_that_animals_pass(full: list[SamplePicture]) -> None:
    sites = {site.name: site for site in plan_sites(1)}
    assert len(sites) == len({(site.seed, site.camera) for site in sites.values()}) == 40
    assert {picture.capture.site.name for picture in planted(full, "")} == set(sites)
    assert all(picture.capture.site == sites[picture.capture.site.name] for picture in full)
    assert not {site.seed for site in plan_sites(2)} & {site.seed for site in sites.values()}


def test_every_label_is_at_many_sites_and_no_site_has_the_mix_of_all(full: list[SamplePicture]) -> None:
    labels = pd.Series([picture.label for picture in full])
    table = pd.crosstab(pd.Series([picture.capture.site.name for picture in full]), labels)
    assert ((table > 0).sum() >= 30).all()
    assert 0.45 < (table.max(axis=1) / table.sum(axis=1)).mean() < 0.8


def test_a_burst_is_one_animal_before_one_background_within_a_minute(full: list[SamplePicture]) -> None:
    found = bursts(full)
    assert Counter(map(len, found.values())).keys() == {1, 2, 3, 4, 5, 6}
    for frames in found.values():
        captures = [picture.capture for picture in frames]
        assert len({(picture.label, picture.capture.animal) for picture in frames}) == 1
        assert [capture.frame for capture in captures] == list(range(len(captures)))
        assert all(0 < (b.time - a.time).total_seconds() < 12 for a, b in pairwise(captures))
        assert len({capture.by_night for capture in captures}) == 1
    long = next(frames for frames in found.values() if len(frames) == 6)
    pixels = [draw_frame(picture.capture, picture.label, picture.seed).astype(float) for picture in long]
    sky = [one[: len(one) // 8].mean(axis=(0, 1)) for one in pixels]
    assert np.abs(np.diff(sky, axis=0)).max() < 40
    assert all(np.abs(b - a).mean() > 2 for a, b in pairwise(pixels))


def test_at_night_only_infrared_cameras_take_pictures_and_they_are_nearly_grey(full: list[SamplePicture]) -> None:
    nights = [picture for picture in full if picture.capture.by_night]
    assert 0.05 < len(nights) / len(full) < 0.2
    assert all(picture.capture.site.camera.infrared for picture in nights)
    assert not [picture for picture in nights if picture.planted and picture.planted not in COPIES]
    for picture in nights[::40]:
        seen = draw_frame(picture.capture, picture.label, picture.seed).astype(float)
        assert np.ptp(seen, axis=2).mean() < 0.25 * seen.mean()
        assert seen.mean() > 35


def test_unreadable_files_cannot_be_decoded(full: list[SamplePicture]) -> None:
    unreadable = planted(full, "unreadable")
    assert {picture.variant for picture in unreadable} == {"truncated", "garbage", "empty"}
    for picture in unreadable:
        with pytest.raises((OSError, SyntaxError)):
            Image.open(io.BytesIO(draw(picture))).load()


@pytest.mark.parametrize("how", ["truncated", "garbage"])
def test_breaking_a_file_always_makes_it_unreadable(how: str) -> None:
    jpeg = encode(draw_bear(np.random.default_rng(0), "teddy"))
    Image.open(io.BytesIO(jpeg)).load()
    for seed in range(40):
        with pytest.raises((OSError, SyntaxError)):
            Image.open(io.BytesIO(broken(jpeg, how, np.random.default_rng(seed)))).load()


def test_wrong_types_are_no_pictures_under_a_picture_name(full: list[SamplePicture]) -> None:
    wrong = planted(full, "wrong_type")
    assert {picture.variant for picture in wrong} == {"text", "html", "pdf", "zip"}
    for picture in wrong:
        assert picture.path.endswith(".jpg")
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(draw(picture)))


@pytest.mark.parametrize("name", ["exact_duplicate", "conflict"])
def test_exact_copies_have_the_pixels_of_their_originals(full: list[SamplePicture], name: str) -> None:
    files = by_path(full)
    some = list({picture.variant: picture for picture in planted(full, name)}.values())
    for copy in some:
        data, original = draw(copy), draw(files[copy.original])
        assert np.array_equal(upright(data), upright(original))
        assert (data == original) == (copy.variant == "same_bytes")


@pytest.mark.parametrize("name", ["near_duplicate", "near_conflict"])
def test_near_copies_look_like_their_originals_but_are_not(full: list[SamplePicture], name: str) -> None:
    files = by_path(full)
    some = list({picture.variant: picture for picture in planted(full, name)}.values())
    assert len(some) >= 3
    for copy in some:
        pixels, original = upright(draw(copy)), upright(draw(files[copy.original]))
        assert not np.array_equal(pixels, original)
        thumbs = [np.asarray(Image.fromarray(p).resize((16, 16)), dtype=float) for p in (pixels, original)]
        assert np.abs(thumbs[0] - thumbs[1]).mean() < 16


def test_turned_pictures_come_upright(full: list[SamplePicture]) -> None:
    turned = {picture.orientation: picture for picture in full if picture.orientation != 1}
    assert set(turned) == {3, 6, 8}
    for orientation, picture in turned.items():
        data = draw(picture)
        straight = draw_frame(picture.capture, picture.true_label, picture.seed)
        stored = np.asarray(Image.open(io.BytesIO(data)))
        assert Image.open(io.BytesIO(data)).getexif()[0x0112] == orientation
        assert upright(data).shape == straight.shape
        assert np.abs(upright(data).astype(float) - straight).mean() < 8
        assert stored.shape != straight.shape or np.abs(stored.astype(float) - straight).mean() > 8


def test_cameras_leave_positions_types_and_names_behind(full: list[SamplePicture]) -> None:
    located = next(picture for picture in full if picture.located)
    assert Image.open(io.BytesIO(draw(located))).getexif().get_ifd(0x8825)[1] == "N"
    for suffix, kind in ((".png", "PNG"), (".webp", "WEBP")):
        picture = next(picture for picture in full if picture.path.endswith(suffix))
        image = Image.open(io.BytesIO(draw(picture)))
        assert (image.format, image.mode) == (kind, "RGB")
    assert any(not picture.path.isascii() for picture in full)
    assert any(" " in picture.path for picture in full)


def test_out_of_domain_pictures_are_what_they_are_called(small: list[SamplePicture]) -> None:
    drawn = {shift: upright(draw(planted(small, shift)[0])).astype(float) for shift in SHIFTS}
    assert np.ptp(drawn["black_and_white"], axis=2).max() <= 1
    assert drawn["night"].mean() < 40
    assert np.median(drawn["hand_drawn"]) > 180


def test_low_resolution_leaves_no_detail() -> None:
    def detail(pixels: NDArray[np.uint8]) -> float:
        image = Image.fromarray(pixels)
        smooth = image.reduce(max(image.size) // 45).resize(image.size, Image.Resampling.BICUBIC)
        return float(np.abs(np.asarray(smooth, dtype=float) - pixels).mean())

    sharp = draw_bear(np.random.default_rng(4), "grizzly", place="forest")
    blurred = low_resolution(sharp, np.random.default_rng(0))
    assert blurred.shape == sharp.shape
    assert detail(blurred) < 0.25 * detail(sharp)


def test_upside_down_is_half_a_turn() -> None:
    pixels, rng = draw_bear(np.random.default_rng(4), "teddy"), np.random.default_rng(0)
    assert np.array_equal(upside_down(pixels, rng), np.rot90(pixels, 2))


def test_an_empty_place_is_drawn_whatever_the_label(small: list[SamplePicture]) -> None:
    drawn = [draw_shifted(small[0].capture, "no_bear", kind, seed=7) for kind in KINDS]
    assert np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2])


@pytest.mark.parametrize("kind", KINDS)
def test_choices_are_followed(kind: str) -> None:
    wide = draw_bear(np.random.default_rng(1), kind, shape="wide", place="snow", pose="sitting")
    dark = draw_bear(np.random.default_rng(1), kind, shape="wide", place="dusk", pose="sitting")
    assert wide.shape[1] > 1.9 * wide.shape[0]
    assert wide.dtype == np.uint8
    assert wide.mean() > dark.mean() + 30


@pytest.fixture(scope="module")
def ordinary() -> tuple[list[str], list[NDArray[np.uint8]]]:
    pictures = planted(plan_sample(120, seed=5), "")
    shuffled = [pictures[index] for index in np.random.default_rng(0).permutation(len(pictures))]
    return [picture.label for picture in shuffled], [upright(draw(picture)) for picture in shuffled]


@pytest.mark.slow
def test_pictures_have_the_promised_sizes(ordinary: tuple[list[str], list[NDArray[np.uint8]]]) -> None:
    sizes = [pixels.shape[:2] for pixels in ordinary[1]]
    assert all(240 <= max(size) <= 420 for size in sizes)
    wide_or_tall = [size for size in sizes if max(size) > 1.55 * min(size)]
    assert 0.2 < len(wide_or_tall) / len(sizes) < 0.5


def colour_histogram(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    image = Image.fromarray(pixels)
    image.thumbnail((96, 96))
    bands = [np.asarray(image.convert(mode)).reshape(-1, 3) for mode in ("RGB", "HSV")]
    counts = [np.histogram(band[:, c], bins=12, range=(0, 256))[0] for band in bands for c in range(3)]
    return np.concatenate(counts) / (image.width * image.height)


@pytest.mark.slow
def test_colour_alone_does_not_tell_the_bears_apart(ordinary: tuple[list[str], list[NDArray[np.uint8]]]) -> None:
    labels = np.array(ordinary[0])
    features = np.array([colour_histogram(pixels) for pixels in ordinary[1]])
    for depth in (None, 4, 6):
        tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(features[:84], labels[:84])
        accuracy = tree.score(features[84:], labels[84:])
        assert 0.34 < accuracy < 0.85
