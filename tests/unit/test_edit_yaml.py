"""Editing values in a YAML text leaves everything else as it was."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fieldguide.reproduction.edit_yaml import set_value, written

TEXT = """\
# Opening comment.
resize: squish        # how
train:   # numbers
    epochs: 12
    lr: 'find'        # the highest
    deep: {a: 1, b: [2, 3]}   # flow

evaluate: {bootstrap: 1000}
transforms:
  - {name: flip}      # both ways
  - name: rotate
    degrees: 10
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (["resize"], "pad", "resize: squish        # how", "resize: pad           # how"),
        (["resize"], "a_very_long_name_x", "resize: squish        # how", "resize: a_very_long_name_x  # how"),
        (["train", "epochs"], 7, "epochs: 12\n", "epochs: 7\n"),
        (["train", "lr"], 1e-05, "lr: 'find'        # the", "lr: 0.00001       # the"),
        (["train", "deep", "b", 1], 9, "[2, 3]", "[2, 9]"),
        (["train", "deep"], {"c": None}, "{a: 1, b: [2, 3]}   # flow", "{c: null}           # flow"),
        (["evaluate", "bootstrap"], 500, "{bootstrap: 1000}", "{bootstrap: 500}"),
        (["evaluate", "more"], True, "{bootstrap: 1000}", "{bootstrap: 1000, more: true}"),
        (["train", "size"], 64, "  # flow\n", "  # flow\n    size: 64\n"),
        (["split", "seed"], 3, "    degrees: 10\n", "    degrees: 10\nsplit:\n  seed: 3\n"),
        (["transforms", 0, "p"], 0.5, "{name: flip}      #", "{name: flip, p: 0.5}  #"),
        (["transforms", 1, "degrees"], 15.0, "degrees: 10\n", "degrees: 15.0\n"),
        (["transforms", 1, "p"], 1.0, "degrees: 10\n", "degrees: 10\n    p: 1.0\n"),
    ],
)
def test_one_place_changes_and_nothing_else(path: list[str | int], value: Any, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert set_value(TEXT, path, value) == TEXT.replace(old, new)


def test_a_value_that_stands_in_a_block_of_lines_is_refused() -> None:
    for path in (["train"], ["transforms"], ["resize", "method"]):
        with pytest.raises(ValueError, match=r"several lines|no mapping"):
            set_value(TEXT, path, 1)


def test_a_key_without_a_value_gets_one() -> None:
    assert set_value("a:\nb: 1\n", ["a"], "x") == "a: x\nb: 1\n"


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner), max_leaves=5))
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    line = written(value)
    assert "\n" not in line
    assert yaml.safe_load(f"key: {line}") == {"key": value}
