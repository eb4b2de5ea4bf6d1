"""What YAML or the composing library reads as something else, and what lies too deep: one line each."""

from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from conftest import few_daily
from fieldguide.base.config import Schema
from fieldguide.base.config_errors import allowed
from fieldguide.base.errors import UserError
from fieldguide.base.operations import CONFIGURED
from fieldguide.base.paths import Paths
from fieldguide.configuration import compose as configuration
from fieldguide.experiments import sweep

QUOTE = "not as text: put it in quotes"


def refused(paths: Paths, *overrides: str) -> str:
    with pytest.raises(UserError) as error:
        configuration.compose(paths, overrides)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


@pytest.fixture
def own(checkout: Paths) -> Paths:
    text = checkout.params.read_text(encoding="utf-8")
    checkout.params.write_text(text.replace("data: sample", "data: own"), encoding="utf-8")
    return checkout


def of_labels(own: Paths, labels: str) -> str:
    (own.conf / "data" / "own.yaml").write_text(f"kind: folder\nlabels: {labels}\n", encoding="utf-8")
    message = refused(own)
    assert message.startswith("conf/data/own.yaml: ")
    return message


@pytest.mark.parametrize(
    ("labels", "read_as"),
    few_daily(
        [
            *(
                ("{no: norway}", "this key as false"),
                ("{on: lamp}", "this key as true"),
                ("{0: zero}", "this key as 0"),
            ),
            *(("{1.5: x}", "this key as 1.5"), ("{~: x}", "a key as null"), ("{0x10: x}", "this key as 16")),
            *(("{a: no}", "this as false"), ("{a: 2024}", "this as 2024"), ("{a: 1e3}", "this as 1000.0")),
            *(("{a: }", "this as null"), ("{a: .inf}", "this as inf"), ("{a: 1_000}", "this as 1000")),
        ],
        3,
    ),
)
def test_a_label_that_yaml_does_not_read_as_text_asks_for_quotes(own: Paths, labels: str, read_as: str) -> None:
    assert f"YAML reads {read_as}, {QUOTE}" in of_labels(own, labels)


@pytest.mark.parametrize("labels", ['{"no": norway, "0": "2024", "1.5": "null"}', "{a: 2024-01-01}"])
def test_in_quotes_it_is_a_label(own: Paths, labels: str) -> None:
    (own.conf / "data" / "own.yaml").write_text(f"kind: folder\nlabels: {labels}\n", encoding="utf-8")
    data = configuration.compose(own).data
    assert all(isinstance(text, str) for pair in data.labels.items() for text in pair)


@pytest.mark.parametrize("label", ["a/b", "a\\b", ".a", "", "/"])
def test_a_label_that_is_no_name_of_a_folder_is_told_in_words(own: Paths, label: str) -> None:
    message = of_labels(own, f"{{a: '{label}'}}")
    assert "a label must not be empty, begin with a dot, or hold a slash or backslash" in message
    assert "^" not in message


def kinds(kind: Any) -> Iterator[Any]:
    """All that annotations consist of, through the dataclasses of the schema."""
    yield kind
    parts = (
        get_type_hints(kind, include_extras=True).values()
        if isinstance(kind, type) and is_dataclass(kind)
        else get_args(kind)
    )
    for part in [*parts, *getattr(kind, "metadata", ())]:
        yield from kinds(part)


def test_every_pattern_of_the_schema_is_told_in_words() -> None:
    operations = [one for known in CONFIGURED.values() for one in known.values() if is_dataclass(one)]
    found = {pattern for kind in (Schema, *operations) for part in kinds(kind) if (pattern := _pattern(part))}
    assert len(found) > 5
    assert not [pattern for pattern in found if "^" in allowed(pattern)]


def _pattern(part: Any) -> str:
    return str(getattr(part, "pattern", None) or "")


@pytest.mark.parametrize("marker", few_daily(["???", "${seed}", "${oc.env:HOME}", "a${seed}"], 2))
@pytest.mark.parametrize("text", ["{a: 'MARK'}", "{'MARK': a}", "'MARK'", "[[{a: 'MARK'}]]"])
def test_markers_of_the_composing_library_are_no_values(own: Paths, marker: str, text: str) -> None:
    shown = "???" if marker == "???" else "${...}"
    told = of_labels(own, text.replace("MARK", marker))
    assert told == f"conf/data/own.yaml: {shown} is not allowed: an option file holds plain values"


@pytest.mark.parametrize("value", ["???", "${split.seed}"])
def test_nor_in_params_and_overrides(checkout: Paths, value: str) -> None:
    shown = "???" if value == "???" else "${...}"
    assert refused(checkout, f"seed={value}") == (
        f"override seed={value}: {shown} is not allowed: write the value, so that runs can be repeated"
    )
    assert f"{shown} is not allowed" in refused(checkout, f"+model.options.x=[{{a: '{value}'}}]")
    text = checkout.params.read_text(encoding="utf-8")
    checkout.params.write_text(text.replace("seed: 42", f"seed: {value}"), encoding="utf-8")
    assert refused(checkout) == f"params.yaml: seed: {shown} is not allowed: it holds plain values"


NESTED = few_daily(["[" * 100 + "]" * 100, "[" * 3000 + "]" * 3000, "{a: " * 3000 + "1" + "}" * 3000], 3)


@pytest.mark.parametrize(
    "text", [*NESTED, "&a [*a]", "\n" + "".join(" " * (level + 1) + "a:\n" for level in range(1500))]
)
def test_nesting_that_nobody_needs_is_one_line(own: Paths, text: str) -> None:
    assert "nested too deeply" in of_labels(own, text)


@pytest.mark.parametrize("text", NESTED)
def test_so_it_is_in_params_overrides_and_sweeps(
    checkout: Paths, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "nested too deeply" in refused(checkout, f"+model.options.x={text.replace(': ', ':')}")
    with checkout.params.open("a", encoding="utf-8") as params:
        params.write(f"more: {text}\n")
    assert "nested too deeply" in refused(checkout)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["sweep", f"+model.options.x={text.replace(': ', ':')}"])
    with pytest.raises(SystemExit) as end:
        sweep.main()
    assert "nested too deeply" in str(end.value.code)


LINES = [f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
ALIASES = "\n".join(LINES)


def test_aliases_of_aliases_end_in_one_line(own: Paths) -> None:
    """A thousand bytes that stand for 43 million values."""
    file = own.conf / "data" / "own.yaml"
    file.write_text(f"kind: folder\na: &a [{','.join('x' * 9)}]\n{ALIASES}\n", encoding="utf-8")
    assert "own.yaml: its anchors and aliases stand for more than 100000 values" in refused(own)
    params = own.params.read_text(encoding="utf-8")
    own.params.write_text(f"{params}\na: &a [x]\n{ALIASES}\n", encoding="utf-8")
    assert "params.yaml: its anchors and aliases" in refused(own)


@pytest.mark.parametrize("text", ["1\n", "true\n", "1.5\n"])
def test_a_file_that_is_one_value_is_no_option_file(own: Paths, text: str) -> None:
    (own.conf / "data" / "own.yaml").write_text(text, encoding="utf-8")
    assert refused(own) == "conf/data/own.yaml must hold `key: value` lines"
