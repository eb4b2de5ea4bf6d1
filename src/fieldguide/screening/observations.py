"""What screening sees of a picture, from the one pass through the network that prediction makes anyway."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from fieldguide.model.description import Preprocessing
from fieldguide.model.inference import Classifier, to_input
from fieldguide.screening.feature_network import FeatureNetwork
from fieldguide.screening.measurements import measure_square

PLACES = 4  # the layout is a map of features averaged over 4 x 4 places
MEAN, SPREAD = 0.5, 1.0  # lengths of what the layout adds to the features, beside the body's last ones, 1


@dataclass(frozen=True)
class Observations:
    """Of n pictures: the classifier's logits, and what decides whether they belong to its domain."""

    logits: torch.Tensor  # float32 (n, labels)
    features: torch.Tensor  # float32 (n, f), of the frozen body or of the classifier, see `_features`
    layout: torch.Tensor  # float32 (n, 16 c): a map of c features averaged over 4 x 4 places, of the same network
    measurements: NDArray[np.float64]  # (n, measurements), see measure_square

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, rows: NDArray[Any]) -> "Observations":
        """Some of the pictures, by their positions or a mask."""
        return Observations(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def measure(square: torch.Tensor, size: tuple[int, int], preprocessing: Preprocessing) -> NDArray[np.float64]:
    """Measure what `to_input` made of a picture of this width and height: see `measure_square`."""
    normalization = preprocessing.normalization
    planes = zip(square.numpy(), normalization.std, normalization.mean, strict=True)
    return measure_square([plane * std + mean for plane, std, mean in planes], size)


def observe(
    classifier: Classifier,
    feature_network: FeatureNetwork,
    inputs: Sequence[torch.Tensor],
    measurements: NDArray[np.float64],
) -> Observations:
    """Observe one batch, as `to_input` and `measure` make it of n pictures (n at least 1)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = classifier.network.to(device)
    batch = torch.stack(list(inputs)).to(device, memory_format=torch.channels_last)
    body = network.get_submodule("body") if feature_network.body is None else feature_network.body.to(device)
    maps: list[torch.Tensor] = []
    hook = body.get_submodule(feature_network.layout).register_forward_hook(
        lambda _module, _inputs, output: maps.append(output)
    )
    try:
        with torch.inference_mode():
            last = body(batch)
            own = last if feature_network.body is None else network.get_submodule("body")(batch)
            logits = network.get_submodule("head")(own)
            places = torch.nn.functional.adaptive_avg_pool2d(maps[-1], PLACES).flatten(2)
            features = _features(last, places)
    finally:
        hook.remove()
    return Observations(logits.float().cpu(), features.float().cpu(), places.flatten(1).float().cpu(), measurements)


def observe_pictures(
    classifier: Classifier, feature_network: FeatureNetwork, pictures: Iterable[Image.Image], batch_size: int = 64
) -> Observations:
    """Observe RGB pictures of any size, at least one, `batch_size` at a time."""
    return _joined([_seen(classifier, feature_network, batch) for batch in _batches(pictures, batch_size)])


def observe_pairs(
    classifier: Classifier, feature_network: FeatureNetwork, pictures: Iterable[Image.Image], batch_size: int = 64
) -> tuple[Observations, Observations]:
    """Observe pictures as `observe_pictures` does, and the same turned by 180 degrees, opening each once."""
    upright, turned = [], []
    for batch in _batches(pictures, batch_size):
        upright.append(_seen(classifier, feature_network, batch))
        turned.append(_seen(classifier, feature_network, [one.transpose(Image.Transpose.ROTATE_180) for one in batch]))
    return _joined(upright), _joined(turned)


def _batches(pictures: Iterable[Image.Image], batch_size: int) -> Iterator[list[Image.Image]]:
    remaining = iter(pictures)
    while batch := list(islice(remaining, batch_size)):
        yield batch


def _seen(classifier: Classifier, feature_network: FeatureNetwork, pictures: Sequence[Image.Image]) -> Observations:
    inputs = [to_input(picture, classifier.preprocessing) for picture in pictures]
    measurements = [
        measure(square, picture.size, classifier.preprocessing)
        for square, picture in zip(inputs, pictures, strict=True)
    ]
    return observe(classifier, feature_network, inputs, np.stack(measurements))


def _joined(parts: Sequence[Observations]) -> Observations:
    return Observations(
        torch.cat([part.logits for part in parts]),
        torch.cat([part.features for part in parts]),
        torch.cat([part.layout for part in parts]),
        np.concatenate([part.measurements for part in parts]),
    )


def _features(last: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The body's features and, of an earlier map (n, c, places), mean and standard deviation over all places.

    Each is on a sphere. The mean knows less of the labels and more of everything else. The deviation knows how much one
    place differs from the others: in a picture without its subject there is nothing to differ.
    """
    normalize = torch.nn.functional.normalize
    mean = places.mean(dim=2)
    spread = (places - mean[:, :, None]).square().mean(dim=2).sqrt()  # torch.std takes many times as long
    return torch.cat([normalize(last, dim=1), MEAN * normalize(mean, dim=1), SPREAD * normalize(spread, dim=1)], dim=1)
