"""The schema of the configuration: every key, its type and its range.

The same dataclasses serve Hydra (which composes: names, types, defaults) and pydantic (which validates: ranges, kinds).
OmegaConf does not see what stands inside `Annotated`, and knows no unions of dataclasses: such fields are `Any` to it.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from omegaconf import MISSING
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, WrapValidator

STRICT = ConfigDict(extra="forbid")

Share = Annotated[float, Field(ge=0, le=1)]
LabelName = Annotated[str, Field(pattern=r"^[^/\\.\x00][^/\\\x00]*$")]


def _one_of(kinds: Any) -> WrapValidator:
    """Validate a field that OmegaConf sees as `Any` as one of several dataclasses, told apart by a key."""
    adapter: TypeAdapter[Any] = TypeAdapter(kinds)
    return WrapValidator(lambda value, _: adapter.validate_python(value))


@dataclass
class SampleData:
    """The pictures that fieldguide draws itself."""

    __pydantic_config__ = STRICT
    kind: Literal["sample"]
    pictures: Annotated[int, Field(ge=30, le=100_000)] = 860
    seed: Annotated[int, Field(ge=0)] = 0


@dataclass
class FolderData:
    """Labelled folders below data/sources/NAME; `labels` maps a folder's name to another label."""

    __pydantic_config__ = STRICT
    kind: Literal["folder"]
    labels: dict[str, LabelName] = field(default_factory=dict)


DataSource = SampleData | FolderData


@dataclass
class CleanConfig:
    """How raw pictures become clean ones."""

    __pydantic_config__ = STRICT
    max_side: Annotated[int, Field(ge=32, le=4096)] = 320
    min_side: Annotated[int, Field(ge=1, le=1024)] = 32
    max_megapixels: Annotated[float, Field(gt=0, le=1000)] = 150.0
    jpeg_quality: Annotated[int, Field(ge=50, le=100)] = 92


@dataclass
class SplitConfig:
    """Shares of the pictures; what is neither valid nor test is train."""

    __pydantic_config__ = STRICT
    valid: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    test: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    seed: Annotated[int, Field(ge=0)] = 0
    near_duplicate_bits: Annotated[int, Field(ge=0, le=128)] = 40
    min_per_label: Annotated[int, Field(ge=1)] = 2

    def __post_init__(self) -> None:
        if self.valid + self.test >= 1:
            raise ValueError(f"valid + test must leave something to train on (given: {self.valid} + {self.test})")


@dataclass
class Crop:
    """The largest square in the middle."""

    __pydantic_config__ = STRICT
    method: Literal["crop"]


@dataclass
class Pad:
    """The whole picture; `pad_mode` fills the rest of the square: black, its edge drawn out, or its mirror image."""

    __pydantic_config__ = STRICT
    method: Literal["pad"]
    pad_mode: Literal["zeros", "border", "reflection"] = "zeros"


@dataclass
class Squish:
    """The whole picture, stretched."""

    __pydantic_config__ = STRICT
    method: Literal["squish"]


@dataclass
class RandomCrop:
    """Another part at every epoch, its area between two shares of the picture's."""

    __pydantic_config__ = STRICT
    method: Literal["random_crop"]
    min_scale: Annotated[float, Field(gt=0, le=1)] = 0.35
    max_scale: Annotated[float, Field(gt=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        if self.min_scale > self.max_scale:
            raise ValueError(f"min_scale must not exceed max_scale (given: {self.min_scale}, {self.max_scale})")


Resize = Crop | Pad | Squish | RandomCrop


@dataclass
class Flip:
    """Mirror left and right."""

    __pydantic_config__ = STRICT
    name: Literal["flip"]
    p: Share = 0.5


@dataclass
class Rotate:
    """Turn by at most `degrees` either way."""

    __pydantic_config__ = STRICT
    name: Literal["rotate"]
    degrees: Annotated[float, Field(gt=0, le=180)]
    p: Share = 0.75


@dataclass
class Zoom:
    """Enlarge by a factor between `low` and `high`; below 1 is smaller."""

    __pydantic_config__ = STRICT
    name: Literal["zoom"]
    high: Annotated[float, Field(ge=1, le=4)]
    low: Annotated[float, Field(gt=0.2, le=1)] = 1.0
    p: Share = 0.75


@dataclass
class Warp:
    """Change the perspective by at most `magnitude`."""

    __pydantic_config__ = STRICT
    name: Literal["warp"]
    magnitude: Annotated[float, Field(gt=0, le=0.9)]
    p: Share = 0.75


@dataclass
class Light:
    """Change brightness, contrast, saturation or hue by at most `change`."""

    __pydantic_config__ = STRICT
    name: Literal["brightness", "contrast", "saturation", "hue"]
    change: Annotated[float, Field(gt=0, lt=1)]
    p: Share = 0.75


@dataclass
class Erase:
    """Fill one rectangle of at most `share` of the picture with noise."""

    __pydantic_config__ = STRICT
    name: Literal["erase"]
    share: Annotated[float, Field(gt=0, le=0.5)]
    p: Share = 0.5


@dataclass
class UpsideDown:
    """Turn by 180 degrees."""

    __pydantic_config__ = STRICT
    name: Literal["upside_down"]
    p: Share = 0.5


@dataclass
class Grayscale:
    """Take the colour away."""

    __pydantic_config__ = STRICT
    name: Literal["grayscale"]
    p: Share = 0.2


@dataclass
class Blur:
    """Blur by at most `share` of the picture's side (standard deviation), evenly or along one direction."""

    __pydantic_config__ = STRICT
    name: Literal["blur", "motion_blur"]
    share: Annotated[float, Field(gt=0, le=0.1)]
    p: Share = 0.2


@dataclass
class Noise:
    """Add noise of at most `strength` (standard deviation, 1 is white)."""

    __pydantic_config__ = STRICT
    name: Literal["noise"]
    strength: Annotated[float, Field(gt=0, le=0.5)]
    p: Share = 0.3


Transform = Flip | Rotate | Zoom | Warp | Light | Erase | UpsideDown | Grayscale | Blur | Noise


@dataclass
class AugmentConfig:
    """An ordered list of changes to the training pictures."""

    __pydantic_config__ = STRICT
    transforms: Annotated[Any, _one_of(list[Annotated[Transform, Field(discriminator="name")]])] = field(
        default_factory=list
    )


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
            raise ValueError(
                f"options: {taken[0]} is not for options: set weights and weights_sha256 (given: {taken[0]})"
            )


@dataclass
class OneCycle:
    """All layers from the start, one cycle of the learning rate."""

    __pydantic_config__ = STRICT
    name: Literal["one_cycle"]
    warmup_share: Annotated[float, Field(gt=0, lt=1)] = 0.25


@dataclass
class FineTune:
    """First the head alone for `freeze_epochs`, then all layers, the first ones `lr_mult` times slower.

    While the body is frozen its normalization statistics are too, unless `train_norm`.
    """

    __pydantic_config__ = STRICT
    name: Literal["fine_tune"]
    freeze_epochs: Annotated[int, Field(ge=1)] = 1
    lr_mult: Annotated[float, Field(ge=1)] = 100.0
    warmup_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    train_norm: bool = False


@dataclass
class HeadOnly:
    """The head alone, on features that the body computed once for every picture."""

    __pydantic_config__ = STRICT
    name: Literal["head_only"]
    warmup_share: Annotated[float, Field(gt=0, lt=1)] = 0.25


Schedule = OneCycle | FineTune | HeadOnly


def _learning_rate(value: Any) -> Any:
    """Say what is allowed in one message, where pydantic would give one for each member of the union."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if value != "find" and (number is None or not 0 < number <= 10):
        raise ValueError("must be a number above 0 and at most 10, or `find`")
    return value


LearningRate = Annotated[float | Literal["find"], BeforeValidator(_learning_rate)]


@dataclass
class TrainConfig:
    """The hot numbers of training."""

    __pydantic_config__ = STRICT
    size: Annotated[int, Field(ge=16, le=1024)] = 128
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 12
    lr: Annotated[Any, _one_of(LearningRate)] = 0.003
    lr_suggestion: Annotated[str, Field(pattern="^(valley|slide)$")] = "valley"
    batch_size: Annotated[int, Field(ge=2, le=4096)] = 32
    accumulate: Annotated[int, Field(ge=1, le=4096)] = 1
    patience: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    mix: Annotated[str, Field(pattern="^(none|mixup|cutmix)$")] = "none"
    class_weights: Annotated[str, Field(pattern="^(none|balanced)$")] = "none"
    precision: Annotated[str, Field(pattern="^(auto|float32|bfloat16|float16)$")] = "auto"
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    workers: Annotated[int, Field(ge=0, le=256)] = 2


@dataclass
class EvaluateConfig:
    """How thoroughly the classifier is measured."""

    __pydantic_config__ = STRICT
    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = 1000
    shift_pictures: Annotated[int, Field(ge=1)] = 500


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
    """What is reason enough for a scheduled retraining, and what holds a delivery back."""

    __pydantic_config__ = STRICT
    min_new: Annotated[int, Field(ge=1)] = 30
    min_reviews: Annotated[int, Field(ge=1)] = 5
    min_shifted: Annotated[int, Field(ge=1)] = 10
    class_drift: Share = 0.2
    max_label_doubt: Share = 0.1


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
    max_alarm_rate: Share = 0.15
    max_slowdown: Annotated[float, Field(ge=1)] = 2.0
    max_growth: Annotated[float, Field(ge=1)] = 2.0


@dataclass
class RolloutNeeds:
    """What must have been seen of a model in one step before it takes the next; 0 (an alarm rate of 1) asks nothing."""

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
class OodConfig:
    """How pictures from outside the domain are told, and at how many false alarms."""

    __pydantic_config__ = STRICT
    detector: Annotated[
        str, Field(pattern="^(nearest_neighbours|mahalanobis|relative_mahalanobis|vim|energy|max_softmax)$")
    ] = MISSING
    features: Annotated[str, Field(pattern="^(auto|backbone|classifier)$")] = "auto"
    neighbours: Annotated[int, Field(ge=1, le=1000)] = 50
    alarm_rate: Annotated[float, Field(gt=0, le=0.5)] = 0.05


@dataclass
class Schema:
    """What a person may write: the chosen option of every group, and the plain values of params.yaml."""

    __pydantic_config__ = STRICT
    data: Annotated[Any, _one_of(Annotated[DataSource, Field(discriminator="kind")])] = MISSING
    resize: Annotated[Any, _one_of(Annotated[Resize, Field(discriminator="method")])] = MISSING
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    schedule: Annotated[Any, _one_of(Annotated[Schedule, Field(discriminator="name")])] = MISSING
    checks: ChecksConfig = field(default_factory=ChecksConfig)
    retrain: RetrainConfig = field(default_factory=RetrainConfig)
    ood: OodConfig = field(default_factory=OodConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    clean: CleanConfig = field(default_factory=CleanConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 42


@dataclass
class Config(Schema):
    """The composed configuration that stages get, with the names of the options that were chosen."""

    choices: dict[str, str] = field(default_factory=dict)


GROUPS = ("data", "resize", "augment", "model", "schedule", "checks", "retrain", "ood", "gate", "rollout")
