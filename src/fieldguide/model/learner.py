"""Training with fastai, bit for bit repeatable."""

from collections.abc import Callable

import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import fit_one_cycle  # noqa: F401 - fastai adds the schedules to its Learner on import
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat, LabelSmoothingCrossEntropyFlat
from fastai.metrics import accuracy
from fastai.torch_core import params, set_seed
from torch import nn
from tqdm import tqdm

from fieldguide.base.config import FineTune, Schedule, TrainConfig
from fieldguide.model.loaders import number_of

OnEpoch = Callable[[int, dict[str, float]], None]


class EachEpoch(Callback):
    """Seeds every epoch by itself, so that an epoch's random numbers do not depend on how the earlier ones went."""

    order = -20

    def __init__(self, seed: int) -> None:
        self.seed, self.count = seed, 0

    def before_epoch(self) -> None:
        """Seed the training loop and both loaders; counts on over the two fits of fine_tune."""
        set_seed(number_of(f"{self.seed}/{self.count}"))
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
