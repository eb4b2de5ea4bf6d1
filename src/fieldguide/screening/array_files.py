"""Named arrays in a safetensors file. Reading one runs no code."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.files import replace_file

TEXTS = "texts"  # the entry of a file that holds its texts


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays and texts atomically; the same ones give the same bytes."""
    with replace_file(path) as partial:
        in_order = {name: np.asarray(values, order="C") for name, values in arrays.items()}
        # One entry, since several have no order in the file.
        save_file(in_order, partial, None if metadata is None else {TEXTS: json.dumps(dict(metadata), sort_keys=True)})


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file; all their numbers are finite.

    Raises UserError if it is missing, damaged, or holds numbers of a kind that NumPy does not have.
    """
    with _readable(path):
        arrays = load_file(path)
    if not all(np.isrealobj(values) and np.isfinite(values).all() for values in arrays.values()):
        raise UserError(f"{path} is damaged, it holds numbers that are not finite: run `dvc repro`")
    return arrays


def read_texts(path: Path) -> dict[str, str]:
    """The texts beside the arrays of a file. Raises UserError if it is missing or damaged."""
    with _readable(path), safe_open(path, "numpy") as file:
        found = file.metadata() or {}
    if TEXTS not in found:  # as older versions wrote them
        return found
    try:
        return {str(name): str(text) for name, text in json.loads(found[TEXTS]).items()}
    except (ValueError, AttributeError, RecursionError):
        raise UserError(f"{path} is damaged: run `dvc repro`") from None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{path} is missing: run `dvc repro`") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is not a safetensors file ({first_line(error)})") from None
    except (TypeError, AttributeError):
        raise UserError(f"{path} holds numbers of a kind that is not used: run `dvc repro`") from None
