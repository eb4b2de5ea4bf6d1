"""What evaluate and screen observe of clean copies is asked once, and kept to the last bit."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conftest import noise
from fieldguide.base.files import sha256_of_file
from fieldguide.data.resizing.pad import PadMode
from fieldguide.model.inference import Classifier, load_classifier
from fieldguide.screening.kept_observations import observe_files
from fieldguide.screening.measurements import measure_square
from fieldguide.screening.observations import Observations
from untrained import save_classifier

pytestmark = pytest.mark.slow  # importing PyTorch takes seconds


def classifier_of(folder: Path, pad_mode: PadMode = "zeros") -> Classifier:
    folder.mkdir()
    save_classifier(folder, method="pad", pad_mode=pad_mode)
    return load_classifier(folder / "classifier.safetensors", folder / "classifier.json")


@pytest.fixture
def pictures(tmp_path: Path) -> list[tuple[str, Path]]:
    """Eight, with their hashes."""
    files = [tmp_path / f"{number}.png" for number in range(8)]
    for number, file in enumerate(files):
        noise(number, 60 + number, 40).save(file)
    return [(sha256_of_file(file), file) for file in files]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes of the pictures that were measured."""
    sizes: list[tuple[int, int]] = []

    def counted(pixels: Sequence[NDArray[np.float32]], size: tuple[int, int]) -> Any:
        sizes.append(size)
        return measure_square(pixels, size)

    monkeypatch.setattr("fieldguide.screening.observations.measure_square", counted)
    return sizes


def are_the_same(some: Observations, others: Observations) -> bool:
    return all(
        getattr(some, field.name).tobytes() == getattr(others, field.name).tobytes() for field in fields(Observations)
    )


@pytest.mark.parametrize("turned", [False, True])
def test_of_added_pictures_alone_anything_is_asked_and_the_results_are_the_same_bytes(
    pictures: list[tuple[str, Path]], tmp_path: Path, measured: list[tuple[int, int]], turned: bool
) -> None:
    classifier, kept = classifier_of(tmp_path / "model"), tmp_path / "kept"

    def observe(some: list[tuple[str, Path]], folder: Path = kept) -> Observations:
        measured.clear()
        return observe_files(classifier, classifier.network, some, folder, "observing", turned=turned)

    observe(pictures[:4])
    assert len(measured) == 4
    both = observe(pictures)
    assert sorted(measured) == [(60 + number, 40) for number in range(4, 8)]
    assert are_the_same(observe(pictures), both)
    assert measured == []
    assert are_the_same(observe(pictures, tmp_path / "other"), both)
    assert len(measured) == 8

    [file] = kept.glob("*.safetensors")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert are_the_same(observe(pictures), both)
    assert len(measured) == 8
    assert are_the_same(observe(pictures), both)
    assert measured == []


def test_what_other_settings_or_another_library_gave_is_asked_anew(
    pictures: list[tuple[str, Path]], tmp_path: Path, measured: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    black, mirrored = classifier_of(tmp_path / "black"), classifier_of(tmp_path / "mirrored", "reflection")

    def observe(classifier: Classifier) -> Observations:
        measured.clear()
        return observe_files(classifier, classifier.network, pictures, tmp_path / "kept", "observing")

    first = observe(black)
    assert not are_the_same(observe(mirrored), first)
    assert len(measured) == 8
    observe(black)
    assert measured == []
    monkeypatch.setattr("fieldguide.screening.kept_observations.inference_surroundings", lambda: ["numpy of tomorrow"])
    assert are_the_same(observe(black), first)
    assert len(measured) == 8
