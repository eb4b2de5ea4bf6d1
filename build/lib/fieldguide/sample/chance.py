"""Choosing at random, by equal or given shares."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of `options`, each as likely as the others."""
    return options[int(rng.integers(len(options)))]


def pick_by_share(rng: np.random.Generator, shares: Mapping[T, float]) -> T:
    """One key of `shares`, as likely as its value is large; the values need not add up to 1."""
    limits = np.cumsum(list(shares.values()))
    return list(shares)[int(np.searchsorted(limits, rng.random() * limits[-1], side="right"))]
