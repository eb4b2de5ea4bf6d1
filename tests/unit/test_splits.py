"""The split: stable whatever is added, and never look-alikes on two sides."""

from random import Random
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldguide.base.config import SplitConfig
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split

SHARES = SplitConfig(valid=0.3, test=0.3, near_duplicate_bits=3)


@st.composite
def pictures(draw: st.DrawFn) -> pd.DataFrame:
    """Up to 30 pictures in families of look-alikes; some look like two families and join them when they come."""
    families = draw(st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=2, max_size=30))
    hashes = [sum({1 << bit for bit in bits}) << 16 * (number % 3) for number, bits in enumerate(families)]
    identities = draw(st.lists(st.integers(0, 2**64 - 1), min_size=len(hashes), max_size=len(hashes), unique=True))
    rows = [(f"{identity:016x}", f"{value:064x}") for identity, value in zip(identities, hashes, strict=True)]
    return pd.DataFrame(rows, columns=["id", "perceptual_hash"])


def many(count: int) -> pd.DataFrame:
    """Unlike pictures."""
    rows = [(f"{number:016x}", f"{Random(number).getrandbits(256):064x}") for number in range(count)]
    return pd.DataFrame(rows, columns=["id", "perceptual_hash"])


def sides(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["id"], table["split"], strict=True))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(pictures(), st.data())
def test_adding_pictures_never_moves_an_old_one_to_another_side(table: pd.DataFrame, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(table)))
    old, new = sides(split_pictures(table[:count], SHARES)), sides(split_pictures(table, SHARES))
    for identity, side in old.items():
        assert new[identity] == side or Split.LEFT_OUT in (new[identity], side)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(pictures())
def test_look_alikes_never_straddle(table: pd.DataFrame) -> None:
    split = split_pictures(table, SHARES)
    used = split[split["split"] != Split.LEFT_OUT]
    assert (used.groupby("group")["split"].nunique() == 1).all()
    assert set(used["group"]) == set(split["group"])  # of every group somebody is used
    rows = list(used.itertuples())
    for one in rows:
        for other in rows:
            if (int(str(one.perceptual_hash), 16) ^ int(str(other.perceptual_hash), 16)).bit_count() <= 3:
                assert (one.group, one.split) == (other.group, other.split)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(pictures(), st.randoms(use_true_random=False))
def test_neither_order_nor_other_columns_matter(table: pd.DataFrame, random: Any) -> None:
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = split_pictures(table.iloc[order].assign(label="other"), SHARES)
    straight = split_pictures(table, SHARES)
    assert sides(shuffled) == sides(straight)
    assert dict(zip(shuffled["id"], shuffled["group"], strict=True)) == dict(
        zip(straight["id"], straight["group"], strict=True)
    )


def test_shares_are_those_of_params_within_chance() -> None:
    split = split_pictures(many(4000), SplitConfig(valid=0.15, test=0.25, near_duplicate_bits=3))
    shares = split["split"].value_counts(normalize=True)
    assert abs(shares["valid"] - 0.15) < 0.03
    assert abs(shares["test"] - 0.25) < 0.03
    assert abs(shares["train"] - 0.60) < 0.03


def test_another_seed_is_another_split() -> None:
    one = split_pictures(many(300), SplitConfig(seed=1))
    other = split_pictures(many(300), SplitConfig(seed=2))
    assert 0.3 < (one["split"] == other["split"]).mean() < 0.8


def test_a_family_goes_where_most_of_it_would_go_alone() -> None:
    table = many(60)
    alone = sides(split_pictures(table, SHARES))
    family = split_pictures(table.assign(perceptual_hash="0" * 64), SHARES)
    winner = pd.Series(alone).value_counts().index[0]
    assert set(family["group"]) == {min(table["id"])}
    assert {identity: side for identity, side in sides(family).items() if side != Split.LEFT_OUT} == {
        identity: side for identity, side in alone.items() if side == winner
    }


def test_the_places_are_those_of_always() -> None:
    """Pictures that were tested must be tested after an update of fieldguide, too."""
    table = pd.DataFrame(
        [(f"{n:016x}", f"{n * 0x0123456789ABCDEF0123456789ABCDEF:064x}") for n in range(12)],
        columns=["id", "perceptual_hash"],
    )
    placed = split_pictures(table, SplitConfig(valid=0.3, test=0.3, near_duplicate_bits=0))
    sides_in_order = {"train": "-", "valid": "v", "test": "t", "left_out": "x"}
    assert "".join(sides_in_order[side] for side in placed["split"]) == "--v------vvt"
