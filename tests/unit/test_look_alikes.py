"""Near duplicates by features and by the split's groups."""

import numpy as np
import pandas as pd

from fieldguide.screening.near_duplicates import near_duplicates_of


def given(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "label", "group"], index=range(10, 10 + len(rows)))


def turned(*degrees: float) -> np.ndarray:
    """Features that point so far apart, of any length."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32) * 3


def test_features_that_point_the_same_way_are_near_duplicates() -> None:
    pictures = given(("p", "cat", "p"), ("q", "cat", "q"), ("r", "cat", "r"))
    found = near_duplicates_of(turned(0, 8, 90), pictures)
    assert list(found.index) == [10, 11, 12]
    assert list(found["near_duplicate_of"]) == ["q", "p", ""]
    assert list(found["near_duplicate_similarity"][:2]) == [round(float(np.cos(np.radians(8))), 6)] * 2
    assert np.isnan(found["near_duplicate_similarity"][12])


def test_one_with_another_label_comes_before_a_more_similar_one() -> None:
    pictures = given(("p", "cat", "p"), ("q", "cat", "q"), ("r", "dog", "r"))
    assert list(near_duplicates_of(turned(0, 1, 9), pictures)["near_duplicate_of"]) == ["r", "r", "q"]


def test_a_group_counts_whatever_the_features_say_and_alone_where_they_say_nothing() -> None:
    pictures = given(("p", "cat", "p"), ("q", "cat", "p"), ("r", "dog", "r"))
    features = turned(0, 60, 60)
    assert list(near_duplicates_of(features, pictures)["near_duplicate_of"]) == ["q", "r", "q"]
    groups_only = near_duplicates_of(features, pictures, min_similarity=None)
    assert list(groups_only["near_duplicate_of"]) == ["q", "p", ""]


def test_many_pictures_are_compared_in_blocks() -> None:
    names = [f"{number:04d}" for number in range(1200)]
    pictures = given(*((name, "cat", name) for name in names))
    features = np.random.default_rng(0).standard_normal((1200, 64)).astype(np.float32)
    features[1100] = 2 * features[3]
    found = near_duplicates_of(features, pictures)["near_duplicate_of"].reset_index(drop=True)
    assert dict(found[found != ""]) == {3: "1100", 1100: "0003"}


def test_none_is_missed_where_few_numbers_stand_for_the_features() -> None:
    chance = np.random.default_rng(0)
    centres = np.abs(chance.standard_normal((300, 256)))
    pairs = np.repeat(centres, 2, axis=0)
    pairs += np.repeat(chance.uniform(0.1, 0.6, 600), 256).reshape(600, 256) * chance.standard_normal((600, 256))
    features = pairs.astype(np.float32)
    names = [f"{number:03d}" for number in range(600)]
    found = near_duplicates_of(features, given(*((name, "cat", name) for name in names)))
    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    similarity = directions @ directions.T - 2 * np.eye(600, dtype=np.float32)
    best = [
        names[place] if similarity.max(axis=1)[row] >= 0.94 else "" for row, place in enumerate(similarity.argmax(1))
    ]
    assert 100 < sum(map(bool, best)) < 500
    assert list(found["near_duplicate_of"]) == best


def test_a_picture_without_features_is_like_no_other() -> None:
    found = near_duplicates_of(np.zeros((2, 4), np.float32), given(("p", "cat", "p"), ("q", "cat", "q")))
    assert list(found["near_duplicate_of"]) == ["", ""]
