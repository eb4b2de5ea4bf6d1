"""The classifier of the checkout as the app asks it, and what it sees of the pictures that it was trained on."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldguide.app.background import Background
from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_file, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table


@dataclass(frozen=True)
class Look:
    """A drawing of where a classifier looks, what it shows in words, and the method by which that is known."""

    picture: Image.Image
    text: str
    method: str


@dataclass(frozen=True)
class Model:
    """A classifier with its screen, the file of its weights, and their hash."""

    classifier: Any
    screening: Any
    weights: Path
    sha256: str

    @property
    def labels(self) -> Sequence[str]:
        """In the order of its probabilities."""
        labels: Sequence[str] = self.classifier.vocabulary
        return labels

    def answers(self, files: Iterable[Path | BinaryIO]) -> Iterator[Any]:
        """See `fieldguide.prediction.answers.answers`; the answers have ids and features."""
        from fieldguide.prediction.answers import answers

        return answers(self.classifier, files, screening=self.screening, identify=True)

    def opened(self, content: bytes) -> Image.Image:
        """A picture file as the classifier sees it."""
        from fieldguide.model.inference import open_for

        return open_for(self.classifier, io.BytesIO(content))

    def look(self, picture: Image.Image, label: int, side: int) -> Look:
        """Where in a picture, as `opened` gives it, the classifier finds the label of this place.

        Raises UserError if that cannot be told of its network. The first call may take seconds, to load PyTorch.
        """
        from fieldguide.model.activation_overlay import overlay

        found = overlay(self.maps, picture, label, side)
        return Look(found.picture, f"what speaks for {self.labels[label]}: {found.where}", self.maps.method)

    @cached_property
    def maps(self) -> Any:
        """See `fieldguide.model.activation_maps.activation_maps`."""
        from fieldguide.model.activation_maps import activation_maps

        return activation_maps(self.classifier, self.weights)


@dataclass(frozen=True)
class TrainingPictures:
    """What the model sees of the train pictures: n ids and labels, and features (n, f)."""

    ids: list[str]
    labels: list[str]
    features: NDArray[np.float32]


def load_model(paths: Paths) -> Model:
    """Load models/. Raises UserError where `dvc repro` has not made it."""
    from fieldguide.prediction.answers import load_screened  # slow to import

    for file in (paths.classifier, paths.screen):
        if not file.is_file():
            raise UserError(f"models/{file.name} is missing: run `dvc repro`")
    classifier, screening = load_screened(paths.classifier, paths.classifier.with_suffix(".json"))
    return Model(classifier, screening, paths.classifier, sha256_of_file(paths.classifier))


def training_pictures(paths: Paths, model: Model, work: Background[Any]) -> TrainingPictures:
    """The train pictures of the checkout, from a file of an earlier call or seen now.

    Those that cannot be read (any more) are left out.
    """
    table = read_table(paths.split_table, SPLIT)
    table = table[table["split"] == Split.TRAIN].sort_values("id")
    ids, labels = table["id"].tolist(), table["label"].tolist()
    kept = paths.checkout_state / "app" / f"training-{model.sha256[:16]}.npz"
    if (known := _kept(kept, ids)) is not None:
        return TrainingPictures(known[0], [labels[ids.index(identity)] for identity in known[0]], known[1])
    files = [paths.clean / path for path in table["clean_path"]]
    answers = list(work.counted(model.answers(files), len(files)))
    seen = [place for place, answer in enumerate(answers) if answer.features is not None]
    if not seen:
        raise UserError("no train picture of data/clean can be read: run `dvc repro`")
    features = np.stack([answers[place].features for place in seen]).astype(np.float32)
    with replace_file(kept) as partial, partial.open("wb") as out:
        np.savez(out, asked=np.array(ids), ids=np.array([ids[place] for place in seen]), features=features)
    return TrainingPictures([ids[place] for place in seen], [labels[place] for place in seen], features)


def _kept(file: Path, ids: list[str]) -> tuple[list[str], NDArray[np.float32]] | None:
    try:
        with np.load(file) as content:
            if content["asked"].tolist() == ids:
                return content["ids"].tolist(), content["features"]
    except (OSError, ValueError, KeyError):
        pass
    return None
