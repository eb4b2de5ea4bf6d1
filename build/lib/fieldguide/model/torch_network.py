"""Networks in PyTorch that give more than their last layer: to be exported, or asked on a GPU."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fieldguide.model.architecture import Normalization
from fieldguide.model.asking import FEATURE_MAP, FEATURES, LAYOUT, LOGITS, PLACES, Answers, Square
from fieldguide.model.feature_maps import kept_outputs, maps_of

MIN_SIDE = 8  # places of a map in each direction from which its layout is taken, where the network has such a map
BATCH = 64


class ObservedNetwork(nn.Module):
    """Squares (n, 3, size, size) from 0 to 1 in; the outputs of `names`, see `fieldguide.model.asking`, out.

    Parameters
    ----------
    body
        Normalized squares in, features (n, f) out. It is set to evaluation.
    head
        Features in, logits out; None for a body alone.
    size
        Of the squares, in pixels.
    """

    mean: torch.Tensor
    std: torch.Tensor
    places: torch.Tensor

    def __init__(self, body: nn.Module, head: nn.Module | None, normalization: Normalization, size: int) -> None:
        super().__init__()
        self.body, self.head, self.size = body, head, size
        self.eval()
        device = next(body.parameters()).device
        self.register_buffer("mean", torch.tensor(normalization.mean, device=device)[:, None, None])
        self.register_buffer("std", torch.tensor(normalization.std, device=device)[:, None, None])
        picture = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
        with torch.inference_mode():
            maps, features = maps_of(body, (picture - self.mean) / self.std)
        least = min(MIN_SIDE, max((one.side for one in maps), default=1))
        self.layout = next((one.place for one in reversed(maps) if one.side >= least), None)
        self.feature_map = next((one.place for one in reversed(maps) if one.has_mean(features)), None)
        self.register_buffer("places", averages(self.layout.side if self.layout else 1, PLACES).to(device))
        with torch.inference_mode():
            outputs = self(picture)
        self.shapes = {name: tuple(value.shape[1:]) for name, value in zip(self.names, outputs, strict=True)}

    @property
    def names(self) -> list[str]:
        """What `forward` gives, in its order."""
        given = {LOGITS: self.head, FEATURES: self.body, LAYOUT: self.body, FEATURE_MAP: self.feature_map}
        return [name for name, source in given.items() if source is not None]

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs of `names`."""
        wanted = [place for place in (self.layout, self.feature_map) if place]
        with kept_outputs(self.body, [place.module for place in wanted]) as seen:
            features = self.body((pictures - self.mean) / self.std)
        last = self.layout.of(seen).flatten(2) if self.layout else features[:, :, None]
        layout = (last @ self.places).unflatten(2, (PLACES, PLACES))
        logits = () if self.head is None else (self.head(features),)
        return (*logits, features, layout, *([self.feature_map.of(seen)] if self.feature_map else []))


class TorchNetwork:
    """A `Network` that PyTorch computes, in batches, on a device of its own."""

    def __init__(self, network: ObservedNetwork, device: str = "cuda") -> None:
        self.network = network.to(device)
        self.network.body.to(memory_format=torch.channels_last)
        self.device, self.size = device, network.size
        self.lock = threading.Lock()  # the hooks that keep the maps are the network's

    def ask(self, squares: Iterable[Square], outputs: Sequence[str]) -> Iterator[Answers]:
        """See `Network`; squares are taken 64 at a time."""
        places, remaining = [self.network.names.index(name) for name in outputs], iter(squares)
        while batch := list(islice(remaining, BATCH)):
            pictures = torch.from_numpy(np.stack(batch)).to(self.device, memory_format=torch.channels_last)
            with self.lock, torch.inference_mode():
                answers = self.network(pictures)
            rows: list[NDArray[np.float32]] = [answers[place].float().cpu().numpy() for place in places]
            yield from zip(*rows, strict=True)

    def shape_of(self, output: str) -> tuple[int, ...] | None:
        """See `Network`."""
        return self.network.shapes.get(output)


def averages(side: int, places: int) -> torch.Tensor:
    """What a flat map (side x side,) is multiplied by to be averaged over places x places parts, as torch pools it."""
    line = torch.zeros(side, places)
    for place in range(places):
        start, end = place * side // places, -((place + 1) * side // -places)
        line[start:end, place] = 1 / (end - start)
    return torch.einsum("yp,xq->yxpq", line, line).reshape(side**2, places**2)
