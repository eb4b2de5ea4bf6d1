"""The schedules of training, as far as users set them; `fieldguide.training.learner` follows them."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from fieldguide.base.operations import SCHEDULES


@SCHEDULES.register
@dataclass(frozen=True)
class OneCycle:
    """All layers from the start, one cycle of the learning rate."""

    name: Literal["one_cycle"]
    warmup_share: Annotated[float, Field(gt=0, lt=1)] = 0.25


@SCHEDULES.register
@dataclass(frozen=True)
class FineTune:
    """First the head alone for `freeze_epochs`, then all layers, the first ones `lr_mult` times slower.

    While the body is frozen its normalization statistics are too, unless `train_norm`.
    """

    name: Literal["fine_tune"]
    freeze_epochs: Annotated[int, Field(ge=1)] = 1
    lr_mult: Annotated[float, Field(ge=1)] = 100.0
    warmup_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    train_norm: bool = False


@SCHEDULES.register
@dataclass(frozen=True)
class HeadOnly:
    """The head alone, on features that the body computed once for every picture."""

    name: Literal["head_only"]
    warmup_share: Annotated[float, Field(gt=0, lt=1)] = 0.25


Schedule = OneCycle | FineTune | HeadOnly
