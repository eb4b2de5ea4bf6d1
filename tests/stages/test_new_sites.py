"""What evaluate tells of sites that the classifier was not trained on, by one more training."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from fieldguide.base.paths import Paths
from fieldguide.data.table import IMAGES, SPLIT, read_table, write_table
from fieldguide.evaluation.field_section import site_lines
from fieldguide.evaluation.new_sites import NOT_MEASURED, new_site_figures
from results import as_images
from stages.training import composed, linked

pytestmark = pytest.mark.slow  # it trains


def with_sites(source: Paths, root: Path, sites: int) -> Paths:
    """The same pictures, each label at every site."""
    paths = linked(source, root)
    table = read_table(paths.split_table, SPLIT)
    table["site"] = [f"site {number // 3 % sites}" for number in range(len(table))]
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in table["id"]]
    for file in (paths.split_table, paths.image_table):
        file.unlink()
    write_table(table, paths.split_table, SPLIT)
    images = as_images(table).assign(perceptual_hash=hashes, site=table["site"])
    write_table(pd.DataFrame(images), paths.image_table, IMAGES)
    return paths


def test_one_more_training_tells_the_accuracy_at_new_sites(source: Paths, tmp_path: Path) -> None:
    cfg = composed("train.epochs=1", "split.min_per_label=1")
    paths = with_sites(source, tmp_path / "made", 5)
    found = new_site_figures(cfg, paths)
    low, share, high = (float(found[f"new_sites_accuracy{end}"]) for end in ("_low", "", "_high"))
    assert low <= share <= high
    assert found["new_sites_pictures"] == 9 * int(found["new_sites"]) > 0
    assert not paths.checkpoint.exists()
    assert found == new_site_figures(cfg, paths)
    assert "At sites that it was not trained on: " in next(site_lines(found))


def test_sites_that_cannot_be_divided_are_told_and_nothing_is_trained(
    source: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("fieldguide.training.train_classifier.train_classifier")
    found = new_site_figures(composed(), with_sites(source, tmp_path / "made", 2))
    assert found == {NOT_MEASURED: "no division of 2 sites has every label on every side"}
    assert next(site_lines(found)).endswith("was not measured: no division of 2 sites has every label on every side.")
    few = new_site_figures(
        composed("train.batch_size=40", "split.min_per_label=1"), with_sites(source, tmp_path / "few", 5)
    )
    assert "do not fill a batch of 40" in str(few[NOT_MEASURED])
