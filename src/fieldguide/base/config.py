"""The schema of the configuration: every key, its type and its range.

The same dataclasses serve Hydra (which composes: names, types, defaults) and pydantic (which validates: ranges, kinds).
OmegaConf does not see what is inside `Annotated`, and knows no unions of dataclasses: such fields are `Any` to it.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

from omegaconf import MISSING
from pydantic import Field, PlainValidator

from fieldguide.base.clusters import EngineConfig
from fieldguide.base.operations import AUGMENTATIONS, DATA_SOURCES, DETECTORS, RESIZES, SCHEDULES, STRICT

Share = Annotated[float, Field(ge=0, le=1)]
LabelName = Annotated[str, Field(pattern=r"^[^/\\.\x00][^/\\\x00]*$")]


@dataclass
class CleanConfig:
    """How raw pictures become clean ones.

    With `crop: boxes` each box of a picture becomes a picture, with a margin on each side of `crop_margin` of the box's
    width or height.
    """

    __pydantic_config__ = STRICT
    max_side: Annotated[int, Field(ge=32, le=4096)] = 320
    min_side: Annotated[int, Field(ge=1, le=1024)] = 32
    max_megapixels: Annotated[float, Field(gt=0, le=1000)] = 150.0
    jpeg_quality: Annotated[int, Field(ge=50, le=100)] = 92
    crop: Annotated[str, Field(pattern="^(none|boxes)$")] = "none"
    crop_margin: Annotated[float, Field(ge=0, le=1)] = 0.1


def _date(value: Any) -> Any:
    """A date as YAML or a person writes it, as text."""
    try:
        return None if value is None else date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError("must be a date as 2024-05-31") from None


@dataclass
class SplitConfig:
    """Shares of the pictures; what is neither valid nor test is train.

    `group_by` names what stays on one side (see `fieldguide.data.split_keys`); pictures taken on `test_from` or later
    are the test split, whatever their key.
    """

    __pydantic_config__ = STRICT
    valid: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    test: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    seed: Annotated[int, Field(ge=0)] = 0
    near_duplicate_bits: Annotated[int, Field(ge=0, le=128)] = 40
    min_per_label: Annotated[int, Field(ge=1)] = 2
    group_by: Annotated[str, Field(pattern=r"^[^\W\d]\w*$")] = "look_alike"
    test_from: Annotated[Any, PlainValidator(_date), Field(description="a date as 2024-05-31, or null")] = None

    def __post_init__(self) -> None:
        if self.valid + self.test >= 1:
            raise ValueError(f"valid + test must leave something to train on (given: {self.valid} + {self.test})")


@dataclass
class AugmentConfig:
    """An ordered list of changes to the training pictures."""

    __pydantic_config__ = STRICT
    transforms: list[Annotated[Any, AUGMENTATIONS]] = field(default_factory=list)


@dataclass
class ModelConfig:
    """An architecture of timm or torchvision and the weights that it starts from."""

    __pydantic_config__ = STRICT
    arch: Annotated[str, Field(min_length=1)] = MISSING
    library: Annotated[str, Field(pattern="^(timm|torchvision)$")] = "timm"
    weights: Annotated[str, Field(min_length=1)] = "hub"
    weights_sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if taken := sorted({"checkpoint_path", "pretrained", "weights"} & set(self.options)):
            raise ValueError(f"options: {taken[0]} is not allowed there: set weights and weights_sha256")


LEARNING_RATE = "a number above 0 and at most 10, or `find`"


def _learning_rate(value: Any) -> Any:
    """Say what is allowed in one message, where pydantic would give one for each member of the union."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if value != "find" and (number is None or not 0 < number <= 10):
        raise ValueError(f"must be {LEARNING_RATE}")
    return value if number is None else float(number)


@dataclass
class TrainConfig:
    """The parameters of training that are tuned most often."""

    __pydantic_config__ = STRICT
    size: Annotated[int, Field(ge=16, le=1024)] = 128
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 12
    lr: Annotated[Any, PlainValidator(_learning_rate), Field(description=LEARNING_RATE)] = 0.003
    lr_suggestion: Annotated[str, Field(pattern="^(valley|slide)$")] = "valley"
    batch_size: Annotated[int, Field(ge=2, le=4096)] = 32
    accumulate: Annotated[int, Field(ge=1, le=4096)] = 1
    patience: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    mix: Annotated[str, Field(pattern="^(none|mixup|cutmix)$")] = "none"
    class_weights: Annotated[str, Field(pattern="^(none|balanced)$")] = "none"
    sampling: Annotated[str, Field(pattern="^(natural|balanced)$")] = "natural"
    precision: Annotated[str, Field(pattern="^(auto|float32|bfloat16|float16)$")] = "auto"
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    workers: Annotated[int, Field(ge=0, le=256)] = 2


@dataclass
class EvaluateConfig:
    """How thoroughly the classifier is measured."""

    __pydantic_config__ = STRICT
    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = 1000
    shift_pictures: Annotated[int, Field(ge=1)] = 500
    new_sites: bool = False


@dataclass
class Expectation:
    """One Great Expectations expectation over a table (pictures, labels or splits), and what its failure means."""

    __pydantic_config__ = STRICT
    table: Annotated[str, Field(pattern="^(pictures|labels|splits)$")] = MISSING
    type: Annotated[str, Field(pattern="^expect_[a-z_]+$")] = MISSING
    severity: Annotated[str, Field(pattern="^(error|warning)$")] = MISSING
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass
class ChecksConfig:
    """Named expectations, over the image table before training and over the scores after it.

    An override reaches one of them by its name.
    """

    __pydantic_config__ = STRICT
    expectations: dict[str, Expectation] = field(default_factory=dict)
    scores: dict[str, Expectation] = field(default_factory=dict)


@dataclass
class RetrainConfig:
    """When a scheduled retraining trains, and when it holds a delivery back."""

    __pydantic_config__ = STRICT
    min_new: Annotated[int, Field(ge=1)] = 30
    min_reviews: Annotated[int, Field(ge=1)] = 5
    min_shifted: Annotated[int, Field(ge=1)] = 10
    class_drift: Share = 0.2
    max_label_doubt: Share = 0.06


@dataclass
class GateConfig:
    """What a new model has to show against the one in use; shares of pictures, differences between 0 and 1."""

    __pydantic_config__ = STRICT
    accept: Annotated[str, Field(pattern="^(better|not_worse)$")] = "not_worse"
    margin: Annotated[float, Field(gt=0, le=0.5)] = 0.03
    confidence: Annotated[float, Field(ge=0.8, le=0.999)] = 0.95
    class_margin: Annotated[float, Field(gt=0, le=1)] = 0.1
    backtests_need_evidence: bool = False
    max_calibration_error: Share = 0.05
    log_loss_margin: Annotated[float, Field(ge=0, le=10)] = 0.05
    max_alarm_rate: Share = 0.15
    max_slowdown: Annotated[float, Field(ge=1)] = 2.0
    max_growth: Annotated[float, Field(ge=1)] = 2.0


@dataclass
class RolloutNeeds:
    """What must be known of a model in one step before it takes the next; 0 (an alarm rate of 1) requires nothing."""

    __pydantic_config__ = STRICT
    predictions: Annotated[int, Field(ge=0)] = 0
    days: Annotated[int, Field(ge=0)] = 0
    agreement: Share = 0.0
    confirmed: Annotated[int, Field(ge=0)] = 0
    confirmed_accuracy: Share = 0.0
    max_alarm_rate: Share = 1.0


@dataclass
class RolloutConfig:
    """What the steps `limited` and `champion` need, and what a model answers in the step `limited`."""

    __pydantic_config__ = STRICT
    limited: RolloutNeeds = field(default_factory=RolloutNeeds)
    champion: RolloutNeeds = field(default_factory=RolloutNeeds)
    limited_share: Share = 0.1
    limited_sites: list[str] = field(default_factory=list)


@dataclass
class Schema:
    """What a person may write: the chosen option of every group, and the plain values of params.yaml."""

    __pydantic_config__ = STRICT
    data: Annotated[Any, DATA_SOURCES] = MISSING
    resize: Annotated[Any, RESIZES] = MISSING
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    schedule: Annotated[Any, SCHEDULES] = MISSING
    checks: ChecksConfig = field(default_factory=ChecksConfig)
    retrain: RetrainConfig = field(default_factory=RetrainConfig)
    ood: Annotated[Any, DETECTORS] = MISSING
    gate: GateConfig = field(default_factory=GateConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    clean: CleanConfig = field(default_factory=CleanConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 42


@dataclass
class Config(Schema):
    """The composed configuration that stages get, with the names of the options that were chosen."""

    choices: dict[str, str] = field(default_factory=dict)


GROUPS = ("data", "resize", "augment", "model", "schedule", "checks", "retrain", "ood", "gate", "rollout", "engine")
