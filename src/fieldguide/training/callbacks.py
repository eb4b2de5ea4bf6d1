"""Callbacks of fastai's training loop."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fastai.callback.core import Callback, CancelFitException
from fastai.torch_core import set_seed

from fieldguide.base.errors import UserError
from fieldguide.base.progress import Progress
from fieldguide.base.shares import decimal
from fieldguide.training.checkpoint import State, save_checkpoint
from fieldguide.training.loaders import number_of

OnEpoch = Callable[[int, dict[str, float]], None]


class EachEpoch(Callback):
    """Starts every epoch afresh: its random numbers and gradients do not depend on earlier epochs."""

    order = -20

    def __init__(self, seed: int) -> None:
        self.seed, self.count = seed, 0

    def before_epoch(self) -> None:
        """Seed the training loop and both loaders; counts on over the phases."""
        set_seed(number_of(f"{self.seed}/{self.count}"))
        for loader in self.dls.loaders:
            loader.epoch = self.count
        self.learn.opt.zero_grad()
        if hasattr(self.learn, "gradient_accumulation"):
            self.learn.gradient_accumulation.count = 0
        self.count += 1


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


class Report(Callback):
    """The history of a training: shows it, keeps the best weights and a checkpoint, and stops when nothing improves.

    Parameters
    ----------
    epochs
        Of all phases together.
    patience
        Epochs without a lower valid loss after which the last phase ends; 0 for never.
    on_epoch
        Called after every epoch with its number, from 1, and its figures.
    checkpoint, key
        The file that takes the state after every epoch, and what must match for a later process to resume from it.
    search
        What the search for a learning rate found, for the checkpoint.
    """

    order = 60  # after fastai's Recorder

    def __init__(
        self, epochs: int, patience: int, on_epoch: OnEpoch, checkpoint: Path, key: str, search: State
    ) -> None:
        self.epochs, self.patience, self.on_epoch = epochs, patience, on_epoch
        self.checkpoint, self.key, self.search = checkpoint, key, search
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.best_weights: dict[str, torch.Tensor] = {}
        self.phase_start, self.is_last_phase = 0, True
        self.resumed: State | None = None

    @property
    def has_stopped(self) -> bool:
        """Whether the last phase has waited long enough for a lower valid loss."""
        waited = len(self.history) - max(self.best_epoch, self.phase_start)
        return bool(self.patience) and self.is_last_phase and waited >= self.patience

    def go_on(self, state: State) -> None:
        """Take up the state of an interrupted training."""
        self.resumed, self.history = state, state["history"]
        self.best_epoch, self.best_weights = state["best_epoch"], state["best_weights"]
        for number, figures in enumerate(self.history, start=1):
            self.on_epoch(number, figures)

    def before_fit(self) -> None:
        """Open the progress bar with the first phase, and restore what fastai forgets between two fits."""
        if not hasattr(self, "bar"):
            batches = len(self.dls.train) + len(self.dls.valid)
            done = len(self.history) * batches
            self.bar = Progress("train", self.epochs * batches, "batches", done)
        if self.resumed is not None and len(self.history) > self.phase_start:
            average = self.recorder.smooth_loss
            average.count, average.val = self.resumed["loss_count"], self.resumed["loss_average"]
            if self.resumed["scaler"]:
                self.learn.scaler.load_state_dict(self.resumed["scaler"])
        self.resumed = None

    def after_batch(self) -> None:
        """Move the progress bar."""
        self.bar.update()

    def after_epoch(self) -> None:
        """Keep the epoch's figures, its weights if they are the best, and the state to resume from."""
        if self.each_epoch.count <= len(self.history):
            return  # one that was done before the interruption
        train_loss, valid_loss, valid_accuracy = (float(value) for value in self.recorder.log[1:4])
        figures = {"train_loss": train_loss, "valid_loss": valid_loss, "valid_accuracy": valid_accuracy}
        self.history.append(figures)
        told = ", ".join(f"{name} {decimal(figure, 4)}" for name, figure in figures.items())
        self.bar.say(f"epoch {len(self.history)}/{self.epochs}: {told}")
        if not all(map(math.isfinite, (train_loss, valid_loss))):
            raise CancelFitException  # `require_numbers` reports it; fastai would prefix an error raised here
        self.on_epoch(len(self.history), figures)
        if not self.best_weights or valid_loss < self.history[self.best_epoch - 1]["valid_loss"]:
            self.best_epoch = len(self.history)
            self.best_weights = {name: tensor.cpu().clone() for name, tensor in self.model.state_dict().items()}
        save_checkpoint(self.checkpoint, self.key, self._state())
        if self.has_stopped:
            raise CancelFitException

    def require_numbers(self) -> None:
        """Raise UserError if the last epoch's losses are not finite."""
        if not all(math.isfinite(self.history[-1][name]) for name in ("train_loss", "valid_loss")):
            self.close()
            raise UserError(
                f"the loss is not finite in epoch {len(self.history)}, training has diverged: "
                "lower train.lr in params.yaml, or set train.precision to float32"
            )

    def close(self) -> None:
        """End the progress bar, where one was opened."""
        if hasattr(self, "bar"):
            self.bar.close()

    def _state(self) -> State:
        average, scaler = self.recorder.smooth_loss, getattr(self.learn, "scaler", None)
        optimizer = self.learn.opt.state_dict()
        return {
            "network": dict(self.model.state_dict()),
            "optimizer": {"state": [dict(state) for state in optimizer["state"]]},
            "loss_count": average.count,
            "loss_average": average.val,
            "scaler": scaler.state_dict() if scaler is not None else {},
            "history": self.history,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "search": self.search,
        }


def restore(learner: Any, state: State) -> None:
    """Give a new learner the weights and the optimizer state of an interrupted one."""
    learner.model.load_state_dict(state["network"])
    learner.create_opt()
    moved = [
        {name: _moved(value, parameter) for name, value in part.items()}
        for part, (parameter, *_) in zip(state["optimizer"]["state"], learner.opt.all_params(), strict=True)
    ]
    learner.opt.load_state_dict({"state": moved, "hypers": learner.opt.hypers})


def _moved(value: Any, parameter: torch.Tensor) -> Any:
    """What the optimizer keeps of a parameter, where that is; a tensor of its shape lies in memory as it does."""
    if not isinstance(value, torch.Tensor):
        return value
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value.to(parameter.device)
