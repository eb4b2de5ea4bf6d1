"""Observations of clean pictures, kept by their hashes outside DVC's outputs.

So `screen` asks the networks nothing that `evaluate`, or `screen` itself, has asked before.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from fieldguide.base.engines import map_chunks
from fieldguide.base.parallel import map_threads
from fieldguide.base.stage_code import stage_code
from fieldguide.base.stage_names import Stage
from fieldguide.model.asking import Network
from fieldguide.model.inference import Classifier, open_all, open_for, predict_logits
from fieldguide.model.kept_arrays import NOTHING, Arrays, read_kept, write_kept
from fieldguide.model.onnx_network import OnnxNetwork
from fieldguide.model.surroundings import inference_surroundings
from fieldguide.screening.observations import Measured, Observations, observe, views_of

NAMES = [field.name for field in fields(Observations)]
PREFIX, TURNED = "observations-", " turned"  # in the names of files, and of pictures turned by 180 degrees
MAX_AHEAD = 10_000  # pictures that are observed although only their logits are asked for: half a gigabyte
MAX_SIZE, MAX_FILES = 2**30, 4  # bytes of what is kept of one classifier, and how many classifiers' are kept


def observe_files(
    classifier: Classifier,
    feature_network: Network,
    pictures: Sequence[tuple[str, Path]],
    kept: Path,
    task: str,
    *,
    turned: bool = False,
) -> Observations:
    """Observe clean pictures on the chosen engine, with progress under the name of the task.

    Parameters
    ----------
    pictures
        The sha256 of each file, and the file.
    kept
        A folder in which observations are kept by these hashes, safe to delete: what is there is not opened again.
    turned
        Whether each picture is followed by itself turned by 180 degrees, see `observe_pairs` and `unpaired`.
    """
    networks = [one for one in (classifier.network, feature_network) if isinstance(one, OnnxNetwork)]
    on_gpu = len(networks) < 2
    choice = json.dumps([classifier.preprocessing.as_dict(), [one.sha256 for one in networks]], sort_keys=True)
    file = kept / f"{PREFIX}{hashlib.sha256(choice.encode()).hexdigest()[:16]}.safetensors"
    origin = hashlib.sha256("\n".join([stage_code(Stage.SCREEN), *inference_surroundings()]).encode()).hexdigest()
    views = ("", TURNED) if turned else ("",)

    def names_of(some: Iterable[str]) -> list[str]:
        return [sha256 + view for sha256 in some for view in views]

    known = NOTHING if on_gpu else read_kept(file, origin)
    if asked := {sha256: path for sha256, path in pictures if not known.rows.keys() >= {*names_of([sha256])}}:
        work = partial(_observe_files, classifier, feature_network, turned)
        parts = list(map_chunks(work, list(asked.values()), task, here=on_gpu))
        found = {name: np.concatenate([getattr(part, name) for part in parts]) for name in NAMES}
        if not on_gpu:
            _keep(file, origin, names_of(asked), found)
        known = known.more(names_of(asked), found)
    return Observations(**known.of(names_of(sha256 for sha256, _ in pictures)))


def logits_of_files(
    classifier: Classifier, feature_network: Network, pictures: Sequence[tuple[str, Path]], kept: Path, task: str
) -> NDArray[np.float64]:
    """The classifier's outputs (n, labels) for clean pictures, which are observed and kept unless there are many."""
    if len(pictures) > MAX_AHEAD:
        return predict_logits(classifier, open_all(classifier, [path for _, path in pictures], task))
    return observe_files(classifier, feature_network, pictures, kept, task).logits.astype(np.float64)


def _keep(file: Path, origin: str, pictures: Sequence[str], found: Arrays) -> None:
    """Add observations to a file, unless it becomes too large, and delete those of classifiers of long ago."""
    folder = file.parent
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.resolve().with_suffix(".lock")):
        kept = read_kept(file, origin).more(pictures, found)
        if kept.size <= MAX_SIZE:
            write_kept(file, origin, kept)
        files = sorted(folder.glob(f"{PREFIX}*.safetensors"), key=lambda one: one.stat().st_mtime)
        for old in files[:-MAX_FILES]:
            old.unlink()


def _observe_files(
    classifier: Classifier, feature_network: Network, turned: bool, files: Iterable[Path]
) -> Iterator[Observations]:
    def views(file: Path) -> list[Measured]:
        return views_of(classifier, open_for(classifier, file), turned=turned)

    yield observe(classifier, feature_network, chain.from_iterable(map_threads(views, files)))
