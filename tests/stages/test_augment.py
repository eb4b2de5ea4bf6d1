"""What the augmentations do to batches, and the sheet that shows it."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter
from torch.nn.functional import conv2d

from conftest import OwnData, noise, put
from fieldguide.base.config import AugmentConfig, Config
from fieldguide.base.errors import UserError
from fieldguide.base.option_files import options_of
from fieldguide.base.paths import Paths
from fieldguide.cli import main
from fieldguide.configuration.compose import compose
from fieldguide.data.resizing.squish import Squish
from fieldguide.stages import clean, download, split

pytestmark = pytest.mark.slow  # importing fastai alone takes seconds

ROOT = Path(__file__).parents[2]
CAMERA: list[dict[str, Any]] = [
    {"name": "upside_down"},
    {"name": "blur", "share": 0.03},
    {"name": "motion_blur", "share": 0.03},
    {"name": "noise", "strength": 0.1},
    {"name": "grayscale"},
    {"name": "erase", "share": 0.3},
]
NAMES = [entry["name"] for entry in CAMERA]


def applied(pictures: torch.Tensor, *entries: dict[str, Any], seed: int = 0, split_idx: int = 0) -> torch.Tensor:
    """The batch after the named transforms, as a training (0) or validation (1) batch."""
    from fastai.torch_core import TensorImage
    from fasttransform import Pipeline

    from fieldguide.training.batch_transforms import batch_transforms

    chosen = TypeAdapter(AugmentConfig).validate_python({"transforms": list(entries)})
    torch.manual_seed(seed)
    pipeline = Pipeline(batch_transforms(chosen.transforms), split_idx=split_idx)
    result: torch.Tensor = pipeline(TensorImage(pictures.clone())).as_subclass(torch.Tensor)
    return result


def entry(name: str, p: float) -> dict[str, Any]:
    return {**next(known for known in CAMERA if known["name"] == name), "p": p}


@pytest.fixture
def pictures() -> torch.Tensor:
    """32 coarse coloured pictures (32, 3, 48, 48) in [0, 1]."""
    squares = [np.asarray(noise(number, 48, 48)) for number in range(32)]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255


def detail(pictures: torch.Tensor, down: int, right: int) -> float:
    """How much neighbouring pixels differ in one direction."""
    return float((pictures - pictures.roll((down, right), dims=(2, 3)))[:, :, 1:, 1:].abs().mean())


def test_upside_down_is_a_turn_by_half(pictures: torch.Tensor) -> None:
    turned = applied(pictures, entry("upside_down", 1.0))
    assert (turned - pictures.flip(2, 3)).abs().max() < 1e-3
    assert (applied(pictures, entry("upside_down", 0.0)) - pictures).abs().max() < 1e-3


def test_grayscale_leaves_no_colour_and_keeps_the_light(pictures: torch.Tensor) -> None:
    grey = applied(pictures, entry("grayscale", 1.0))
    assert torch.equal(grey[:, 0], grey[:, 1]) and torch.equal(grey[:, 0], grey[:, 2])
    weights = torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]
    assert torch.allclose(grey[:, :1], conv2d(pictures, weights), atol=1e-5)


def test_noise_is_as_strong_as_it_says_and_stays_in_range() -> None:
    grey = torch.full((64, 3, 32, 32), 0.5)
    noisy = applied(grey, {"name": "noise", "strength": 0.1, "p": 1.0})
    strengths = (noisy - grey).std(dim=(1, 2, 3))
    assert 0.08 < strengths.max() < 0.105
    assert strengths.min() < 0.03
    bright = applied(torch.ones(4, 3, 8, 8), {"name": "noise", "strength": 0.5, "p": 1.0})
    assert 0 <= bright.min() < 1 and bright.max() == 1


def test_blur_takes_detail_in_all_directions_and_motion_in_one() -> None:
    grain = torch.rand(32, 3, 48, 48)
    even = applied(grain, entry("blur", 1.0))
    assert detail(even, 0, 1) < 0.7 * detail(grain, 0, 1)
    assert detail(even, 1, 0) < 0.7 * detail(grain, 1, 0)
    flat = torch.full((4, 3, 20, 20), 0.3)
    assert torch.allclose(applied(flat, entry("blur", 1.0)), flat, atol=1e-5)

    spot = torch.zeros(16, 3, 41, 41)
    spot[:, :, 20, 20] = 1
    smeared = applied(spot, {"name": "motion_blur", "share": 0.1, "p": 1.0})[:, 0]
    rows, columns = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(41.0) - 20, indexing="ij")
    widths = []
    for picture in smeared:
        moments = [(picture * a * b).sum() for a, b in ((rows, rows), (rows, columns), (columns, columns))]
        widths.append(torch.linalg.eigvalsh(torch.stack([moments[0], moments[1], moments[1], moments[2]]).view(2, 2)))
    across, along = torch.stack(widths).sqrt().T
    assert across.max() < 0.5
    assert 2 < along.max() < 4.2


def test_erase_hides_another_rectangle_in_every_picture() -> None:
    flat = torch.full((64, 3, 40, 40), 9.0)  # noise does not reach this
    hidden = (applied(flat, {"name": "erase", "share": 0.3, "p": 1.0}) != 9).all(dim=1)
    areas = hidden.float().mean(dim=(1, 2))
    assert 0.25 < areas.max() < 0.35 and areas.mean() < 0.2
    for mask in hidden:
        rows, columns = mask.any(dim=1), mask.any(dim=0)
        assert torch.equal(mask, rows[:, None] & columns[None, :])
    assert len({mask.numpy().tobytes() for mask in hidden}) > 50


@pytest.mark.parametrize("name", NAMES)
def test_each_picture_has_its_own_luck_and_validation_none(pictures: torch.Tensor, name: str) -> None:
    changed = (applied(pictures, entry(name, 0.5)) - pictures).abs().amax(dim=(1, 2, 3)) > 1e-3
    assert 6 < int(changed.sum()) < 26
    assert torch.allclose(applied(pictures, entry(name, 1.0), split_idx=1), pictures, atol=1e-3)


def test_the_generator_of_torch_alone_decides(pictures: torch.Tensor) -> None:
    entries = [entry(name, 0.5) for name in NAMES]
    before = random.getstate(), repr(np.random.get_state())
    first = applied(pictures, *entries)
    assert (random.getstate(), repr(np.random.get_state())) == before
    assert torch.equal(first, applied(pictures, *entries))
    assert not torch.equal(first, applied(pictures, *entries, seed=1))


def test_the_camera_works_in_the_order_of_the_list(pictures: torch.Tensor) -> None:
    """Grey noise comes of noise before grey, coloured noise of noise after it."""
    noisy, grey = entry("noise", 1.0), entry("grayscale", 1.0)
    sensor, print_ = applied(pictures, noisy, grey), applied(pictures, grey, noisy)
    assert torch.equal(sensor[:, 0], sensor[:, 1])
    assert not torch.equal(print_[:, 0], print_[:, 1])


def pictures_of(own_data: OwnData, *overrides: str) -> tuple[Config, Paths]:
    """24 small pictures of two labels, cleaned and split."""
    cfg, paths = own_data("{}", "augment=none", "train.size=32", "train.batch_size=8", *overrides)
    for number in range(24):
        put(paths.sources / "own" / ("day", "night")[number % 2] / f"{number}.png", noise(number))
    for stage in (download, clean, split):
        stage.run(cfg, paths)
    return cfg, paths


def test_every_entry_of_a_list_is_applied(own_data: OwnData) -> None:
    """fastai's DataBlock keeps only the last transform of each class: two entries of a kind must not be of one."""
    from fieldguide.experiments.training_views import training_views

    cfg, paths = pictures_of(own_data)
    white = {"name": "noise", "strength": 0.5, "p": 1.0}

    def changed_by(*entries: dict[str, Any]) -> float:
        augment = TypeAdapter(AugmentConfig).validate_python({"transforms": list(entries)})
        views = training_views(replace(cfg, augment=augment), paths, count=4, versions=1)
        return float(np.mean([np.abs(view.augmented[0].astype(int) - view.plain).mean() for view in views]))

    assert changed_by(white, {**white, "p": 0.0}) > 10
    assert changed_by(entry("motion_blur", 1.0), entry("blur", 0.0)) > 1


def test_views_are_those_of_the_loaders(own_data: OwnData) -> None:
    from fieldguide.experiments.training_views import training_views

    cfg, paths = pictures_of(own_data)
    views = training_views(cfg, paths, count=5, versions=3)
    assert [view.label for view in views] == ["day"] * 3 + ["night"] * 2
    squares = {
        np.asarray(Squish("squish").square(Image.open(file), 32)).tobytes(): file.parent.name
        for file in paths.clean.rglob("*.jpg")
    }
    for view in views:
        assert squares[view.plain.tobytes()] == view.label
        assert len(view.augmented) == 3
        assert all(np.array_equal(square, view.plain) for square in view.augmented)  # augment=none


def test_show_batch_draws_the_same_bytes_again(own_data: OwnData, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    _, paths = pictures_of(own_data)
    monkeypatch.chdir(paths.root)
    overrides = ["augment=trail_camera", "train.size=32"]
    main(["show-batch", *overrides, "--pictures", "4"])
    assert capsys.readouterr().out == "reports/show_batch/augment=trail_camera_train.size=32.png\n"
    main(["show-batch", *overrides, "--pictures", "4", "--out", "again.png"])
    assert capsys.readouterr().out == "again.png\n"
    first, again = paths.report("show_batch") / "augment=trail_camera_train.size=32.png", paths.root / "again.png"
    assert first.read_bytes() == again.read_bytes()
    main(["show-batch", "augment=none", "train.size=32", "--pictures", "4", "--out", "other.png"])
    assert (paths.root / "other.png").read_bytes() != again.read_bytes()
    with Image.open(first) as sheet:
        assert sheet.width > 6 * 128


def test_show_batch_says_what_has_to_run_first(checkout: Paths) -> None:
    from fieldguide.experiments.training_views import training_views

    with pytest.raises(UserError, match=r"split\.parquet is missing: run `dvc repro split`"):
        training_views(compose(checkout), checkout, 4, 2)


@pytest.mark.parametrize("option", options_of(Paths(ROOT), "augment"))
def test_every_entry_of_a_preset_has_its_reason(option: str) -> None:
    lines = (ROOT / "conf" / "augment" / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line.strip().startswith("- ")]
    assert lines[0].startswith("# ")
    assert len(entries) == len(compose(Paths(ROOT), [f"augment={option}"]).augment.transforms)
    assert all("} " in line and len(line.partition("} ")[2].strip(" #")) > 8 for line in entries)
