"""What a batch of new pictures is compared with: observations of the valid pictures, which nothing was trained on.

Beside them stands how far the expected loss of accuracy was off where the true one is known: under simulated shifts.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.errors import UserError
from fieldguide.screening.array_files import read_arrays, read_texts, write_arrays
from fieldguide.screening.measurements import NAMES
from fieldguide.screening.observations import Observations

if TYPE_CHECKING:
    import pandas as pd

ERRORS, SITES = "loss_errors", "sites"
MAX_PICTURES = 1000  # of the valid split: more would not change what a batch of hundreds can show


def loss_errors(shifts: "pd.DataFrame") -> dict[str, float]:
    """By how much the fall of the mean confidence exceeds the loss of accuracy, as a share, by the shift.

    `shifts` has the columns shift, accuracy and confidence, and the unchanged pictures in the first row.
    """
    accuracy, confidence = shifts["accuracy"].to_numpy(float), shifts["confidence"].to_numpy(float)
    errors = (confidence[0] - confidence) - (accuracy[0] - accuracy)
    return {str(name): round(float(error), 4) for name, error in zip(shifts["shift"][1:], errors[1:], strict=True)}


def save_reference(valid: Observations, path: Path, errors: Mapping[str, float], sites: Sequence[str] = ()) -> None:
    """Write the observations of valid pictures, in an arbitrary order, and what `loss_errors` gives, atomically.

    `sites` are those that the classifier has seen in training.
    """
    some = valid[np.arange(min(len(valid), MAX_PICTURES))]
    arrays = {name: np.asarray(getattr(some, name)) for name in ("logits", "features", "measurements")}
    write_arrays(path, arrays, {ERRORS: json.dumps(errors), SITES: json.dumps(list(sites))})


def load_errors(path: Path) -> dict[str, float]:
    """What `loss_errors` gave when the reference was written; nothing if it was written by an older version.

    Raises UserError if that is damaged.
    """
    try:
        return {str(name): float(error) for name, error in json.loads(read_texts(path).get(ERRORS, "{}")).items()}
    except (ValueError, TypeError, AttributeError):
        raise UserError(f"{path} holds no reference pictures (its {ERRORS} are damaged): run `dvc repro`") from None


def load_sites(path: Path) -> frozenset[str]:
    """The sites that the classifier has seen in training; none if none was known, or an older version wrote the file.

    Raises UserError if that is damaged.
    """
    try:
        return frozenset(str(site) for site in list(json.loads(read_texts(path).get(SITES, "[]"))))
    except (ValueError, TypeError):
        raise UserError(f"{path} holds no reference pictures (its {SITES} are damaged): run `dvc repro`") from None


def load_reference(path: Path, labels: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Logits (n, labels), features (n, f) and measurements (n, measurements) of n reference pictures.

    Raises UserError if the file is missing, damaged, or of another classifier.
    """
    arrays = read_arrays(path)
    try:
        found = tuple(arrays[name].astype(np.float64) for name in ("logits", "features", "measurements"))
    except KeyError as error:
        raise UserError(f"{path} holds no reference pictures ({error} is missing): run `dvc repro`") from None
    logits, features, measurements = found
    same = {len(values) if values.ndim == 2 else None for values in found}
    if len(same) > 1 or None in same or logits.shape[1] != labels or measurements.shape[1] != len(NAMES):
        raise UserError(f"{path} does not belong to this classifier: run `dvc repro`")
    return logits, features, measurements
