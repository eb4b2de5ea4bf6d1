"""What a batch of new pictures is compared with: observations of the valid pictures, which nothing was trained on."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_file
from fieldguide.model.weights import first_line
from fieldguide.screening.measurements import NAMES
from fieldguide.screening.observations import Observations

MAX_PICTURES = 1000  # of the valid split: more would not change what a batch of hundreds can show


def save_reference(valid: Observations, path: Path) -> None:
    """Write the observations of valid pictures, in an arbitrary order, atomically."""
    some = valid[np.arange(min(len(valid), MAX_PICTURES))]
    tensors = {"logits": some.logits, "features": some.features, "measurements": torch.from_numpy(some.measurements)}
    with replace_file(path) as partial:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)


def load_reference(path: Path, labels: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Logits (n, labels), features (n, f) and measurements (n, measurements) of n reference pictures.

    Raises UserError if the file is missing, damaged, or of another classifier.
    """
    try:
        tensors = load_file(path)
        found = tuple(tensors[name].double().numpy() for name in ("logits", "features", "measurements"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`") from None
    except (SafetensorError, OSError, KeyError) as error:
        raise UserError(f"{path} holds no reference pictures ({first_line(error)}): run `dvc repro`") from None
    logits, features, measurements = found
    same = {values.shape[0] for values in found}
    fits = all(values.ndim == 2 for values in found) and len(same) == 1 and logits.shape[1] == labels
    if not fits or measurements.shape[1] != len(NAMES) or not all(np.isfinite(values).all() for values in found):
        raise UserError(f"{path} does not belong to this classifier: run `dvc repro`")
    return logits, features, measurements
