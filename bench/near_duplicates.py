"""Near duplicates by features against the products of all pairs of features alone: `python bench/near_duplicates.py`.

On one core each. The features are made of those of photos: each picture's are half one photo's, half another's, and one
in twenty is a copy of another, a little changed.
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common import Figure, in_turn, ratio_of, report, shared

COMPARED = "near duplicates by features of mobilenetv2_100, against the products of all pairs of them alone; one core"
PICTURES, PHOTOS, SIZE, ROUNDS, BLOCK = 10_000, 120, 224, 3, 512
CHANGE = 0.1


def measure() -> list[Figure]:
    """How many times as fast it is."""
    from fieldguide.base.parallel import on_one_core
    from fieldguide.base.processor import one_linear_algebra_thread
    from fieldguide.screening.near_duplicates import near_duplicates_of

    with on_one_core(), one_linear_algebra_thread():
        features = mixed(photo_features())
        names = [f"{number:06}" for number in range(PICTURES)]
        pictures = pd.DataFrame({"id": names, "label": "any", "group": names})
        found = near_duplicates_of(features, pictures)["near_duplicate_of"]
        missed = sum(found[place] == "" for place in range(0, PICTURES, 20))

        def products() -> None:
            for start in range(0, PICTURES, BLOCK):
                features[start : start + BLOCK] @ features.T

        ours, theirs = (
            lambda: processor_time(lambda: near_duplicates_of(features, pictures)),
            lambda: processor_time(products),
        )
        pairs = in_turn(ours, theirs, ROUNDS)
    mine, other = (min(times) for times in zip(*pairs, strict=True))
    detail = f"{mine:.2f} s of the processor against {other:.2f} s, best of {ROUNDS}; {PICTURES // 20} copies"
    return [
        Figure(f"{PICTURES:,} pictures", ratio_of(pairs), 2.0, detail=detail),
        Figure("copies that are missed", missed, 0, at_most=True, unit="", detail=f"of {PICTURES // 20}"),
    ]


def photo_features() -> NDArray[np.float32]:
    """(photos, f): of the frozen network that the maintainers have."""
    import torch

    from fieldguide.base.files import sha256_of_file
    from fieldguide.data.images import open_bounded
    from fieldguide.data.resizing.squish import Squish
    from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture, Normalization
    from fieldguide.model.asking import FEATURES
    from fieldguide.model.inference import as_input
    from fieldguide.model.onnx_export import export_network
    from fieldguide.model.onnx_network import OnnxNetwork
    from fieldguide.model.torch_network import ObservedNetwork
    from fieldguide.model.weights import file_body

    weights, bears = shared("weights", "mobilenetv2_100.pth"), shared("data", "bears")
    torch.set_num_threads(1)
    body = file_body(Architecture("timm", "mobilenetv2_100", {}), weights, sha256_of_file(weights))
    observed = ObservedNetwork(body, None, Normalization(IMAGENET_MEAN, IMAGENET_STD), SIZE)
    network = OnnxNetwork(export_network(observed))
    files = sorted(path for path in bears.glob("*/*.jpg"))
    chosen = files[:: max(1, len(files) // PHOTOS)]
    squares = (as_input(Squish("squish").square(open_bounded(file, 150, 320), SIZE)) for file in chosen)
    return np.stack([features for (features,) in network.ask(squares, [FEATURES])])


def mixed(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(PICTURES, f) made of those of some photos."""
    chance = np.random.default_rng(0)
    one, other = chance.integers(0, len(features), (2, PICTURES))
    half = chance.random((PICTURES, features.shape[1]), dtype=np.float32) < 0.5
    found = np.where(half, features[one], features[other])
    copies = found[1::20].shape
    found[1::20] = found[::20] + CHANGE * chance.standard_normal(copies, dtype=np.float32)
    return found


def processor_time(action: Callable[[], object]) -> float:
    """Seconds of the processor that a call takes in this process."""
    start = time.process_time()
    action()
    return time.process_time() - start


if __name__ == "__main__":
    report(measure)
