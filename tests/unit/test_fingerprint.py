"""What a classifier follows from: the sources of training, and no others."""

import shutil
from pathlib import Path

import pytest

from fieldguide.model.fingerprint import code_digest
from source_graph import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return tmp_path


def test_it_is_the_same_for_the_same_sources(checkout: Path) -> None:
    assert code_digest(checkout) == code_digest()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "matters"),
    [
        ("training/learner.py", True),
        ("model/network.py", True),
        ("data/resizing/crop.py", True),
        ("training/augmentations/flip.py", True),
        ("base/config.py", True),
        ("stages/train.py", True),
        ("evaluation/page.py", False),
        ("evaluation/metrics.py", False),
        ("stages/evaluate.py", False),
        ("screening/screen.py", False),
        ("tracking/delivery.py", False),
        ("cli/pipeline.py", False),
    ],
)
def test_a_change_matters_where_training_runs_through_it(checkout: Path, source: str, matters: bool) -> None:
    before = code_digest(checkout)
    with (checkout / "src" / "fieldguide" / source).open("a", encoding="utf-8") as text:
        text.write("\n# changed\n")
    assert (code_digest(checkout) != before) == matters


@pytest.mark.slow
def test_a_new_operation_matters_and_what_nothing_imports_does_not(checkout: Path) -> None:
    before, training = code_digest(checkout), checkout / "src" / "fieldguide" / "training"
    (training / "another.py").write_text("# new\n", encoding="utf-8")
    assert code_digest(checkout) == before
    (training / "augmentations" / "another.py").write_text("# new\n", encoding="utf-8")
    assert code_digest(checkout) != before


def test_what_python_compiled_does_not_matter(checkout: Path) -> None:
    before = code_digest(checkout)
    compiled = checkout / "src" / "fieldguide" / "training" / "__pycache__" / "learner.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"compiled")
    assert code_digest(checkout) == before
