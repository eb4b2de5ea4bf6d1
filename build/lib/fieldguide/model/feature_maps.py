"""Where in a body the maps are that still know which part of a picture they are about."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

NCHW, NHWC, TOKENS = "nchw", "nhwc", "tokens"


@dataclass(frozen=True)
class Place:
    """The module that gives a map, how the map lies in its output, its side, and the tokens before it."""

    module: str
    order: str
    side: int
    first: int

    def of(self, seen: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The map (n, c, side, side) in what `kept_outputs` kept."""
        output = seen[self.module]
        if self.order == TOKENS:
            return output[:, self.first :].transpose(1, 2).reshape(-1, output.shape[2], self.side, self.side)
        return output if self.order == NCHW else output.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class FeatureMap:
    """A map of one picture, (1, c, side, side), and where it is in the body."""

    place: Place
    values: torch.Tensor

    @property
    def side(self) -> int:
        """Its places in each direction."""
        return self.place.side

    def has_mean(self, features: torch.Tensor) -> bool:
        """Whether the body's features (1, f) are its mean over all places."""
        mean = self.values.mean(dim=(2, 3))
        same = mean.shape == features.shape and torch.allclose(mean, features, rtol=1e-3, atol=1e-5)
        return bool(same and features.std() > 0)


def maps_of(body: nn.Module, inputs: torch.Tensor) -> tuple[list[FeatureMap], torch.Tensor]:
    """The square maps inside a body for one square picture, in the order in which they are computed; and its features.

    What is inside an attention is none, whatever its shape: its rows and columns are tokens, heads and channels.
    """
    inside = [name for name, module in body.named_modules() if "attention" in type(module).__name__.lower()]
    names = [name for name, _ in body.named_modules() if name and not any(name.startswith(f"{one}.") for one in inside)]
    with kept_outputs(body, names) as seen:
        features: torch.Tensor = body(inputs)
    # Tokens of a transformer that stand for no part of the picture: timm counts them, torchvision has one.
    first = int(getattr(body, "num_prefix_tokens", hasattr(body, "class_token")))
    places = [place for name, output in seen.items() if (place := _place(name, output, first))]
    return [FeatureMap(place, place.of(seen)) for place in places], features


@contextmanager
def kept_outputs(body: nn.Module, modules: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
    """Within it the outputs of these modules, each the last one, in the order in which they were computed."""
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str, output: object) -> None:
        seen.pop(name, None)
        if isinstance(output, torch.Tensor):
            seen[name] = output

    hooks = [
        body.get_submodule(name).register_forward_hook(lambda _module, _inputs, output, name=name: keep(name, output))
        for name in dict.fromkeys(modules)
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _place(module: str, output: torch.Tensor, first: int) -> Place | None:
    if output.ndim == 4:
        _, second, third, last = output.shape
        if third == last > 1:
            return Place(module, NCHW, third, 0)
        return Place(module, NHWC, second, 0) if second == third > 1 else None
    if output.ndim == 3 and (tokens := output.shape[1] - first) > 1 and round(tokens**0.5) ** 2 == tokens:
        return Place(module, TOKENS, round(tokens**0.5), first)
    return None
