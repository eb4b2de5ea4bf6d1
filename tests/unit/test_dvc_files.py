"""What DVC writes is read, or a person is told which file to mend."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fieldguide.base.dvc_files import locked_stages, tracked_md5
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.retraining.data_changes import new_reviews
from fieldguide.retraining.worktree_pipeline import lacking_files
from fieldguide.tracking.run_params import upstream_params

CONFLICT = "<<<<<<< HEAD\nstages: {}\n=======\nstages: {clean: {}}\n>>>>>>> other\n"
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
    pointer.write_text(f"outs:\n- md5: {'0' * 32}.dir\n  path: pets\n")
    assert tracked_md5(pointer) == f"{'0' * 32}.dir"
