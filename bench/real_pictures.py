"""What a pretrained network sees of the maintainers' photos, kept in the temporary folder of the system."""

import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common import Skipped, shared

if TYPE_CHECKING:
    from fieldguide.model.inference import Classifier
    from fieldguide.screening.observations import Observations

SAMPLE = "sample"  # a collection: the ordinary pictures of the built-in sample
SIZE = 160  # pixels of the square that the network sees
SMALL = 300 * 168  # pixels of a thumbnail from the web
SHRUNK = "small"  # a change: to that size


@dataclass(frozen=True)
class Seen:
    """n pictures: the body's features `raw` (n, 1280), what screening sees of them, label and perceptual hash."""

    raw: NDArray[np.float32]
    features: NDArray[np.float32]
    layout: NDArray[np.float32]
    measurements: NDArray[np.float64]
    labels: NDArray[np.str_]
    hashes: NDArray[np.str_]


def seen(collection: str, change: str = "") -> Seen:
    """All pictures of ../shared/data/COLLECTION, or of "sample"; changed: "small", a shift, or both ("small_night")."""
    kept = Path(tempfile.gettempdir()) / "fieldguide-seen" / f"{collection}{change and '_'}{change}.npz"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.with_suffix(".partial").open("wb") as partial:
            np.savez(partial, **_look(collection, change))
        kept.with_suffix(".partial").replace(kept)
    with np.load(kept) as content:
        return Seen(**{name: content[name] for name in Seen.__dataclass_fields__})


def observations(some: Seen) -> "Observations":
    """The same as screening takes it; without logits, which its usual detector does not ask for."""
    from fieldguide.screening.observations import Observations

    return Observations(np.zeros((len(some.features), 1), np.float32), some.features, some.layout, some.measurements)


def _look(collection: str, change: str) -> dict[str, NDArray[np.generic]]:
    from fieldguide.data.images import perceptual_hash
    from fieldguide.screening.observations import observe_pictures

    opened = _opened(collection)
    pictures = [_changed(picture, change, name) for name, _, picture in opened]
    found = observe_pictures(_looker(), _looker().network, pictures)
    return {
        "raw": found.logits,
        "features": found.features,
        "layout": found.layout,
        "measurements": found.measurements,
        "labels": np.array([label for _, label, _ in opened]),
        "hashes": np.array([perceptual_hash(picture) for picture in pictures]),
    }


@cache
def _looker() -> "Classifier":
    """A network whose logits are the body's features."""
    import timm
    import torch
    from torch import nn

    from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Normalization
    from fieldguide.model.description import Preprocessing
    from fieldguide.model.inference import Classifier
    from fieldguide.model.torch_network import ObservedNetwork, TorchNetwork

    body = timm.create_model("mobilenetv2_100", num_classes=0)
    weights = torch.load(shared("weights", "mobilenetv2_100.pth"), weights_only=True)
    body.load_state_dict({name: value for name, value in weights.items() if not name.startswith("classifier")})
    normalization = Normalization(IMAGENET_MEAN, IMAGENET_STD)
    network = TorchNetwork(ObservedNetwork(body.eval(), nn.Identity(), normalization, SIZE), "cpu")
    preprocessing = Preprocessing(150.0, 320, "squish", "border", SIZE, normalization)
    return Classifier(network, [str(number) for number in range(1280)], preprocessing, 1.0)


@lru_cache(maxsize=1)
def _opened(collection: str) -> list[tuple[str, str, Image.Image]]:
    """Name, label and picture of every file that can be read; decoding takes longer than all changes."""
    from fieldguide.data.images import PictureError
    from fieldguide.model.inference import open_for

    opened = []
    for name, label, file in _drawn() if collection == SAMPLE else _files(shared("data", *collection.split("/"))):
        try:
            opened.append((name, label, open_for(_looker(), file)))
        except PictureError:
            continue
    if not opened:
        raise Skipped(f"no picture in ../shared/data/{collection} could be read")
    return opened


def _files(folder: Path) -> Iterator[tuple[str, str, Path]]:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if file.suffix != ".png" or not file.with_suffix(".jpg").is_file():  # else the mask of a segmentation
            yield file.name, file.parent.name, file


def _drawn() -> Iterator[tuple[str, str, BinaryIO]]:
    from fieldguide.sample import draw, plan_sample

    for one in plan_sample():
        if not one.planted:
            yield one.path, one.label, io.BytesIO(draw(one))


def _changed(picture: Image.Image, change: str, name: str) -> Image.Image:
    from fieldguide.evaluation.shifts import shifted

    if change.startswith(SHRUNK):
        scale = min(1.0, (SMALL / (picture.width * picture.height)) ** 0.5)
        picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
        change = change.removeprefix(SHRUNK).removeprefix("_")
    return shifted(picture, change, name) if change else picture
