"""Textures, made once per process from fixed seeds and cut at random places."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

TILE = 640  # wider than any picture
STREAK_LENGTHS = (6, 10, 17, 28, 46)
COMB_STEP = 15


@cache
def _filtered_noise(along: float, across: float, angle: int) -> Field:
    """White noise blurred by a Gaussian of two widths (pixels); zero mean, unit variance, tileable."""
    seed = np.random.SeedSequence([round(along * 100), round(across * 100), angle])
    noise = np.random.default_rng(seed).standard_normal((TILE, TILE))
    down, right = np.meshgrid(np.fft.fftfreq(TILE), np.fft.rfftfreq(TILE), indexing="ij")
    turn = np.deg2rad(angle)
    lengthwise = right * np.cos(turn) - down * np.sin(turn)
    crosswise = right * np.sin(turn) + down * np.cos(turn)
    blur = np.exp(-2 * np.pi**2 * ((along * lengthwise) ** 2 + (across * crosswise) ** 2))
    field = np.fft.irfft2(np.fft.rfft2(noise) * blur, (TILE, TILE))
    tile: Field = ((field - field.mean()) / field.std()).astype(np.float32)
    tile.setflags(write=False)  # pieces of it are handed out without a copy
    return tile


@cache
def _cloud_tile() -> Field:
    octaves = [_filtered_noise(size, size, 0) * size for size in (3, 6, 12, 24, 48)]
    field = np.sum(octaves, axis=0)
    tile: Field = (field / field.std()).astype(np.float32)
    tile.setflags(write=False)
    return tile


def _cut(rng: np.random.Generator, tile: Field, height: int, width: int) -> Field:
    top, left = rng.integers(TILE - height + 1), rng.integers(TILE - width + 1)
    return tile[top : top + height, left : left + width]


def streaks(rng: np.random.Generator, height: int, width: int, length: float, angle: float) -> Field:
    """Hair-like streaks, (height, width) float32, unit variance.

    They are about `length` pixels long and lie at `angle` degrees counter-clockwise from the x axis.
    """
    nearest = min(STREAK_LENGTHS, key=lambda known: abs(np.log(known / max(length, 1.0))))
    comb = round(angle / COMB_STEP) * COMB_STEP % 180
    return _cut(rng, _filtered_noise(nearest / 2, 0.5 + nearest / 24, comb), height, width)


def clouds(rng: np.random.Generator, height: int, width: int) -> Field:
    """Soft blotches of all sizes, (height, width) float32, unit variance."""
    return _cut(rng, _cloud_tile(), height, width)


def speckle(rng: np.random.Generator, height: int, width: int, size: float = 0.6) -> Field:
    """Even grain of about `size` pixels, (height, width) float32, unit variance."""
    return _cut(rng, _filtered_noise(size, size, 0), height, width)


def receding(rng: np.random.Generator, height: int, width: int, length: float, angle: float, near: float) -> Field:
    """A streaked plane seen in perspective, its far edge on top: (height, width) float32.

    `near` is the magnification at the lower edge; detail fades towards the far edge, where it would alias.
    """
    tile = streaks(rng, TILE, TILE, length, angle)
    closeness = (np.arange(height, dtype=np.float32) + 1) / max(height, 1)
    distance = 1 / (0.12 + closeness)
    rows = (distance * 260 / near).astype(np.int64) % TILE
    columns = (np.arange(width) - width / 2)[None, :] * (distance[:, None] / near)
    plane = tile[rows[:, None], columns.astype(np.int64) % TILE]
    return plane * np.sqrt(closeness)[:, None].astype(np.float32)
