"""What a network answers for pictures, in numpy, whatever computes it.

A network takes squares, float32 (3, size, size), RGB from 0 to 1 as `to_input` makes them, and gives some of these,
float32 each:

- `logits` (labels,), of a classifier;
- `features` (f,), what the body gives its head;
- `layout` (c, 4, 4): the last map of features that still knows where things are, averaged over 4 x 4 places;
- `feature_map` (f, height, width): the map whose mean over all places is `features`, where there is one. With a linear
  head, the map times the head's weights is a class activation map (Zhou et al. 2016).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

LOGITS, FEATURES, LAYOUT, FEATURE_MAP = OUTPUTS = ("logits", "features", "layout", "feature_map")
PLACES = 4  # of a layout, in each direction

Square = NDArray[np.float32]
Answers = tuple[NDArray[np.float32], ...]


class Network(Protocol):
    """A network that can be asked about squares of `size` pixels."""

    size: int

    def ask(self, squares: Iterable[Square], outputs: Sequence[str]) -> Iterator[Answers]:
        """The named outputs for each square, in order; a square's answers depend on no other one."""
        ...

    def shape_of(self, output: str) -> tuple[int, ...] | None:
        """The shape of an output for one square; None where the network does not give it."""
        ...
