"""Whether intervals hold at new cameras, divided by site and by look-alikes: `python bench/sample_new_cameras.py`.

Twenty samples, each with sites of its own, are drawn and divided by both keys. Each time a small network learns the
train side (that of label doubts: 64 pixels, 16 epochs, seconds instead of minutes), and the 95 % interval of its test
accuracy is compared with its accuracy at 80 sites that belong to no sample.
"""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from common import Figure, report
from fieldguide.base.config import SplitConfig
from fieldguide.base.parallel import map_processes
from fieldguide.base.progress import Progress, progress
from fieldguide.data.groups import group_numbers
from fieldguide.data.images import perceptual_hash
from fieldguide.data.resizing.squish import Squish
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split
from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD
from fieldguide.sample import KINDS, SamplePicture, draw, plan_sample
from fieldguide.screening import out_of_fold
from fieldguide.statistics.intervals import share_interval

COMPARED = "the interval of the sample's test accuracy against the accuracy at 80 new cameras, 20 samples"
SAMPLES, PICTURES = 20, 430  # half as many as the sample has: drawing takes the most time
FRESH = (1001, 1002)  # the seeds of what the new cameras take
SPLIT = SplitConfig(valid=0.13, test=0.24)


def measure() -> list[Figure]:
    """How often the interval holds, and both accuracies, for each key."""
    fresh = pd.concat([drawn(seed, 2 * PICTURES, every_frame=False) for seed in FRESH], ignore_index=True)
    found: dict[str, list[tuple[float, float, float, float]]] = {"site": [], "look_alike": []}
    for seed in progress(range(SAMPLES), "samples"):
        pictures = drawn(seed, PICTURES)
        for key, rows in found.items():
            rows.append(judged(pictures, fresh, replace(SPLIT, group_by=key, seed=seed)))
    return [figure for key, rows in found.items() for figure in figures(key, np.array(rows))]


def drawn(seed: int, pictures: int, *, every_frame: bool = True) -> pd.DataFrame:
    """The ordinary pictures of a sample: what the split needs, the label's position and the network's square.

    Of a burst every frame, or the first one, which tells as much about new cameras in less time.
    """
    plan = [one for one in plan_sample(pictures, seed) if not one.planted and (every_frame or not one.capture.frame)]
    return pd.DataFrame(map_processes(_row, plan, f"drawing sample {seed}"))


def _row(picture: SamplePicture) -> dict[str, Any]:
    with Image.open(io.BytesIO(draw(picture))) as stored:
        image = ImageOps.exif_transpose(stored).convert("RGB")
    return {
        "id": picture.path,
        "site": picture.capture.site.name,
        "perceptual_hash": perceptual_hash(image),
        "target": KINDS.index(picture.label),
        "square": np.asarray(Squish("squish").square(image, out_of_fold.SIZE)),
    }


def judged(pictures: pd.DataFrame, fresh: pd.DataFrame, split: SplitConfig) -> tuple[float, float, float, float]:
    """A network of the train side: its test accuracy, the interval's ends, and its accuracy at the new cameras."""
    sides = split_pictures(pictures, split)
    train, test = (sides[sides["split"] == side] for side in (Split.TRAIN, Split.TEST))
    targets = torch.tensor(train["target"].tolist())
    network = out_of_fold.small_network(len(KINDS), split.seed)
    with Progress("training", out_of_fold.EPOCHS, "epochs") as shown:
        out_of_fold.train_small(network, squares(train), targets, torch.arange(len(targets)), split.seed, shown)
    right = answered(network, test)
    low, high = share_interval(right, group_numbers(test))
    return float(right.mean()), low, high, float(answered(network, fresh).mean())


def squares(rows: pd.DataFrame) -> torch.Tensor:
    """What the network sees of n pictures: (n, 3, s, s) float32, normalized."""
    pixels = torch.from_numpy(np.stack(list(rows["square"]))).permute(0, 3, 1, 2).float() / 255
    return (pixels - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]


def answered(network: torch.nn.Sequential, rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which of n pictures (n,) the network is right about."""
    with torch.inference_mode():
        answers = torch.cat([network(batch).argmax(dim=1) for batch in squares(rows).split(64)])
    return answers.numpy() == rows["target"].to_numpy()


def figures(key: str, rows: NDArray[np.float64]) -> list[Figure]:
    """Of rows (samples, 4) as `judged` gives them."""
    accuracy, low, high, fresh = rows.T
    held = (low <= fresh) & (fresh <= high)
    detail = (
        f"{int(held.sum())} of {len(rows)}; accuracy in test {accuracy.mean():.3f} on average ({low.mean():.3f} to "
        f"{high.mean():.3f}), at new cameras {fresh.mean():.3f} ({fresh.min():.3f} to {fresh.max():.3f})"
    )
    goal = 0.9 if key == "site" else None
    return [
        Figure(f"split.group_by {key}: intervals that hold at new cameras", float(held.mean()), goal, False, "", detail)
    ]


if __name__ == "__main__":
    report(measure)
