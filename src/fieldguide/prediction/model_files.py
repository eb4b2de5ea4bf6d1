"""The files of the model that a command or a notebook names."""

from pathlib import Path

from fieldguide.base.errors import UserError

CLASSIFIER = "classifier.safetensors"  # in a folder with that, screen.safetensors belongs to it
INT8 = ".int8"  # at the end of a stem: see `fieldguide.release.int8`


def weights_of(model: Path) -> Path:
    """The weights of a model that is named by its folder or its file; where its .onnx file is, they may be missing.

    Raises UserError if there is neither.
    """
    named = model / CLASSIFIER if model.is_dir() else model
    weights = named.with_suffix(".safetensors")
    if not named.is_file() and (not model.is_dir() or not weights.with_suffix(".onnx").is_file()):
        raise UserError(f"no model at {named}: run `dvc repro`, or choose one with --model")
    if named.suffix not in (".safetensors", ".onnx"):
        raise UserError(f"{named} is neither a .safetensors nor an .onnx file: give one, or the folder of a model")
    return weights


def description_of(weights: Path) -> Path:
    """The .json file that describes weights; the network of 8-bit numbers shares that of the one it was made from."""
    own = weights.with_suffix(".json")
    return own if own.is_file() else own.with_stem(own.stem.removesuffix(INT8))
