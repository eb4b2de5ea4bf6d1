"""What a schedule means: phases, each with one cycle of the learning rate."""

from dataclasses import dataclass

from fieldguide.base.config import FineTune, Schedule


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


def phases_of(schedule: Schedule, epochs: int, lr: float) -> list[Phase]:
    """The phases of a training of `epochs`; those of fine_tune are fastai's (Howard and Gugger 2020)."""
    if not isinstance(schedule, FineTune):
        return [Phase(epochs, lr, lr, schedule.warmup_share)]
    return [
        Phase(schedule.freeze_epochs, lr, lr, 0.99, frozen=True),
        Phase(epochs, lr / 2, lr / 2 / schedule.lr_mult, schedule.warmup_share, div=5.0),
    ]
