"""Class activation maps: their mean is the logit, so they say where it comes from."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from conftest import noise
from fieldguide.base.errors import UserError
from fieldguide.model.activation_maps import activation_map, has_map, head_weights, tinted
from fieldguide.model.asking import FEATURE_MAP, LOGITS
from fieldguide.model.inference import Classifier, load_classifier, to_input
from untrained import LABELS, save_classifier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_classifier(folder, size=96)  # so large that its last map has several places
    return folder


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    return load_classifier(folder / "classifier.safetensors", folder / "classifier.json")


def test_the_mean_of_the_map_times_the_head_is_the_logit(classifier: Classifier, folder: Path) -> None:
    head = head_weights(folder / "classifier.safetensors")
    bias = load_file(folder / "classifier.safetensors")["head.bias"]
    assert has_map(classifier) and head.shape[0] == len(LABELS)
    for seed in range(3):
        square = to_input(noise(seed), classifier.preprocessing)
        ((logits, found),) = classifier.network.ask([square], [LOGITS, FEATURE_MAP])
        added = np.tensordot(head, found, 1)  # (labels, height, width)
        np.testing.assert_allclose(added.mean(axis=(1, 2)) + bias, logits, rtol=1e-4, atol=1e-4)
        for label in range(len(LABELS)):
            places = activation_map(classifier, head, noise(seed), label)
            beside = added[label] - added.mean(axis=0)
            assert places.min() >= 0 and places.max() in (0, pytest.approx(1))
            assert np.array_equal(places > 0, beside > 0) or np.abs(beside[(places > 0) != (beside > 0)]).max() < 1e-4


def test_the_tinted_picture_shows_the_square_that_the_network_sees(classifier: Classifier, folder: Path) -> None:
    head = head_weights(folder / "classifier.safetensors")
    picture = noise(1, 90, 60)
    shown = tinted(classifier, picture, activation_map(classifier, head, picture, 0), 64)
    assert (shown.size, shown.mode) == ((64, 64), "RGB")
    assert shown.tobytes() != tinted(classifier, picture, activation_map(classifier, head, picture, 1), 64).tobytes()


def test_a_file_without_a_head_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"x.safetensors cannot be read") as caught:
        head_weights(tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value)
