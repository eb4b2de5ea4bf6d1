"""fastai's loaders over cleaned pictures: the same batches whatever the number of workers, and fast."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from fastai.data.block import CategoryBlock, DataBlock
from fastai.data.core import DataLoaders, TfmdDL
from fastai.data.transforms import ColReader, ColSplitter, IntToFloatTensor
from fastai.torch_core import TensorCategory, TensorImage, default_device, set_seed
from fastai.vision.augment import RandTransform
from fastai.vision.core import PILImage
from fastai.vision.data import ImageBlock
from fastcore.basics import chunked
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset

from fieldguide.base.config import TrainConfig
from fieldguide.base.packs import open_file
from fieldguide.base.parallel import map_threads
from fieldguide.base.progress import progress
from fieldguide.data.resizing import Resize
from fieldguide.model.architecture import Normalization
from fieldguide.training.augmentations import Augmentation
from fieldguide.training.batch_transforms import batch_transforms, normalize
from fieldguide.training.sampling import balanced_order, natural_order

MEMORY_FOR_PICTURES = 2**30  # bytes; more pictures than fit are read from their files in every epoch


class ToSquare(RandTransform):
    """Makes pictures square as an item transform; what is random in it is so in training only."""

    split_idx = None

    def __init__(self, resize: Resize, size: int) -> None:
        super().__init__(p=1.0)
        self.resize, self.size = resize, size

    def before_call(self, _: Any, split_idx: int) -> None:
        """Note whether the picture is one of the training split."""
        self.train = split_idx == 0

    def encodes(self, picture: PILImage) -> PILImage:
        """A square RGB picture of `size` pixels."""
        make = self.resize.training_square if self.train else self.resize.square
        return PILImage(make(picture, self.size))


class InMemory(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """One side of the split, some rows of all inputs and targets; fastai's transforms ask which side it is."""

    n_inp = 1

    def __init__(self, inputs: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor, split_idx: int) -> None:
        self.inputs, self.targets, self.rows, self.split_idx = inputs, targets, rows, split_idx

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: int | list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets at places of this side."""
        rows = self.rows[places]
        return self.inputs[rows], self.targets[rows]


class MemoryDataLoader(TfmdDL):
    """Batches of an `InMemory`, each taken at once; their order follows from (seed, epoch)."""

    def __init__(self, dataset: Any = None, seed: int = 0, balance: Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(dataset, **{"num_workers": 0, **kwargs})
        self.seed, self.epoch, self.balance = seed, 0, balance

    def shuffle_fn(self, indices: list[int]) -> list[int]:
        """The order by seed and epoch."""
        return order_of_epoch(len(indices), self.seed, self.epoch, self.balance)

    def create_batches(self, indices: Iterable[int]) -> Iterator[tuple[torch.Tensor, ...]]:
        """Inputs and targets of as many items as a batch has."""
        for batch in chunked((index % len(self.dataset) for index in indices), self.bs, self.drop_last):
            yield self.dataset[batch]


class SeededDataLoader(TfmdDL):
    """A data loader whose order and items follow from (seed, epoch, index) alone, whatever the number of workers.

    `balance` are the labels of the training pictures where every label is shown as often (`balanced_order`).
    """

    def __init__(self, dataset: Any = None, seed: int = 0, balance: Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(dataset, **kwargs)
        self.seed, self.epoch, self.balance = seed, 0, balance

    def shuffle_fn(self, indices: list[int]) -> list[int]:
        """The order by seed and epoch."""
        return order_of_epoch(len(indices), self.seed, self.epoch, self.balance)

    def do_item(self, index: int | None) -> Any:
        """Make one item with its own random numbers, and leave all others as they were; see `balanced_order`."""
        before = random.getstate(), np.random.get_state(), torch.get_rng_state()
        number = number_of(f"{self.seed}/{self.epoch}/{index}")
        random.seed(number)
        np.random.seed(number)
        torch.default_generator.manual_seed(number)  # torch.manual_seed takes 2 ms for devices that items do not use
        try:
            return super().do_item(index and index % len(self.dataset))  # fastai tries None, which is the first
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
            torch.set_rng_state(before[2])


def order_of_epoch(pictures: int, seed: int, epoch: int, balance: Sequence[str] | None) -> list[int]:
    """The order of a training split in one epoch; `balance` are its labels where each is shown as often."""
    return natural_order(pictures, seed, epoch) if balance is None else balanced_order(balance, seed, epoch)


def balance_of(pictures: pd.DataFrame, train: TrainConfig) -> list[str] | None:
    """The labels of the training pictures, in their order, where `train.sampling` is `balanced`, else None."""
    return list(pictures.loc[~pictures["is_valid"], "label"]) if train.sampling == "balanced" else None


def make_loaders(
    pictures: pd.DataFrame,
    folder: Path,
    vocabulary: list[str],
    resize: Resize,
    augmentations: Sequence[Augmentation],
    normalization: Normalization,
    train: TrainConfig,
    seed: int,
) -> DataLoaders:
    """fastai's loaders over cleaned pictures.

    Parameters
    ----------
    pictures
        Columns clean_path (below `folder`), label and is_valid; one row a picture.
    augmentations
        What changes the training batches, in order.
    """
    files = [folder / path for path in pictures["clean_path"]]
    if not resize.is_random and len(files) * train.size**2 * 3 <= MEMORY_FOR_PICTURES:
        squares = torch.empty((len(files), 3, train.size, train.size), dtype=torch.uint8)
        for place, square in enumerate(_read_all(files, partial(_read_square, resize, train.size))):
            squares[place] = torch.from_numpy(square)
        transforms = [IntToFloatTensor(), *batch_transforms(augmentations), normalize(normalization)]
        return _memory_loaders(pictures, TensorImage(squares), vocabulary, train, seed, transforms)
    set_seed(seed, reproducible=True)
    get_x: Any = partial(_bytes_of, folder)
    workers = train.workers
    if _bytes_in_memory(files) <= MEMORY_FOR_PICTURES:
        known = dict(zip(pictures["clean_path"], _read_all(files, _read_whole), strict=True))
        get_x, workers = lambda row: known[row["clean_path"]], 0
    block = DataBlock(
        blocks=(ImageBlock(), CategoryBlock(vocab=vocabulary)),
        get_x=get_x,
        get_y=ColReader("label"),
        splitter=ColSplitter("is_valid"),
        item_tfms=[ToSquare(resize, train.size)],
    )
    # Not handed to DataBlock, which would keep only the last transform of each class.
    block.batch_tfms = [*block.batch_tfms, *batch_transforms(augmentations), normalize(normalization)]
    return block.dataloaders(
        pictures,
        bs=train.batch_size,
        num_workers=workers,
        dl_type=SeededDataLoader,
        seed=seed,
        balance=balance_of(pictures, train),
    )


def feature_loaders(
    pictures: pd.DataFrame, features: NDArray[np.float32], vocabulary: list[str], train: TrainConfig, seed: int
) -> DataLoaders:
    """fastai's loaders over features that were computed before.

    Parameters
    ----------
    pictures
        Columns label and is_valid; one row a picture.
    features
        float32 (pictures, f), in the same order.
    """
    return _memory_loaders(pictures, torch.from_numpy(features), vocabulary, train, seed, [])


def _memory_loaders(
    pictures: pd.DataFrame,
    inputs: torch.Tensor,
    vocabulary: list[str],
    train: TrainConfig,
    seed: int,
    transforms: Sequence[Any],
) -> DataLoaders:
    set_seed(seed, reproducible=True)
    places = {label: place for place, label in enumerate(vocabulary)}
    targets = TensorCategory([places[label] for label in pictures["label"]])
    is_valid = torch.tensor(pictures["is_valid"].to_numpy(bool))  # a copy: pandas' own is not to be written to
    train_set, valid_set = (
        InMemory(inputs, targets, side.nonzero().squeeze(1), number)
        for number, side in enumerate((~is_valid, is_valid))
    )
    make = partial(MemoryDataLoader, seed=seed, bs=train.batch_size, after_batch=transforms, device=default_device())
    return DataLoaders(
        make(train_set, balance=balance_of(pictures, train), shuffle=True, drop_last=True),
        make(valid_set),
        device=default_device(),
    )


def number_of(key: str) -> int:
    """A seed below 2**31 from a text, evenly spread."""
    return random.Random(key).getrandbits(31)


def _bytes_in_memory(files: Sequence[Path]) -> int:
    """The memory that the pictures take at their own size."""
    total = 0
    for file in files:
        with open_file(file) as stream, Image.open(stream) as picture:  # reads the header alone
            total += picture.width * picture.height * 3
    return total


def _bytes_of(folder: Path, row: pd.Series) -> bytes:
    with open_file(folder / row["clean_path"]) as file:
        return file.read()


def _read_all(files: Sequence[Path], read: Callable[[Path], NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    return progress(map_threads(read, files), "load", len(files))


def _read_whole(file: Path) -> NDArray[np.uint8]:
    with open_file(file) as stream, Image.open(stream) as picture:
        return np.array(picture.convert("RGB"))


def _read_square(resize: Resize, size: int, file: Path) -> NDArray[np.uint8]:
    with open_file(file) as stream, Image.open(stream) as picture:
        return np.array(resize.square(picture.convert("RGB"), size)).transpose(2, 0, 1)
