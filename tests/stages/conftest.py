"""Pictures to train on, made once."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.table import IMAGES, SPLIT, write_table
from results import as_images
from stages.training import LABELS, composed


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """What imports the loaders imports fastai, and that torchvision: without torch's compiler, as `train` does."""
    code = module_path.read_text(encoding="utf-8")
    if re.search(r"^from fieldguide\.training.* import .*loaders", code, re.MULTILINE):
        from fieldguide.model.libraries import library

        library("torchvision")


@pytest.fixture(autouse=True, scope="module")
def _settings_of_torch() -> Iterator[None]:
    """Training sets the number of threads and asks for repeatable algorithms; other tests get torch as it was."""
    if "torch" not in sys.modules:  # a module of tests that does without it
        yield
        return
    import torch

    threads, cudnn = torch.get_num_threads(), torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    yield
    torch.set_num_threads(threads)
    cudnn.deterministic, cudnn.benchmark = before
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """45 tiny pictures in three colours and many shapes, their split, and random weights to start from."""
    paths = Paths(tmp_path_factory.mktemp("pictures"))
    chance = np.random.default_rng(5)
    rows = []
    for number in range(45):
        label = LABELS[number % 3]
        width, height = (int(side) for side in chance.integers(30, 70, 2))
        pixels = chance.integers(0, 120, (height, width, 3), dtype=np.uint8)
        pixels[:, :, number % 3] += 100
        name = f"{label}/{number:016x}.png"
        (paths.clean / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(paths.clean / name)
        side = "test" if number >= 36 else "valid" if number >= 27 else "train"
        rows.append((f"{number:016x}", label, name, sha256_of_file(paths.clean / name), f"{number:016x}", side, 8))
    table = pd.DataFrame(rows, columns=SPLIT.names[: len(rows[0])]).reindex(columns=SPLIT.names)
    write_table(table, paths.split_table, SPLIT)
    write_table(as_images(table), paths.image_table, IMAGES)
    from fieldguide.stages import weights

    weights.run(composed(), paths)
    return paths
