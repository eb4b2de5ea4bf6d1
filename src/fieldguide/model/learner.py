"""Training with fastai, bit for bit repeatable; the only module that imports fastai."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import fit_one_cycle  # noqa: F401 - fastai adds the schedules to its Learner on import
from fastai.data.block import CategoryBlock, DataBlock
from fastai.data.core import DataLoaders, TfmdDL
from fastai.data.transforms import ColReader, ColSplitter
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat, LabelSmoothingCrossEntropyFlat
from fastai.metrics import accuracy
from fastai.torch_core import params, set_seed
from fastai.vision.augment import RandTransform
from fastai.vision.core import PILImage
from fastai.vision.data import ImageBlock
from torch import nn
from tqdm import tqdm

from fieldguide.config import FineTune, ResizeConfig, Schedule, TrainConfig
from fieldguide.data.square import random_square, to_square
from fieldguide.model.augment import batch_transforms, normalize
from fieldguide.model.network import Normalization

OnEpoch = Callable[[int, dict[str, float]], None]


class ToSquare(RandTransform):
    """Makes pictures square as an item transform; `random_crop` is random in training only."""

    split_idx = None

    def __init__(self, resize: ResizeConfig, size: int) -> None:
        super().__init__(p=1.0)
        self.resize, self.size = resize, size

    def before_call(self, _: Any, split_idx: int) -> None:
        """Note whether the picture is one of the training split."""
        self.train = split_idx == 0

    def encodes(self, picture: PILImage) -> PILImage:
        """A square RGB picture of `size` pixels."""
        if self.train and self.resize.method == "random_crop":
            return PILImage(random_square(picture, self.size, self.resize.min_scale, self.resize.max_scale))
        return PILImage(to_square(picture, self.resize.method, self.size))


class SeededDataLoader(TfmdDL):
    """A data loader whose order and items follow from (seed, epoch, index) alone, whatever the number of workers."""

    def __init__(self, dataset: Any = None, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(dataset, **kwargs)
        self.seed, self.epoch = seed, 0

    def shuffle_fn(self, indices: list[int]) -> list[int]:
        """Shuffle by seed and epoch."""
        return random.Random(f"{self.seed}/{self.epoch}").sample(indices, len(indices))

    def do_item(self, index: int) -> Any:
        """Make one item with its own random numbers, and leave everybody else's as they were."""
        before = random.getstate(), np.random.get_state(), torch.get_rng_state()
        _seed_all(f"{self.seed}/{self.epoch}/{index}")
        try:
            return super().do_item(index)
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
            torch.set_rng_state(before[2])


class EachEpoch(Callback):
    """Seeds every epoch by itself, so that an epoch's random numbers do not depend on how the earlier ones went."""

    order = -20

    def __init__(self, seed: int) -> None:
        self.seed, self.count = seed, 0

    def before_epoch(self) -> None:
        """Seed the training loop and both loaders; counts on over the two fits of fine_tune."""
        _seed_all(f"{self.seed}/{self.count}")
        for loader in self.dls.loaders:
            loader.epoch = self.count
        self.count += 1


class Report(Callback):
    """Shows progress with the time left, keeps the history, and tells `on_epoch` of every epoch."""

    order = 60

    def __init__(self, epochs: int, on_epoch: OnEpoch) -> None:
        self.epochs, self.on_epoch = epochs, on_epoch
        self.history: list[dict[str, float]] = []

    def before_fit(self) -> None:
        """Open the progress bar with the first fit."""
        if not hasattr(self, "bar"):
            batches = self.epochs * (len(self.dls.train) + len(self.dls.valid))
            self.bar = tqdm(total=batches, desc="train", unit="batch", disable=None)

    def after_batch(self) -> None:
        """Move the progress bar."""
        self.bar.update()

    def after_epoch(self) -> None:
        """Keep the epoch's figures."""
        train_loss, valid_loss, valid_accuracy = (float(value) for value in self.recorder.log[1:4])
        figures = {"train_loss": train_loss, "valid_loss": valid_loss, "valid_accuracy": valid_accuracy}
        self.history.append(figures)
        text = f"epoch {len(self.history)}/{self.epochs}: " + ", ".join(f"{k} {v:.4f}" for k, v in figures.items())
        self.bar.write(text) if not self.bar.disable else print(text, flush=True)
        self.on_epoch(len(self.history), figures)
        if len(self.history) == self.epochs:
            self.bar.close()


class Bfloat16(Callback):
    """Runs the network in bfloat16 where that is safe; fastai's own to_bf16 does nothing on a processor."""

    order = -10

    def before_batch(self) -> None:
        """Open autocast for the forward pass."""
        self.autocast = torch.autocast(self.dls.device.type, torch.bfloat16)
        self.autocast.__enter__()  # type: ignore[no-untyped-call]

    def after_pred(self) -> None:
        """Close autocast; the loss is taken in float32."""
        self.autocast.__exit__(None, None, None)
        self.learn.pred = self.pred.float()


def make_loaders(
    pictures: pd.DataFrame,
    folder: Path,
    vocabulary: list[str],
    resize: ResizeConfig,
    transforms: list[Any],
    normalization: Normalization,
    train: TrainConfig,
    seed: int,
) -> DataLoaders:
    """fastai's loaders over cleaned pictures.

    Parameters
    ----------
    pictures
        Columns clean_path (below `folder`), label and is_valid; one row a picture.
    transforms
        `fieldguide.config.Transform`s for the training batches, in order.
    """
    set_seed(seed, reproducible=True)
    block = DataBlock(
        blocks=(ImageBlock(), CategoryBlock(vocab=vocabulary)),
        get_x=ColReader("clean_path", pref=f"{folder}/"),
        get_y=ColReader("label"),
        splitter=ColSplitter("is_valid"),
        item_tfms=[ToSquare(resize, train.size)],
        batch_tfms=[*batch_transforms(transforms), normalize(normalization)],
    )
    return block.dataloaders(
        pictures, bs=train.batch_size, num_workers=train.workers, dl_type=SeededDataLoader, seed=seed
    )


def fit(
    network: nn.Sequential,
    loaders: DataLoaders,
    train: TrainConfig,
    schedule: Schedule,
    precision: str,
    seed: int,
    on_epoch: OnEpoch,
) -> pd.DataFrame:
    """Train a classifier in place and return its history.

    Parameters
    ----------
    network
        `body` and `head`, as `build_classifier` makes it.
    precision
        "float32" or "bfloat16", see `fieldguide.model.precision`.
    on_epoch
        Called after every epoch with its number, from 1, and its figures.

    Returns
    -------
    One row an epoch: epoch (from 1), train_loss, valid_loss, valid_accuracy.
    """
    torch.set_num_threads(train.threads)
    freeze_epochs = schedule.freeze_epochs if isinstance(schedule, FineTune) else 0
    report = Report(freeze_epochs + train.epochs, on_epoch)
    smoothing = train.label_smoothing
    learner = Learner(
        loaders,
        network.to(memory_format=torch.channels_last),
        loss_func=LabelSmoothingCrossEntropyFlat(eps=smoothing) if smoothing else CrossEntropyLossFlat(),
        metrics=accuracy,
        wd=train.weight_decay,
        splitter=lambda network: [params(network.body), params(network.head)],
        cbs=[EachEpoch(seed), report, *([Bfloat16()] if precision == "bfloat16" else [])],
    )
    with learner.no_bar(), learner.no_logging():
        if isinstance(schedule, FineTune):
            learner.fine_tune(
                train.epochs,
                base_lr=train.lr,
                freeze_epochs=schedule.freeze_epochs,
                lr_mult=schedule.lr_mult,
                pct_start=schedule.warmup_share,
            )
        else:
            learner.fit_one_cycle(train.epochs, lr_max=train.lr, pct_start=schedule.warmup_share)
    history = pd.DataFrame(report.history)
    history.insert(0, "epoch", range(1, len(history) + 1))
    return history


def _seed_all(key: str) -> None:
    set_seed(random.Random(key).getrandbits(31))
