"""What labels, files and options may be called, and what MLflow takes: one name for one name, readable, bounded."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fieldguide.tracking.stored_names import changed_names, stored_name, stored_title, stored_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=400)


@pytest.mark.parametrize("name", ["accuracy", "recall_brown bear", "confusion/Bär/熊", "train.lr", "a:b", "x-1", "0"])
def test_ordinary_names_stay(name: str) -> None:
    assert stored_name(name) == name
    assert changed_names([name]) == {}


@pytest.mark.parametrize(
    "names",
    [
        ["recall_bear🐻", "recall_bear🧸", "recall_bear_", "recall_bear("],
        ["recall_หมี", "recall_หมู"],  # vowels are marks, which MLflow does not count among the letters
        ["confusion/" + "a" * 250 + end for end in "xy"],
        ["recall_.", "recall_..", "a//b", "a/b", "a/./b", "/a", "./a", "..", "_./a", "."],
        ["bear🐻", stored_name("bear🐻"), stored_name(stored_name("bear🐻"))],  # a label may look like a stored name
        ["recall_a\nb", "recall_a\tb", "recall_a b", "recall_a_b"],
    ],
)
def test_names_that_mlflow_would_refuse_or_mix_up_stay_apart_and_readable(names: list[str]) -> None:
    stored = [stored_name(name) for name in names]
    assert len(set(stored)) == len(names)
    known = changed_names(names)
    assert [known.get(one, one) for one in stored] == names  # so the table that a run carries leads back


def test_a_changed_name_begins_like_its_own() -> None:
    assert stored_name("recall_bear🐻 (cub)").startswith("recall_bear_ _cub_-")


@settings(deadline=None)
@given(TEXTS, TEXTS)
@example("a/", "a_")
@example("..", "_.")
def test_every_text_gets_a_name_of_its_own_that_mlflow_takes(one: str, other: str) -> None:
    from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, _validate_metric_name, _validate_param_name

    stored = stored_name(one)
    _validate_metric_name(stored)
    _validate_param_name(stored)
    assert 0 < len(stored) <= MAX_ENTITY_KEY_LENGTH
    assert (stored == stored_name(other)) == (one == other)


def test_long_values_and_titles_are_cut_visibly_and_stay_apart() -> None:
    for stored, longest in ((stored_value, 6000), (stored_title, 250)):
        assert stored("x" * longest) == "x" * longest
        one, other = stored("x" * longest + "a"), stored("x" * longest + "b")
        assert one != other
        assert len(one) == len(other) == longest
        assert "... (cut, sha256 " in one
