"""Pictures that are the same, and pictures that look alike."""

from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import examples
from fieldguide.data import duplicates
from fieldguide.data.duplicates import look_alike_groups, mark_exact_duplicates

Row = tuple[str, str, str, str]  # hash of the clean copy, path, label, status


def images(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame([(*row, "") for row in rows], columns=["clean_sha256", "path", "label", "status", "reason"])


def statuses(rows: list[Row]) -> dict[str, str]:
    marked = mark_exact_duplicates(images(rows))
    return dict(zip(marked["path"], marked["status"], strict=True))


def test_of_the_same_picture_the_first_path_is_kept() -> None:
    rows = [("x", "a/2", "a", "kept"), ("x", "a/1", "a", "kept"), ("y", "a/3", "a", "kept"), ("x", "a/4", "a", "kept")]
    assert statuses(rows) == {"a/1": "kept", "a/2": "duplicate", "a/3": "kept", "a/4": "duplicate"}
    marked = mark_exact_duplicates(images(rows)).set_index("path")
    assert marked.at["a/2", "reason"] == "the same picture as a/1"
    assert marked.at["a/1", "reason"] == ""


@pytest.mark.parametrize("turn", range(3))
def test_the_same_picture_under_two_labels_is_left_out_altogether(turn: int) -> None:
    rows = [("x", "a/1", "a", "kept"), ("x", "b/1", "b", "kept"), ("x", "a/2", "a", "kept")]
    marked = mark_exact_duplicates(images(rows[turn:] + rows[:turn])).set_index("path")
    assert set(marked["status"]) == {"conflict"}
    assert str(marked.at["b/1", "reason"]).endswith("a/1, a/2")
    assert str(marked.at["a/1", "reason"]).endswith("b/1")


def test_pictures_that_are_left_out_already_stay_as_they_are_and_count_for_nothing() -> None:
    rows = [("x", "a/1", "a", "too_small"), ("x", "b/1", "b", "kept"), ("x", "a/2", "a", "unreadable")]
    assert statuses(rows) == {"a/1": "too_small", "b/1": "kept", "a/2": "unreadable"}


def test_the_given_table_is_not_changed() -> None:
    given_table = images([("x", "a/1", "a", "kept"), ("x", "b/1", "b", "kept")])
    before = given_table.copy()
    mark_exact_duplicates(given_table)
    pd.testing.assert_frame_equal(given_table, before)


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("ab")), max_size=9), st.randoms())
def test_the_order_of_rows_decides_nothing(pictures: list[tuple[str, str]], random: object) -> None:
    rows: list[Row] = [(identity, f"{label}/{n}", label, "kept") for n, (identity, label) in enumerate(pictures)]
    found = statuses(rows)
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert statuses(rows) == found
    for identity in "xyz":
        mine = [row for row in rows if row[0] == identity]
        kept = sum(found[row[1]] == "kept" for row in mine)
        assert kept == (len({row[2] for row in mine}) == 1)


def linked(hashes: list[int], max_bits: int) -> list[int]:
    """The plain way: flood from every picture that has no number yet."""
    numbers = [-1] * len(hashes)
    for start in range(len(hashes)):
        if numbers[start] >= 0:
            continue
        fresh, waiting = max(numbers) + 1, [start]
        while waiting:
            here = waiting.pop()
            if numbers[here] < 0:
                numbers[here] = fresh
                waiting += [n for n, other in enumerate(hashes) if (other ^ hashes[here]).bit_count() <= max_bits]
    return numbers


@settings(max_examples=examples(80), derandomize=True, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 255), max_size=4), max_size=14),
    st.integers(0, 4),
)
def test_groups_are_those_of_the_plain_way(flipped: list[list[int]], max_bits: int) -> None:
    """However many are compared at a time, and however few links are kept until groups are joined."""
    hashes = [sum({1 << bit for bit in bits}) for bits in flipped]
    texts = [f"{value:064x}" for value in hashes]
    assert list(look_alike_groups(texts, max_bits)) == linked(hashes, max_bits)
    with patch.multiple(duplicates, TILE=4, BLOCK=3, MAX_LINKS=2):
        assert list(look_alike_groups(texts, max_bits)) == linked(hashes, max_bits)


def test_look_alikes_are_found_across_blocks() -> None:
    rng = np.random.default_rng(0)
    hashes = [rng.bytes(32).hex() for _ in range(duplicates.BLOCK + 50)]
    hashes[duplicates.BLOCK + 40] = f"{int(hashes[3], 16) ^ 0b1011:064x}"
    groups = look_alike_groups(hashes, 3)
    assert groups[duplicates.BLOCK + 40] == groups[3] == 3
    assert len(set(groups)) == len(hashes) - 1
    assert len(set(look_alike_groups(hashes, 2))) == len(hashes)
