"""The JSON file beside a classifier's weights: what it must hold, checked before anything is built from it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from fieldguide.base.errors import UserError
from fieldguide.base.operations import RESIZES
from fieldguide.data.resizing import Resize
from fieldguide.data.resizing.pad import PadMode
from fieldguide.model.architecture import Architecture, Normalization

MAX_FILE_SIZE = 16 * 2**20  # bytes; 100,000 labels need 2 MiB


def _distinct(labels: list[str]) -> list[str]:
    if len(set(labels)) < len(labels):
        raise ValueError("a label is in it twice")
    return labels


def _known_method(method: str) -> str:
    if method not in RESIZES:
        raise ValueError(f"must be one of: {', '.join(RESIZES)}")
    return method


Crop = Annotated[str, Field(pattern="^(none|boxes)$")]
Label = Annotated[str, Field(min_length=1, max_length=255)]


@dataclass(frozen=True)
class Preprocessing:
    """What happens to a picture before the network sees it."""

    max_megapixels: Annotated[float, Field(gt=0, le=1000)]
    max_side: Annotated[int, Field(ge=32, le=4096)]
    method: Annotated[str, AfterValidator(_known_method)]
    pad_mode: PadMode
    size: Annotated[int, Field(ge=16, le=1024)]
    normalization: Normalization
    options: dict[str, Any] = field(default_factory=dict, hash=False)  # further ones of the method; mostly none
    depth: Annotated[int, Field(ge=8, le=32)] | None = None  # bits of the training's pictures, if more than 8
    crop: Crop = "none"  # what it was trained on: whole pictures, or boxes that were cut out
    crop_margin: Annotated[float, Field(ge=0, le=1)] = 0.0

    def __post_init__(self) -> None:
        _ = self.resize  # raises ValueError for options that the method does not take

    @cached_property
    def resize(self) -> Resize:
        """What makes a picture square, without what is random in training."""
        taken = {parameter.name for parameter in fields(RESIZES[self.method])}
        padding = {"pad_mode": self.pad_mode} if "pad_mode" in taken else {}
        return RESIZES.validate({"method": self.method, **padding, **self.options})

    def as_dict(self) -> dict[str, Any]:
        """Its fields, as JSON holds them: without those of rare pictures where they say nothing."""
        silent: dict[str, Any] = {"options": {}, "depth": None}
        if self.crop == "none":
            silent |= {"crop": self.crop, "crop_margin": self.crop_margin}
        return {key: value for key, value in asdict(self).items() if silent.get(key, ...) != value}


@dataclass(frozen=True)
class Description:
    """How to build a classifier and how to use it; the logits divided by the temperature give its probabilities."""

    architecture: Architecture
    vocabulary: Annotated[list[Label], Field(min_length=2, max_length=100_000), AfterValidator(_distinct)]
    preprocessing: Preprocessing
    temperature: Annotated[float, Field(ge=0.001, le=1000)]


def preprocessing_of(
    resize: Resize,
    size: int,
    normalization: Normalization,
    max_megapixels: float,
    max_side: int,
    crop: Crop = "none",
    crop_margin: float = 0.0,
) -> Preprocessing:
    """What a classifier does to a picture that was trained on squares of `size` pixels, made by `resize`."""
    kept = resize.for_prediction()
    method, pad_mode = kept.pop("method"), kept.pop("pad_mode", "zeros")
    margin = crop_margin if crop == "boxes" else 0.0
    return Preprocessing(
        max_megapixels, max_side, method, pad_mode, size, normalization, kept, crop=crop, crop_margin=margin
    )


def describe_classifier(
    architecture: Architecture, vocabulary: Sequence[str], preprocessing: Preprocessing, temperature: float
) -> dict[str, Any]:
    """The JSON file beside the weights, so that `read_description` and `load_classifier` can use them."""
    description = asdict(Description(architecture, list(vocabulary), preprocessing, temperature))
    return {**description, "preprocessing": preprocessing.as_dict()}


def read_description(path: Path) -> Description:
    """Read and check the file; everything else in it (the record of the training) is ignored.

    Raises UserError if it is missing, or holds anything that a trained classifier cannot have.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_SIZE + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): run `dvc repro`, or name a model") from None
    if len(content) > MAX_FILE_SIZE:
        raise UserError(f"{path} does not describe a classifier (larger than {MAX_FILE_SIZE // 2**20} MiB)")
    try:
        return TypeAdapter(Description).validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = " ".join(f"{where}: {first['msg']}".split()).removeprefix(": ")
        raise UserError(f"{path} does not describe a classifier ({reason})") from None
