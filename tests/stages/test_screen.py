"""The stage screen: a row for every picture, the same bytes again, and what it says of too few pictures."""

from pathlib import Path

import numpy as np
import pytest

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file, write_json
from fieldguide.base.paths import Paths
from fieldguide.data.status import Split
from fieldguide.data.table import SCREEN, SPLIT, read_table, write_table
from stages.training import composed, linked

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def one_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """How well the networks for label doubts learn is shown by their own tests."""
    monkeypatch.setattr("fieldguide.screening.out_of_fold.EPOCHS", 1)


@pytest.fixture(scope="module")
def trained(source: Paths, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    from fieldguide.stages import train

    paths = linked(source, tmp_path_factory.mktemp("screened"))
    write_json(paths.metrics("train"), train.run(composed("train.epochs=1"), paths))
    return paths


def test_every_picture_gets_a_row_and_the_results_are_the_same_every_time(
    trained: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fieldguide.stages import screen

    results = [trained.screen, trained.screen.with_suffix(".json"), trained.screen_table]
    results += [trained.report("screen") / f"out_of_domain.{kind}" for kind in ("csv", "png")]
    results.append(trained.report("screen") / "unknown_labels.csv")
    metrics = screen.run(composed(), trained)
    digests = [sha256_of_file(path) for path in results]
    screened, split = read_table(trained.screen_table, SCREEN), read_table(trained.split_table, SPLIT)
    assert sorted(screened["id"]) == sorted(split["id"])
    assert screened["p_value"].between(0, 1, inclusive="right").all()
    assert ((screened["reason"] != "") == screened["out_of_domain"]).all()
    assert metrics["test_pictures"] == (split["split"] == Split.TEST).sum()
    assert metrics["test_alarms"] == screened.loc[screened["split"] == Split.TEST, "out_of_domain"].sum()
    assert metrics["promise_has_enough_pictures"] is False
    low, high = (float(str(metrics[f"alarm_rate_promised_{side}"])) for side in ("low", "high"))
    assert low < 0.01 < 0.2 < high
    assert "9 calibration pictures are too few to promise 5.0 % false alarms" in capsys.readouterr().out

    assert screen.run(composed(), trained) == metrics
    assert [sha256_of_file(path) for path in results] == digests

    unsure = linked(trained, tmp_path)  # a classifier that says nothing, asked about what it has not learned
    unsure.classifier.with_suffix(".json").unlink()
    description = read_json(trained.classifier.with_suffix(".json"))
    write_json(unsure.classifier.with_suffix(".json"), {**description, "temperature": 1000.0})
    screen.run(composed("ood=energy", "ood.alarm_rate=0.3"), unsure)
    assert read_json(unsure.screen.with_suffix(".json"))["detector"] == "energy"
    again = read_table(unsure.screen_table, SCREEN)
    assert not np.array_equal(again["p_value"], screened["p_value"])
    learned = (screened["split"] == Split.TRAIN).to_numpy()
    same = again["label_quality"].to_numpy() == screened["label_quality"].to_numpy()
    assert same[learned].all()
    assert not same[~learned].any()
    assert again.loc[~learned, "label_quality"].between(1 / 6 - 0.01, 2 / 3 + 0.01).all()


def test_features_of_the_frozen_body_need_its_weights_beside_the_screen(trained: Paths, tmp_path: Path) -> None:
    from fieldguide.model.inference import load_classifier
    from fieldguide.screening.screen_files import load_screen
    from fieldguide.stages import screen

    screen.run(composed("ood.features=backbone"), trained)
    classifier = load_classifier(trained.classifier, trained.classifier.with_suffix(".json"))
    loaded, feature_network = load_screen(trained.screen, classifier, trained.classifier)
    assert feature_network is not classifier.network
    assert loaded.scorers.detector == "nearest_neighbours"
    moved = Paths(tmp_path)
    moved.classifier.parent.mkdir()
    for path in sorted(trained.classifier.parent.glob("classifier.*")):
        (moved.classifier.parent / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"backbone\.onnx, whose features the screen uses, is missing"):
        load_screen(trained.screen, classifier, moved.classifier)


def test_one_valid_picture_cannot_calibrate(trained: Paths, tmp_path: Path) -> None:
    from fieldguide.stages import screen

    paths = linked(trained, tmp_path)
    table = read_table(trained.split_table, SPLIT)
    valid = table.index[table["split"] == Split.VALID]
    table.loc[valid[1:], "split"] = Split.TRAIN
    paths.split_table.unlink()
    write_table(table, paths.split_table, SPLIT)
    with pytest.raises(
        UserError, match=r"1 valid pictures are too few to calibrate, 2 are needed: add pictures, or raise split\.valid"
    ):
        screen.run(composed(), paths)
