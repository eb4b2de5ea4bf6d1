"""The split: stable whatever is added, and never look-alikes on two sides."""

from dataclasses import replace
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import examples
from fieldguide.base.config import SplitConfig
from fieldguide.base.errors import UserError
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


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(pictures(), st.data())
def test_adding_pictures_never_moves_an_old_one_to_another_side(table: pd.DataFrame, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(table)))
    old, new = sides(split_pictures(table[:count], SHARES)), sides(split_pictures(table, SHARES))
    for identity, side in old.items():
        assert new[identity] == side or Split.LEFT_OUT in (new[identity], side)


@settings(max_examples=examples(60), derandomize=True, deadline=None)
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


@settings(max_examples=examples(25), derandomize=True, deadline=None)
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


@st.composite
def field_pictures(draw: st.DrawFn) -> pd.DataFrame:
    """Up to 40 pictures of a few sites in three days, in bursts; some without a site or a time."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from([None, "north", "south", "east", "west"]),
                st.one_of(st.none(), st.integers(0, 3 * 86_400)),
                st.sampled_from([None, "1", "2"]),
                st.integers(0, 2**64 - 1),
            ),
            min_size=2,
            max_size=40,
            unique_by=lambda row: row[3],
        )
    )
    start = pd.Timestamp("2024-05-30")
    table = pd.DataFrame(rows, columns=["site", "seconds", "sequence", "id"], dtype=object)
    table["time"] = [pd.NaT if one is None else start + pd.Timedelta(seconds=one) for one in table.pop("seconds")]
    table["id"] = [f"{one:016x}" for one in table["id"]]
    table["given_split"] = [("train", "valid", "trainval", "test", None)[int(one, 16) % 5] for one in table["id"]]
    table["belt"] = [str(int(one, 16) % 4) for one in table["id"]]
    table["perceptual_hash"] = [f"{Random(one).getrandbits(256):064x}" for one in table["id"]]
    return table


KEYS = ("site", "day", "sequence", "belt", "look_alike", "given_split")


@settings(max_examples=examples(25), derandomize=True, deadline=None)
@given(field_pictures(), st.sampled_from(KEYS), st.sampled_from([None, "2024-05-31"]), st.data())
def test_with_every_key_newcomers_and_order_move_nothing(
    table: pd.DataFrame, key: str, test_from: str | None, data: st.DataObject
) -> None:
    split = SplitConfig(valid=0.3, test=0.3, near_duplicate_bits=3, group_by=key, test_from=test_from)
    count = data.draw(st.integers(1, len(table)))
    try:
        whole, old = sides(split_pictures(table, split)), sides(split_pictures(table[:count], split))
    except UserError as error:
        assert "no picture has a" in str(error) or "came without a split" in str(error)
        return
    assert old.items() <= whole.items()
    backwards = split_pictures(table.iloc[::-1].reset_index(drop=True), split)
    assert sides(backwards) == whole


@settings(max_examples=examples(25), derandomize=True, deadline=None)
@given(field_pictures(), st.sampled_from(("site", "day", "belt")))
def test_what_shares_a_key_is_on_one_side_and_nothing_is_left_out(table: pd.DataFrame, key: str) -> None:
    try:
        split = split_pictures(table, SplitConfig(valid=0.3, test=0.3, near_duplicate_bits=3, group_by=key))
    except UserError:
        return
    keyed = split[split["split_key"].notna()]
    assert (keyed.groupby("split_key")["split"].nunique() == 1).all()
    assert Split.LEFT_OUT not in set(split["split"])
    named = {"site": ["site"], "day": ["site", "time"], "belt": ["belt"]}[key]
    assert keyed.index.equals(table.index[table[named[-1]].notna()])


def test_bursts_and_fixed_cameras_lose_nothing_where_their_key_is_known() -> None:
    """Frames of a burst look alike: by look-alikes most are left out or stand on one side."""
    for frames in (2, 5, 10, 36):
        count = 600
        bursts = [number // frames for number in range(count)]
        table = many(count).assign(
            perceptual_hash=[
                f"{Random(burst).getrandbits(256) ^ 1 << number % 256:064x}" for number, burst in enumerate(bursts)
            ],
            site=[f"camera {burst}" for burst in bursts],
        )
        shares = SplitConfig(valid=0.13, test=0.24, near_duplicate_bits=3)
        by_site = split_pictures(table, replace(shares, group_by="site"))
        counts = by_site["split"].value_counts()
        assert Split.LEFT_OUT not in counts
        groups = count / frames
        assert abs(counts.get(Split.TEST, 0) / count - 0.24) < 3 * (0.24 * 0.76 / groups) ** 0.5
        assert (split_pictures(table, shares)["split"] == Split.LEFT_OUT).mean() > 0.2


def test_later_pictures_are_the_test_split_and_unknown_times_are_left_out() -> None:
    table = many(200)
    table["time"] = [pd.Timestamp("2024-05-01") + pd.Timedelta(days=number % 60) for number in range(200)]
    table.loc[:4, "time"] = pd.NaT
    split = split_pictures(table, SplitConfig(valid=0.25, test=0.3, near_duplicate_bits=3, test_from="2024-06-10"))
    later = split["time"] >= pd.Timestamp("2024-06-10")
    assert ((split["split"] == Split.TEST) == later).all()
    assert list(split.loc[:4, "split"]) == [Split.LEFT_OUT] * 5
    earlier = split[split["time"] < pd.Timestamp("2024-06-10")]["split"]
    assert set(earlier) == {Split.TRAIN, Split.VALID}
    assert abs((earlier == Split.VALID).mean() - 0.25) < 0.12


def test_a_key_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"there is no key 'camera' in this data set: look_alike, .*, belt"):
        split_pictures(many(4).assign(belt="1"), SplitConfig(group_by="camera"))
    with pytest.raises(UserError, match="group_by: site: no picture has a site"):
        split_pictures(many(4), SplitConfig(group_by="site"))
