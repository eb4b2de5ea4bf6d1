"""Training with fastai, bit for bit repeatable."""

import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.fp16 import MixedPrecision
from fastai.callback.mixup import CutMix, MixUp
from fastai.callback.schedule import fit_one_cycle, lr_find, slide, valley  # noqa: F401 - methods of Learner on import
from fastai.callback.training import BnFreeze, GradientAccumulation
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.metrics import accuracy
from fastai.torch_core import params
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from fieldguide.base.allocator import keep_freed_memory
from fieldguide.base.config import TrainConfig
from fieldguide.base.schedules import FineTune, Schedule
from fieldguide.model.precision import Computing
from fieldguide.training.callbacks import Bfloat16, EachEpoch, OnEpoch, Report, restore
from fieldguide.training.checkpoint import load_checkpoint
from fieldguide.training.optimizer import FusedAdam

PRECISIONS: dict[str, Callable[[], list[Callback]]] = {
    "float32": list,
    "bfloat16": lambda: [Bfloat16()],
    "float16": lambda: [MixedPrecision()],
}
MIXES: dict[str, Callable[[], list[Callback]]] = {
    "none": list,
    "mixup": lambda: [MixUp()],
    "cutmix": lambda: [CutMix()],
}
SUGGESTIONS = {"valley": valley, "slide": slide}


@dataclass(frozen=True)
class Training:
    """The results of a training beside the weights.

    history: one row an epoch with epoch (from 1), train_loss, valid_loss, valid_accuracy. search: the learning rates
    that were tried and the losses with them (lr, loss), empty where none was searched.
    """

    history: pd.DataFrame
    best_epoch: int
    lr: float
    search: pd.DataFrame


@dataclass(frozen=True)
class Phase:
    """Some epochs of one-cycle training (Smith 2018).

    The learning rate climbs from lr / div to `lr` during `warmup_share` of the phase and falls to nearly 0 after it.
    """

    epochs: int
    lr: float
    body_lr: float  # the highest rate of the body's layers; those of the head learn with `lr`
    warmup_share: float
    div: float = 25.0
    frozen: bool = False  # the head learns alone


def fit(
    network: nn.Sequential,
    loaders: DataLoaders,
    train: TrainConfig,
    schedule: Schedule,
    computing: Computing,
    seed: int,
    label_weights: torch.Tensor | None,
    on_epoch: OnEpoch,
    checkpoint: Path,
    key: str,
) -> Training:
    """Train a classifier in place; it ends with the weights of the epoch with the lowest valid loss.

    Parameters
    ----------
    network
        `body` and `head`, as `build_classifier` makes it.
    label_weights
        How much an error at each label counts; all the same if None.
    on_epoch
        Called after every epoch with its number, from 1, and its figures.
    checkpoint, key
        Where the state is kept after every epoch, and what it belongs to: a training that finds a state of the same key
        resumes from it, and ends with the same bytes as one that was never interrupted.

    Raises
    ------
    UserError
        If the loss becomes infinite or no number.
    """
    keep_freed_memory()
    torch.set_num_threads(train.threads)
    if computing.channels_last:
        network.to(memory_format=torch.channels_last)
    make = partial(
        _make_learner,
        loaders=loaders,
        train=train,
        schedule=schedule,
        computing=computing,
        seed=seed,
        label_weights=label_weights,
    )
    state = load_checkpoint(checkpoint, key)
    search = state["search"] if state else _learning_rate(make, network, train, schedule)
    phases = phases_of(schedule, train.epochs, search["lr"])
    epochs = sum(phase.epochs for phase in phases)
    report = Report(epochs, train.patience, on_epoch, checkpoint, key, search)
    learner = make(network, [report])
    if state:
        report.go_on(state)
        restore(learner, state)
        print(f"train: resumes after epoch {len(report.history)}, where it was interrupted", flush=True)
    else:
        learner.create_opt()
    with learner.no_bar(), learner.no_logging():
        for phase in phases:
            report.is_last_phase = phase is phases[-1]
            done = max(0, len(report.history) - report.phase_start)
            if done < phase.epochs and not report.has_stopped:
                learner.opt.freeze_to(-1 if phase.frozen else 0)
                if not done:
                    learner.opt.clear_state()
                learner.each_epoch.count = report.phase_start
                learner.fit_one_cycle(
                    phase.epochs,
                    lr_max=slice(phase.body_lr, phase.lr),
                    pct_start=phase.warmup_share,
                    div=phase.div,
                    start_epoch=done,
                )
                report.require_numbers()
                if report.has_stopped and len(report.history) < epochs:
                    report.close()
                    print(f"train: stopped early, no lower valid loss for {train.patience} epochs", flush=True)
            report.phase_start += phase.epochs
    report.close()
    network.load_state_dict(report.best_weights)
    history = pd.DataFrame(report.history)
    history.insert(0, "epoch", range(1, len(history) + 1))
    found = pd.DataFrame({"lr": search["tried"], "loss": search["losses"]}, dtype=float)
    return Training(history, report.best_epoch, search["lr"], found)


def phases_of(schedule: Schedule, epochs: int, lr: float) -> list[Phase]:
    """The phases of a training of `epochs`; those of fine_tune are fastai's (Howard and Gugger 2020)."""
    if not isinstance(schedule, FineTune):
        return [Phase(epochs, lr, lr, schedule.warmup_share)]
    return [
        Phase(schedule.freeze_epochs, lr, lr, 0.99, frozen=True),
        Phase(epochs, lr / 2, lr / 2 / schedule.lr_mult, schedule.warmup_share, div=5.0),
    ]


def balanced_weights(labels: Sequence[str], vocabulary: list[str]) -> torch.Tensor:
    """Weights float32 (vocabulary,) by which every label counts the same, however many of the pictures have it."""
    weights = compute_class_weight("balanced", classes=np.asarray(vocabulary), y=np.asarray(labels))
    return torch.tensor(weights, dtype=torch.float32)


def _make_learner(
    network: nn.Sequential,
    callbacks: list[Callback],
    loaders: DataLoaders,
    train: TrainConfig,
    schedule: Schedule,
    computing: Computing,
    seed: int,
    label_weights: torch.Tensor | None,
) -> Learner:
    callbacks = [EachEpoch(seed), *callbacks, *PRECISIONS[computing.precision](), *MIXES[train.mix]()]
    if train.accumulate > 1:
        callbacks.append(GradientAccumulation(train.accumulate * train.batch_size))
    train_norm = not isinstance(schedule, FineTune) or schedule.train_norm
    if not train_norm:
        callbacks.append(BnFreeze())
    weight = None if label_weights is None else label_weights.to(loaders.device)
    return Learner(
        loaders,
        network,
        loss_func=CrossEntropyLossFlat(weight=weight, label_smoothing=train.label_smoothing),
        metrics=accuracy,
        opt_func=FusedAdam,
        wd=train.weight_decay,
        train_bn=train_norm,
        splitter=lambda network: [params(network.body), params(network.head)],
        cbs=callbacks,
    )


def _learning_rate(
    make: Callable[..., Learner], network: nn.Sequential, train: TrainConfig, schedule: Schedule
) -> dict[str, Any]:
    """The learning rate: the number in the configuration, or what fastai's search on a copy of the network suggests."""
    if train.lr != "find":
        return {"lr": float(train.lr), "tried": [], "losses": []}
    with tempfile.TemporaryDirectory() as folder:  # the search keeps the first weights there
        learner = make(copy.deepcopy(network), [])
        learner.path = Path(folder)
        if isinstance(schedule, FineTune):
            learner.freeze()
        with learner.no_bar(), learner.no_logging():
            found = learner.lr_find(suggest_funcs=(SUGGESTIONS[train.lr_suggestion],), show_plot=False)
    lr = float(f"{found[0]:.3g}")
    print(f"train: learning rate {lr:g}, found by {train.lr_suggestion}", flush=True)
    tried, losses = learner.recorder.lrs, learner.recorder.losses
    return {"lr": lr, "tried": [float(value) for value in tried], "losses": [float(value) for value in losses]}
