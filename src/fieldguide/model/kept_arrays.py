"""What networks answered for pictures, kept by the pictures' hashes outside DVC's outputs: none is asked twice.

It is safe to delete. What is missing, damaged, or of another origin is asked again.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from fieldguide.base.files import replace_file

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class KeptArrays:
    """Arrays (n, ...) by their names, and which of their rows is which picture's."""

    rows: Mapping[str, int]
    arrays: Arrays

    def of(self, pictures: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The arrays of some pictures, in their order. Raises KeyError if one is not kept."""
        places = [self.rows[picture] for picture in pictures]
        return {name: values[places] for name, values in self.arrays.items()}

    def more(self, pictures: Sequence[str], arrays: Arrays) -> "KeptArrays":
        """It with the arrays of pictures, of which some may be kept already."""
        new = [row for row, picture in enumerate(pictures) if picture not in self.rows]
        rows = {**self.rows, **{pictures[row]: place for place, row in enumerate(new, len(self.rows))}}
        added = {name: values[new] for name, values in arrays.items()}
        if not self.rows:
            return KeptArrays(rows, added)
        return KeptArrays(rows, {name: np.concatenate([self.arrays[name], values]) for name, values in added.items()})

    @property
    def size(self) -> int:
        """Bytes of the arrays."""
        return sum(values.nbytes for values in self.arrays.values())


NOTHING = KeptArrays({}, {})


def read_kept(file: Path, origin: str) -> KeptArrays:
    """What is kept in a file of that origin; nothing if the file is missing, damaged or of another one."""
    try:
        with safe_open(file, framework="numpy") as content:
            described = json.loads((content.metadata() or {}).get("origin", "{}"))
            if described.get("origin") != origin:
                return NOTHING
            arrays = {name: content.get_tensor(name) for name in sorted(content.keys())}
    except (FileNotFoundError, SafetensorError, ValueError, LookupError, AttributeError):
        return NOTHING
    pictures = described.get("pictures", [])
    is_whole = _sha256(pictures, arrays) == described.get("sha256")
    return KeptArrays({picture: row for row, picture in enumerate(pictures)}, arrays) if is_whole else NOTHING


def write_kept(file: Path, origin: str, kept: KeptArrays) -> None:
    """Write it atomically."""
    pictures, arrays = list(kept.rows), dict(kept.arrays)
    # One entry, since several have no order in the file.
    described = json.dumps({"origin": origin, "pictures": pictures, "sha256": _sha256(pictures, arrays)})
    with replace_file(file) as partial:
        save_file(
            {name: np.ascontiguousarray(values) for name, values in arrays.items()}, partial, {"origin": described}
        )


def _sha256(pictures: Sequence[str], arrays: Arrays) -> str:
    digest = hashlib.sha256(json.dumps(pictures).encode())
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
