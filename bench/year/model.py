"""A model that trains in a second: logistic regression on gradients and colours. Its accuracy moves as a network's does."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fieldguide.data.images import measure, open_picture, perceptual_hash, picture_id
from fieldguide.data.sample import KINDS

Floats = NDArray[np.float64]
CELL, DIRECTIONS = 12, 9


def features(picture: Image.Image) -> Floats:
    """Directions of gradients (HOG, Dalal and Triggs 2005), a thumbnail, and histograms of the colours."""
    pixels = np.asarray(picture, dtype=np.float64) / 255
    small = np.asarray(picture.resize((12, 12)), dtype=np.float64).ravel() / 255
    each = np.concatenate([np.histogram(pixels[..., n], 8, (0, 1))[0] for n in range(3)]) / pixels[..., 0].size
    colour = np.asarray(picture.convert("HSV")).reshape(-1, 3)
    both = np.histogram2d(colour[:, 0], colour[:, 1], (8, 4), ((0, 256), (0, 256)))[0].ravel() / len(colour)
    return np.concatenate([_gradients(pixels.mean(axis=2)), small, 2 * each, 3 * both])


def _gradients(grey: Floats) -> Floats:
    down, right = np.gradient(grey)
    length = np.hypot(right, down)
    direction = ((np.arctan2(down, right) % np.pi) / np.pi * DIRECTIONS).astype(int) % DIRECTIONS
    rows, columns = grey.shape[0] // CELL, grey.shape[1] // CELL
    cells = np.stack(
        [
            np.where(direction == n, length, 0).reshape(rows, CELL, columns, CELL).sum((1, 3))
            for n in range(DIRECTIONS)
        ],
        axis=2,
    )
    normal: Floats = cells / (np.linalg.norm(cells, axis=2, keepdims=True) + 0.1)
    return normal.ravel()


KNOWN: dict[str, Mapping[str, Any]] = {}  # by the hash of the file: pictures move, and are looked at many times


def look(file: Path) -> Mapping[str, Any]:
    """All that is needed of a picture file."""
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest not in KNOWN:
        KNOWN[digest] = look_at(open_picture(io.BytesIO(content), 1.0))
    return KNOWN[digest]


def look_at(picture: Image.Image) -> Mapping[str, Any]:
    """The same for a picture in memory."""
    identity = {"id": picture_id(picture), "perceptual_hash": perceptual_hash(picture)}
    return {**identity, "features": features(picture), "measurements": measure(picture)}


def fit(rows: Sequence[Floats], labels: Sequence[str]) -> Any:
    """Train; the same pictures give the same model."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=200)).fit(np.stack(rows), labels)


def probabilities(model: Any, rows: Floats) -> Floats:
    """(n, labels) in the order of the sorted kinds."""
    known = list(model.classes_)
    found = model.predict_proba(rows)
    return np.stack([found[:, known.index(kind)] for kind in sorted(KINDS)], axis=1)


def answers(model: Any, ids: Sequence[str], labels: Sequence[str], rows: Floats) -> pd.DataFrame:
    """Columns id, label, prediction, probability."""
    found = probabilities(model, rows)
    names = np.array(sorted(KINDS), dtype=object)[found.argmax(axis=1)]
    return pd.DataFrame({"id": ids, "label": labels, "prediction": names, "probability": found.max(axis=1)})
