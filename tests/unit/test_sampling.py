"""Which pictures an epoch shows: what must hold for any labels, seed and epoch."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fieldguide.training.sampling import balanced_order, natural_order

LABELS = st.lists(st.sampled_from("aaaaaabbc"), min_size=1, max_size=60)


@given(st.integers(0, 60), st.integers(0, 5), st.integers(0, 5))
def test_naturally_every_picture_is_shown_once(pictures: int, seed: int, epoch: int) -> None:
    assert sorted(natural_order(pictures, seed, epoch)) == list(range(pictures))


@given(LABELS, st.integers(0, 5), st.integers(0, 5))
def test_balanced_every_label_is_shown_as_often_and_its_pictures_as_often_as_one_another(
    labels: list[str], seed: int, epoch: int
) -> None:
    order = balanced_order(labels, seed, epoch)
    assert len(order) == len(set(order)) == len(labels)  # each showing has a number of its own
    shown = Counter(number % len(labels) for number in order)
    of_label = [sum(shown[place] for place, one in enumerate(labels) if one == label) for label in set(labels)]
    assert max(of_label) - min(of_label) <= 1
    for label in set(labels):
        times = [shown[place] for place, one in enumerate(labels) if one == label]
        assert max(times) - min(times) <= 1
    assert order == balanced_order(labels, seed, epoch)


def test_another_epoch_shows_other_pictures_of_a_frequent_label() -> None:
    labels = ["a"] * 90 + ["b"] * 10
    parts = [{number for number in balanced_order(labels, 1, epoch) if number < 90} for epoch in range(30)]
    assert all(len(part) == 50 for part in parts)
    assert len(set.union(*parts)) == 90
