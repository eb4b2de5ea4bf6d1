"""A model that trains in a second: logistic regression on gradients and colours."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fieldguide.data.images import measure, open_picture, perceptual_hash
from fieldguide.data.status import Split
from fieldguide.evaluation.metrics import losses
from fieldguide.sample import KINDS
from fieldguide.screening.fitting import LEARNED_TAIL, SMALLEST_SCALE
from fieldguide.screening.p_values import Tail, fit_tail
from fieldguide.statistics.temperature import fit_temperature

Floats = NDArray[np.float64]
CELL, DIRECTIONS = 12, 9
ALARM_RATE = 0.05


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
        [np.where(direction == n, length, 0).reshape(rows, CELL, columns, CELL).sum((1, 3)) for n in range(DIRECTIONS)],
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
        KNOWN[digest] = look_at(open_picture(io.BytesIO(content), 1.0), digest[:16])
    return KNOWN[digest]


def look_at(picture: Image.Image, identity: str = "") -> Mapping[str, Any]:
    """The same for a picture in memory."""
    known = {"id": identity, "perceptual_hash": perceptual_hash(picture)}
    return {**known, "features": features(picture), "measurements": measure(picture)}


@dataclass(frozen=True)
class Model:
    """A trained pipeline, and the temperature that its logits are divided by."""

    pipeline: Any
    temperature: float
    known: Floats  # features of its training pictures, standardized
    distances: Tail  # of pictures that it has not seen from the nearest known ones

    def strange(self, rows: Floats) -> NDArray[np.bool_]:
        """Which (n,) are out of domain."""
        return self.distances.p_values(_distances(self.known, self.pipeline[0].transform(rows))) <= ALARM_RATE

    def probabilities(self, rows: Floats) -> Floats:
        """(n, labels) in the order of the sorted kinds."""
        return np.asarray(softmax(self.pipeline.decision_function(rows) / self.temperature, axis=1))


def fit(table: pd.DataFrame) -> Model:
    """Train on the train split, calibrate on valid; the same pictures give the same model."""
    train, valid = (table[table["split"] == side] for side in (Split.TRAIN, Split.VALID))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=200))
    pipeline.fit(np.stack(list(train["features"])), list(train["label"]))
    logits = pipeline.decision_function(np.stack(list(valid["features"])))
    own = np.searchsorted(pipeline.classes_, valid["label"].to_numpy(str))
    known, others = (pipeline[0].transform(np.stack(list(side["features"]))) for side in (train, valid))
    tail = fit_tail(_distances(known, others), LEARNED_TAIL, SMALLEST_SCALE)
    return Model(pipeline, fit_temperature(logits, own), known, tail)


def _distances(known: Floats, rows: Floats) -> Floats:
    """From the tenth nearest known picture, on the unit sphere."""
    near = NearestNeighbors(n_neighbors=min(10, len(known)), metric="cosine").fit(known)
    distances: Floats = near.kneighbors(rows)[0][:, -1]
    return distances


def answers(model: Model, table: pd.DataFrame) -> pd.DataFrame:
    """Columns id, label, prediction, probability, loss, for a table with id, label, features."""
    found = model.probabilities(np.stack(list(table["features"])))
    names = np.array(sorted(KINDS), dtype=object)[found.argmax(axis=1)]
    own = losses(np.searchsorted(sorted(KINDS), table["label"].to_numpy(str)), found)
    return table[["id", "label"]].assign(prediction=names, probability=found.max(axis=1), loss=own)
