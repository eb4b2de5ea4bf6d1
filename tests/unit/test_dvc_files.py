"""What DVC writes is read, or a person is told which file to mend."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import few_daily
from fieldguide.base.cache_check import verify_cache
from fieldguide.base.dvc_files import locked_stages, locked_stages_in, tracked_md5, written_stages
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.retraining.data_changes import new_reviews
from fieldguide.retraining.worktree_pipeline import lacking_files
from fieldguide.tracking.run_params import upstream_params

MD5 = "ab" * 16
CONFLICT = "<<<<<<< HEAD\nstages: {}\n=======\nstages: {clean: {}}\n>>>>>>> other\n"
NAMES = [MD5, "clean", "deps", "outs", "params", "params.yaml", "path", "md5", "data/reviews.csv", "", "no", "1"]
SCALARS: st.SearchStrategy[Any] = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(NAMES), st.text(max_size=5)),
    *(st.binary(max_size=3), st.dates(date(1000, 1, 1))),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | SCALARS, inner, max_size=4),
)
READERS: dict[str, Callable[[Paths], object]] = {
    "stages": lambda paths: locked_stages(paths.dvc_lock),
    "parameters of a run": upstream_params,
    "reviews that were replayed": lambda paths: new_reviews(paths, []),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("content", [CONFLICT.encode(), b"- a list\n", b"\xff\xfe"])
def test_a_lock_that_is_none_is_named(checkout: Paths, reader: str, content: bytes) -> None:
    checkout.dvc_lock.write_bytes(content)
    with pytest.raises(UserError, match=r"dvc\.lock is not what DVC writes: resolve its merge conflict"):
        READERS[reader](checkout)


@pytest.mark.parametrize("reader", READERS)
def test_an_empty_lock_or_none_records_nothing(checkout: Paths, reader: str) -> None:
    checkout.dvc_lock.unlink(missing_ok=True)
    assert not READERS[reader](checkout)
    for content in ("", "schema: '2.0'\n", "schema: '2.0'\nstages:\n"):
        checkout.dvc_lock.write_text(content)
        assert not READERS[reader](checkout)


def test_a_pointer_without_a_hash_is_named(tmp_path: Path) -> None:
    pointer = tmp_path / "pets.dvc"
    for content in ("", "outs: []\n", "outs:\n- path: pets\n"):
        pointer.write_text(content)
        with pytest.raises(UserError, match=r"pets\.dvc names no md5"):
            lacking_files(pointer, tmp_path, tmp_path)
    pointer.write_text(f"outs:\n- md5: {MD5}.dir\n  path: pets\n")
    assert tracked_md5(pointer) == f"{MD5}.dir"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "stages",
    few_daily(
        [
            *("[clean]", "clean", "{clean: }", "{clean: [1]}", "{clean: {deps: {path: a}}}", "{clean: {deps: [a]}}"),
            *("{clean: {deps: [{size: 1}]}}", "{clean: {outs: {path: a}}}", "{clean: {outs: [{path: a, md5: [b]}]}}"),
            *("{clean: {outs: [{path: a, md5: ../../a}]}}", "{clean: {params: [a]}}", "{clean: 2026-13-45}"),
            *("{clean: {params: {params.yaml: [a]}}}", "{clean: {deps: [{path: [a]}]}}", "{clean: {deps: [{path: }]}}"),
            *("[" * 5000, "[" * 100_000, "\n" + "- " * 100_000),
        ],
        5,
    ),
)
def test_a_lock_of_another_shape_is_named(checkout: Paths, reader: str, stages: str) -> None:
    checkout.dvc_lock.write_text(f"schema: '2.0'\nstages: {stages}\n")
    with pytest.raises(UserError, match=r"dvc\.lock is not what DVC writes: resolve its merge conflict"):
        READERS[reader](checkout)


def test_a_pointer_of_another_shape_is_named(tmp_path: Path) -> None:
    pointer = tmp_path / "pets.dvc"
    for outs in ("{path: pets}", "pets", "[pets]", "[{path: pets, md5: [a]}]", "[]]"):
        pointer.write_text(f"outs: {outs}\n")
        with pytest.raises(UserError, match=r"pets\.dvc is not what DVC writes: resolve its merge conflict"):
            tracked_md5(pointer)


def test_a_name_that_is_no_text_for_yaml_is_a_name() -> None:
    """A file or stage may be called `1`, which DVC writes without quotes."""
    lock = f"stages:\n  7:\n    deps:\n    - path: 1\n      md5: {MD5}\n    - path: 2026-01-01\n"
    ((name, stage),) = locked_stages_in(lock, "a run").items()
    assert name == "7"
    assert [(dep.path, dep.md5) for dep in stage.deps] == [("1", MD5), ("2026-01-01", None)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.fixed_dictionaries({}, optional={key: VALUES | st.lists(VALUES) for key in ("stages", "outs")}) | VALUES)
def test_whatever_the_files_say_a_person_is_told(checkout: Paths, content: Any) -> None:
    checkout.sources.mkdir(parents=True, exist_ok=True)
    pointer, pipeline = checkout.sources / "pets.dvc", checkout.root / "dvc.yaml"
    text = yaml.safe_dump(content, allow_unicode=True)
    for file in (checkout.dvc_lock, pointer, pipeline):
        file.write_text(text, encoding="utf-8")
    readers: list[Callable[[], object]] = [partial(reader, checkout) for reader in READERS.values()]
    readers += [partial(verify_cache, checkout, delete=False), partial(tracked_md5, pointer)]
    readers += [partial(written_stages, pipeline), partial(locked_stages_in, text, "a run")]
    for reader in readers:
        with suppress(UserError):
            reader()
