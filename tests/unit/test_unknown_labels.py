"""How well screening notices a label that was left out of it."""

import numpy as np
import pytest

from fieldguide.screening.detectors import Detector
from fieldguide.screening.detectors.energy import Energy
from fieldguide.screening.detectors.nearest_neighbours import NearestNeighbours
from fieldguide.screening.fitting import learn_screen
from fieldguide.screening.label_margin import fit_label_margin
from fieldguide.screening.measurements import NAMES
from fieldguide.screening.neighbours import fit_local_density
from fieldguide.screening.noticed_labels import COLUMNS, Noticed, describe_noticed
from fieldguide.screening.observations import Observations
from fieldguide.screening.unknown_labels import MAX_LABELS, Labelled, notice_labels

NEAREST = NearestNeighbours("nearest_neighbours", neighbours=5)


def side(labels: list[int], centres: np.ndarray, seed: int, first_group: int) -> Labelled:
    """Pictures around the centre of each one's label, every two of a group."""
    chance, at = np.random.default_rng(seed), np.array(labels, np.intp)
    features = (centres[at] + 0.15 * chance.standard_normal((len(at), centres.shape[1]))).astype(np.float32)
    logits = 5 * np.eye(len(centres), dtype=np.float32)[at] + chance.standard_normal((len(at), len(centres)))
    layout = chance.standard_normal((len(at), 4)).astype(np.float32)
    pictures = Observations(logits.astype(np.float32), features, layout, chance.standard_normal((len(at), len(NAMES))))
    return Labelled(pictures, at, first_group + np.arange(len(at)) // 2)


def noticed(
    counts: tuple[dict[int, int], ...],
    centres: np.ndarray,
    detector: Detector = NEAREST,
    frozen: bool = True,
) -> dict[int, Noticed]:
    """Of so many pictures a label in train, valid and test."""
    sides = [
        side([label for label, count in one.items() for _ in range(count)], centres, seed, 1000 * seed)
        for seed, one in enumerate(counts)
    ]
    train = sides[0]
    turned = Observations(
        train.pictures.logits, train.pictures.features, train.pictures.layout + 1, train.pictures.measurements
    )
    numbers = np.unique(train.groups, return_inverse=True)[1]
    learned = learn_screen(train.pictures, turned, train.labels, detector, numbers)
    return notice_labels(learned, *sides, frozen=frozen)


def corners(labels: int) -> np.ndarray:
    return np.eye(12)[:labels]


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [True, False])
def test_a_label_of_its_own_is_noticed_and_one_that_is_as_another_is_not(frozen: bool) -> None:
    centres = corners(4)
    centres[3] = centres[2]  # two names for one thing
    found = noticed(({0: 40, 1: 40, 2: 40, 3: 40}, *[dict.fromkeys(range(4), 25)] * 2), centres, frozen=frozen)
    table, figures = describe_noticed(found, ["=1", "1.0", "", "été/🐻"])
    assert list(table.columns) == COLUMNS
    by_label = table.set_index("label")
    assert (by_label.loc[["=1", "1.0"], "auroc"] > 0.95).all() and (by_label.loc[["=1", "1.0"], "caught"] > 0.7).all()
    assert by_label.loc[["", "été/🐻"], "auroc"].between(0.35, 0.65).all()
    assert (by_label.loc[["", "été/🐻"], "caught"] < 0.25).all()
    assert (table["pictures"] == (90 if frozen else 50)).all() and (table["groups"] < table["pictures"]).all()
    for name in ("auroc", "caught"):
        assert (table[f"{name}_low"] <= table[name]).all() and (table[name] <= table[f"{name}_high"]).all()
    assert figures["unknown_label_auroc"] == pytest.approx(table["auroc"].mean(), abs=1e-6)
    assert figures["unknown_label_auroc_low"] < figures["unknown_label_auroc"] < figures["unknown_label_auroc_high"]
    assert figures["unknown_labels"] == 4
    again, same = describe_noticed(
        noticed(({0: 40, 1: 40, 2: 40, 3: 40}, *[dict.fromkeys(range(4), 25)] * 2), centres, frozen=frozen),
        ["=1", "1.0", "", "été/🐻"],
    )
    assert again.equals(table) and same == figures


def test_of_two_labels_each_is_left_out_and_the_other_is_all_that_is_known() -> None:
    found = noticed(({0: 30, 1: 30}, {0: 20, 1: 20}, {0: 20, 1: 20}), corners(2))
    table, _ = describe_noticed(found, ["a", "b"])
    assert sorted(table["label"]) == ["a", "b"] and (table["auroc"] > 0.95).all()


def test_a_detector_of_logits_does_not_see_the_logit_of_the_label_that_is_left_out() -> None:
    found = noticed(({0: 40, 1: 40, 2: 40}, *[dict.fromkeys(range(3), 25)] * 2), corners(3), Energy("energy"))
    assert (describe_noticed(found, ["a", "b", "c"])[0]["auroc"] > 0.9).all()


@pytest.mark.parametrize(
    ("counts", "labels"),
    [
        (
            ({0: 12, 1: 1, 2: 1}, {0: 4, 1: 1}, {0: 4, 2: 1}),
            [1, 2],
        ),  # without label 0 two pictures are left to learn from
        (({0: 12, 1: 12}, {0: 3, 1: 0}, {0: 3, 1: 3}), [1]),  # without label 0 none calibrates
        (({0: 12}, {0: 4}, {0: 4}), []),
        (({0: 12, 1: 12}, {0: 4, 1: 4}, {}), []),  # nothing ordinary was tested
    ],
)
def test_where_too_little_is_left_a_label_is_left_out_of_the_table(
    counts: tuple[dict[int, int], ...], labels: list[int]
) -> None:
    found = noticed(counts, corners(3))
    assert sorted(found) == labels
    table, figures = describe_noticed(found, ["a", "b", "c"])
    assert len(table) == len(labels) and bool(figures) == bool(labels)
    assert table["auroc"].notna().all() and table["auroc_low"].between(0, 1).all()


@pytest.mark.slow
def test_of_many_labels_those_with_the_most_pictures_are_left_out() -> None:
    many = MAX_LABELS + 3
    counts = {label: 4 + (label >= 3) for label in range(many)}
    found = noticed((counts, counts, counts), np.random.default_rng(0).standard_normal((many, 12)))
    assert sorted(found) == list(range(3, many))


def test_nearness_counts_less_among_pictures_that_are_unlike_one_another() -> None:
    """A picture as far from a dense group as the pictures of a loose group are from one another."""
    chance = np.random.default_rng(0)
    dense = np.array([1.0, 0, 0, 0]) + 0.02 * chance.standard_normal((60, 4))
    loose = np.array([0, 1.0, 0, 0]) + 0.3 * chance.standard_normal((60, 4))
    density = fit_local_density(np.concatenate([dense, loose]).astype(np.float32), 5, np.arange(120))
    new = np.array([[1.0, 0, 0, 0.15], [0, 1.0, 0, 0.15], [1.0, 0, 0, 0]], np.float32)
    near_dense, near_loose, inside = density.score(new)
    assert near_dense > 1 > near_loose and inside < 0.5
    alone = fit_local_density(np.ones((1, 4), np.float32), 50, np.zeros(1, np.intp))
    same = fit_local_density(np.ones((30, 4), np.float32), 50, np.zeros(30, np.intp))
    for one in (alone, same):
        assert np.isfinite(one.score(new)).all()
    np.testing.assert_array_equal(density.score(new)[1:2], density.score(new[1:2]))


def test_the_margin_is_small_between_two_labels() -> None:
    chance, labels = np.random.default_rng(0), np.arange(90) % 3
    features = (np.eye(6)[labels] + 0.1 * chance.standard_normal((90, 6))).astype(np.float32)
    margin = fit_label_margin(features, labels)
    clear, between = margin.score(np.array([[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]], np.float32))
    assert clear == pytest.approx(-0.5, abs=0.1) and between == pytest.approx(0, abs=0.1)
    assert (fit_label_margin(features, np.zeros(90, np.intp)).score(features) == 0).all()
