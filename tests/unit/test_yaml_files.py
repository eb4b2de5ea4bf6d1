"""Setting values in a YAML text leaves everything else as it was, and every reader takes them for the same."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from fieldguide.base.yaml_files import document, inline, set_values

ROOT = Path(__file__).parents[2]
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
ODD = """\
--- # a document
"quoted key":   'single'    # a comment behind it
plain : "double # no comment"# no comment either
flow: { a: 1 ,  b: [ 2,3 ], "c d": 'x # y' }   # spaces
wide: {first: 1,
       second: [a,
          b]}  # over several lines
block:
      deep:    # four and six
            lr: 1.0e-3
            word: no # 1.1
      nothing:
      text: |
        a: 1
          # no comment

      after:   ~
list:
-   name: a
    p: .5
-   [1, 2]
# between
  # and indented

last: 2020-01-01"""
LAYOUTS = {
    "odd": ODD,
    "odd, unix end": f"{ODD}\n",
    "windows": ODD.replace("\n", "\r\n") + "\r\n",
    "windows, no end": ODD.replace("\n", "\r\n"),
    "comments below": f"{TEXT}\n# the end\n\n",
    "flow": "{a: 1, 'b': {c: [1, 2]}}  # all\n",
    **{
        f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8")
        for path in (ROOT / "params.yaml", *ROOT.glob("conf/*/s*.yaml"))
    },
}


def places(content: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all scalars."""
    if not isinstance(content, dict | list):
        return [path]
    entries = content.items() if isinstance(content, dict) else enumerate(content)
    return [place for key, value in entries for place in places(value, (*path, key))]


def at(content: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        content = content[part]
    return content


def read_by_all(text: str) -> list[Any]:
    loaded = OmegaConf.load(io.StringIO(text))
    return [yaml.safe_load(text), OmegaConf.to_container(loaded)]


LIKE_OTHER_TYPES = [
    *("no", "On", "y", "null", "~", ""),
    *("0", "1e3", "1e-3", "1_000", "0x1F", "12:30", ".5", ".inf", "2020-01-01", "=", "<<"),
]
LIKE_SYNTAX = [
    *(" a", "a ", "a b", "- a", "a: b", "a #b", "#", "it's", '"', "%", "@x", "&x", "*x", "!x"),
    *("a\nb", "\x85", "熊"),
]
# Without what OmegaConf itself gives a meaning: ${} and ???
TEXTS = st.sampled_from(LIKE_OTHER_TYPES + LIKE_SYNTAX) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="$?")
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1e-05, 0.001, 1e22, 15.0])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=5)


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (["resize"], "pad", "resize: squish        # how", "resize: pad           # how"),
        (["resize"], "a_very_long_name_x", "resize: squish        # how", "resize: a_very_long_name_x  # how"),
        (["train", "epochs"], 7, "epochs: 12\n", "epochs: 7\n"),
        (["train", "lr"], 1e-05, "lr: 'find'        # the", "lr: 0.00001       # the"),
        (["train", "lr"], "no", "lr: 'find'        # the", 'lr: "no"          # the'),
        (["train", "deep", "b", 1], 9, "[2, 3]", "[2, 9]"),
        (["train", "deep"], {"c": None}, "{a: 1, b: [2, 3]}   # flow", "{c: null}           # flow"),
        (["evaluate", "bootstrap"], 500, "{bootstrap: 1000}", "{bootstrap: 500}"),
        (["evaluate", "more"], True, "{bootstrap: 1000}", "{bootstrap: 1000, more: true}"),
        (["train", "size"], 64, "  # flow\n", "  # flow\n    size: 64\n"),
        (["split", "seed"], 3, "    degrees: 10\n", "    degrees: 10\nsplit:\n  seed: 3\n"),
        (["transforms", 0, "p"], 0.5, "{name: flip}      #", "{name: flip, p: 0.5}  #"),
        (["transforms", 1, "degrees"], 15.0, "degrees: 10\n", "degrees: 15.0\n"),
        (["transforms", 1, "p"], 1.0, "degrees: 10\n", "degrees: 10\n    p: 1.0\n"),
        (["transforms", 1, "no"], "on", "degrees: 10\n", 'degrees: 10\n    "no": "on"\n'),
    ],
)
def test_one_place_changes_and_nothing_else(path: list[str | int], value: Any, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert set_values(TEXT, {tuple(path): value}) == TEXT.replace(old, new)


def test_several_values_at_once() -> None:
    both = set_values(TEXT, {("resize",): "pad", ("train", "epochs"): 7})
    assert both == set_values(set_values(TEXT, {("train", "epochs"): 7}), {("resize",): "pad"})


@pytest.mark.slow
@settings(deadline=None)
@given(data=st.data(), layout=st.sampled_from(sorted(LAYOUTS)), value=VALUES)
def test_any_value_at_any_place_is_read_as_it_was_and_all_other_lines_stay(
    data: st.DataObject, layout: str, value: Any
) -> None:
    before = LAYOUTS[layout]
    content = yaml.safe_load(before)
    path = data.draw(st.sampled_from(places(content)))
    after = set_values(before, {path: value})
    for read in read_by_all(after):
        assert repr(at(read, path)) == repr(value)
    old, new = before.split("\n"), after.split("\n")
    first = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    lost = len(old) - len(new)
    assert lost == (2 if path == ("block", "text") else 0)  # only a text in several lines becomes one line
    assert old[first + 1 + lost :] == new[first + 1 :]


@pytest.mark.slow
@settings(deadline=None)
@given(layout=st.sampled_from(sorted(LAYOUTS)), value=VALUES)
def test_a_key_that_is_added_is_one_line_more(layout: str, value: Any) -> None:
    before = LAYOUTS[layout]
    after = set_values(before, {("added",): value})
    assert all(repr(read["added"]) == repr(value) for read in read_by_all(after))
    old, new = before.splitlines(), after.splitlines()
    if layout != "flow":
        new = [line for line in new if not line.startswith("added:")]
        assert len(new) == len(after.splitlines()) - 1
        assert new == old
    assert ("\r\n" in before) == ("\r\n" in after)


@pytest.mark.slow
@settings(deadline=None)
@given(data=st.data(), layout=st.sampled_from(sorted(LAYOUTS)), key=TEXTS, value=VALUES)
def test_a_key_is_added_to_any_mapping(data: st.DataObject, layout: str, key: str, value: Any) -> None:
    before = LAYOUTS[layout]
    content = yaml.safe_load(before)
    parents = [path[:depth] for path in places(content) for depth in range(len(path))]
    parent = data.draw(st.sampled_from([path for path in parents if isinstance(at(content, path), dict)]))
    path = (*parent, f"{key} added", "deep")
    assert all(repr(at(read, path)) == repr(value) for read in read_by_all(set_values(before, {path: value})))


@given(VALUES)
def test_what_is_written_in_one_line_is_read_as_it_was(value: Any) -> None:
    line = inline(value)
    assert "\n" not in line
    for read in read_by_all(f"key: {line}\nlist: [{line}, 1]\n"):
        assert repr(read) == repr({"key": value, "list": [value, 1]})


@pytest.mark.slow
@given(st.dictionaries(TEXTS, VALUES))
def test_a_whole_document_is_read_as_it_was(content: dict[str, Any]) -> None:
    assert all(repr(read) == repr(content) for read in read_by_all(document(content)))


def test_lists_and_mappings_that_stand_in_lines_of_their_own_are_refused() -> None:
    for path in (("train",), ("transforms",), ("resize", "method"), ("transforms", 5)):
        with pytest.raises(ValueError, match=r"several lines|no mapping|nothing can be added"):
            set_values(TEXT, {path: 1})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\na: 2\n", r'it is not valid YAML: found duplicate key "a" .* in line 2'),
        ("b: 1\n\ta: 2\n", r"it is not valid YAML: found character '\\t' that cannot start any token in line 2"),
        ("a: [1\n", r"it is not valid YAML: expected ',' or '\]', .* in line 2"),
        ("a: 1\n---\nb: 1\n", r"it is not valid YAML: .*another document in line 2"),
        ("a: \x07\n", r"it is not valid YAML: unacceptable character #x0007.*"),
        ("x: 1\na: &mine 1\nb: *mine\n", r"a has the anchor &mine of line 2: write the value itself"),
        ('a: "\\u0085"\nb: \u0085x\n', r"it is not valid YAML: .* in line \d"),
        ("1: x\n", r'it is not valid YAML: found duplicate key "1" .* in line 2'),
        ("{a}", r"a cannot be set as it is written: write `key: value`"),
        ("- a\n", r"a is in no mapping or list"),
    ],
)
def test_what_cannot_be_edited_is_one_clear_line(text: str, line: str) -> None:
    with pytest.raises(ValueError, match=f"^{line}$"):
        set_values(text, {(1 if text.startswith("1") else "a",): 3})


def test_the_values_themselves_stay_as_they_are() -> None:
    value = {"x": 1}
    assert set_values("a: 1\nb: {c: 2}\n", {("b",): value, ("b", "y"): 2}) == "a: 1\nb: {x: 1, y: 2}\n"
    assert value == {"x": 1}


def test_a_key_without_a_value_gets_one() -> None:
    assert set_values("a:\nb: 1\n", {("a",): "x"}) == "a: x\nb: 1\n"
    assert set_values("a: # why\nb: 1\n", {("a",): "x"}) == "a: x  # why\nb: 1\n"
    assert set_values("a:\n  b : # why\n\n# c\nd: 1\n", {("a", "b"): 2}) == "a:\n  b : 2  # why\n\n# c\nd: 1\n"
    assert set_values("a:\n  - # why\n  - 1\n", {("a", 0): "x"}) == "a:\n  - x  # why\n  - 1\n"
    assert set_values("a:\n  -\n  - 1\n", {("a", 0): "x"}) == "a:\n  - x\n  - 1\n"


def test_a_file_without_any_key_gets_one() -> None:
    assert set_values("", {("a", "b"): 1}) == "a:\n  b: 1\n"
    assert set_values("# nothing yet", {("a",): 1}) == "# nothing yet\na: 1\n"
