"""Probabilities of labels where no pretrained features are at hand: small networks, each trained without a third.

A third's features then come from a network that has not seen it, and a logistic regression on them from the rest of
that third: together they find more than either alone.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional as F

from fieldguide.base.allocator import keep_freed_memory
from fieldguide.base.packs import open_file
from fieldguide.base.parallel import map_threads
from fieldguide.base.progress import Progress
from fieldguide.data.resizing.squish import Squish
from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture
from fieldguide.model.libraries import without_compiler
from fieldguide.model.network import build_body, build_classifier, one_thread
from fieldguide.model.precision import choose_computing
from fieldguide.screening.label_doubts import Mask, out_of_fold, teaching_folds

SIZE, FOLDS, EPOCHS, BATCH, LEARNING_RATE = 64, 3, 16, 32, 0.006
CHANNELS = [32, 64, 128, 256]
ARCHITECTURE = Architecture("timm", "resnet10t", {"channels": CHANNELS, "stem_width": CHANNELS[0] // 2})


class _Fold(NamedTuple):
    """A network that is to learn from some pictures and to be asked about others, by their places."""

    network: nn.Sequential
    others: NDArray[np.int64]
    asked: NDArray[np.int64]


def out_of_fold_from_pictures(
    files: Sequence[Path], labels: Sequence[str], groups: Sequence[str], seed: int, taught: Mask | None = None
) -> NDArray[np.float64]:
    """Probabilities (n, k) for the k distinct labels in sorted order, each picture's from models that have not seen it.

    Parameters
    ----------
    files
        n cleaned pictures.
    labels, groups
        n each; pictures of one group are never on both sides.
    taught
        (n,) the pictures that models learn from, by default all; see `label_doubts.out_of_fold`.
    """
    vocabulary, targets = np.unique(np.asarray(labels, str), return_inverse=True)
    taught = np.ones(len(targets), bool) if taught is None else taught
    keep_freed_memory()
    pictures = torch.stack(list(map_threads(read_square, files)))
    known, group_names = torch.from_numpy(targets), np.asarray(groups, str)

    def answers(fold: _Fold) -> NDArray[np.float64]:
        asked = fold.asked
        train_small(fold.network, pictures, known, torch.from_numpy(fold.others), seed, shown)
        features, own = _apply(fold.network, pictures, torch.from_numpy(asked))
        again, present = np.zeros_like(own), np.unique(targets[asked])
        given, together = list(vocabulary[targets[asked]]), list(group_names[asked])
        again[:, present] = out_of_fold(features, given, together, seed, taught[asked])
        return (own + again) / 2

    probabilities, networks = np.zeros((len(targets), len(vocabulary))), np.zeros((len(targets), 1))
    with (
        without_compiler(),
        one_thread(),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
        Progress("label doubts", FOLDS * EPOCHS, "epochs") as shown,
    ):
        divided = list(teaching_folds(targets, groups, FOLDS, seed, taught))
        folds = [_Fold(small_network(len(vocabulary), seed), *rows) for rows in divided]
        # All at a time: on two cores, two and then one would leave a core idle. After an error, or Ctrl-C, the pool
        # waits for its threads: they end when they see that nobody else does.
        with ThreadPoolExecutor(FOLDS) as pool, closing(shown):
            for fold, found in zip(folds, pool.map(answers, folds), strict=True):
                probabilities[fold.asked] += found
                networks[fold.asked] += 1
    return probabilities / networks


def read_square(file: Path) -> torch.Tensor:
    """A cleaned picture as such a network sees it: float32 (3, SIZE, SIZE), normalized."""
    with open_file(file) as stream, Image.open(stream) as picture:
        square = Squish("squish").square(picture.convert("RGB"), SIZE)
    pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255
    return (pixels - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]


def small_network(labels: int, seed: int) -> nn.Sequential:
    """A network of `body` and `head` with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_classifier(build_body(ARCHITECTURE), CHANNELS[-1], labels)


def train_small(
    network: nn.Sequential,
    pictures: torch.Tensor,
    targets: torch.Tensor,
    taught: torch.Tensor,
    seed: int,
    shown: Progress,
) -> None:
    """Train such a network in one cycle (Smith 2018) of AdamW with label smoothing, and set it to evaluation.

    `pictures` (n, 3, SIZE, SIZE) of which `targets` (n,) are the labels, from 0; it learns from those at the places
    `taught`. `shown` is told of every epoch; when it is closed, the training ends where it is.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device).to(memory_format=torch.channels_last).train()
    halves = choose_computing(network, "auto").precision == "bfloat16"
    # Fused, the step takes a quarter of the time; it was a sixth of the whole training.
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, (0.9, 0.99), weight_decay=0.01, fused=True)
    batch = min(BATCH, len(taught))
    steps = len(taught) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps * EPOCHS, pct_start=0.25)
    chance = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS):
        for rows in taught[torch.randperm(len(taught), generator=chance)[: steps * batch]].view(steps, batch):
            varied = _vary(pictures[rows], chance).to(device, memory_format=torch.channels_last)
            with torch.autocast(device, torch.bfloat16, enabled=halves):
                logits = network(varied)
            loss = F.cross_entropy(logits.float(), targets[rows].to(device), label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if shown.is_closed:
                return
        shown.update()
    network.eval()


def _vary(pictures: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Mirror, turn by up to 10 degrees, zoom, shift, and change brightness and contrast, each picture anew."""

    def between(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(len(pictures), generator=chance)

    mirror = between(-1, 1).sign()
    angle, scale = between(-0.17, 0.17), 1 / between(0.9, 1.2)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    first = torch.stack([mirror * cos, -sin, between(-0.1, 0.1)], dim=1)
    second = torch.stack([mirror * sin, cos, between(-0.1, 0.1)], dim=1)
    grid = F.affine_grid(torch.stack([first, second], dim=1), list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    return moved * between(0.85, 1.15)[:, None, None, None] + between(-0.15, 0.15)[:, None, None, None]


def _apply(
    network: nn.Sequential, pictures: torch.Tensor, asked: torch.Tensor
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Features (n, f), each the mean of a picture's and its mirror image's, and the probabilities (n, k) from them.

    Of the n pictures at the places `asked`.
    """
    device = next(network.parameters()).device
    body, head = network.get_submodule("body"), network.get_submodule("head")
    features, probabilities = [], []
    with torch.inference_mode():
        for rows in torch.split(asked, 64):
            seen = pictures[rows].to(device, memory_format=torch.channels_last)
            both = (body(seen) + body(seen.flip(3))) / 2
            features.append(both.float().cpu().numpy())
            probabilities.append(head(both).double().softmax(dim=1).cpu().numpy())
    return np.concatenate(features), np.concatenate(probabilities)
