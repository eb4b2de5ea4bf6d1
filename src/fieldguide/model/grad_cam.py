"""Where a network of any architecture looks, by its gradients: Grad-CAM (Selvaraju et al. 2017), in PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fieldguide.base.errors import UserError
from fieldguide.model.asking import Square
from fieldguide.model.feature_maps import Place, kept_outputs, maps_of
from fieldguide.model.network import one_thread
from fieldguide.model.torch_classifier import load_observed
from fieldguide.model.torch_network import ObservedNetwork


@dataclass(frozen=True)
class GradCam:
    """A classifier's network, and the map in it that is explained: the last one on which the logits depend.

    Of a convolutional network that is the one before pooling. Of a transformer that answers by its class token it is
    what the last attention reads: what comes after it at the other tokens changes no answer.
    """

    network: ObservedNetwork
    place: Place

    def added(self, square: Square, label: int) -> NDArray[np.float64]:
        """What each place adds to a label, beside what it adds to the other labels.

        Parameters
        ----------
        square
            As `fieldguide.model.inference.to_input` makes it.
        label
            Its place in the vocabulary.

        Returns
        -------
        (side, side), below 0 where a place speaks against the label: the sum of the map's channels, each times the mean
        of its gradient over all places.
        """
        ((values, slopes),) = _gradients(self.network, square, label, [self.place])
        weights = slopes.mean(dim=(2, 3), keepdim=True)
        found: NDArray[np.float64] = (weights * values).sum(dim=1)[0].double().numpy()
        return found

    def values(self, square: Square) -> NDArray[np.float32]:
        """The map (c, side, side) that is explained."""
        with one_thread(), torch.inference_mode(), kept_outputs(self.network.body, [self.place.module]) as seen:
            self.network.body(_normalized(self.network, square))
            found: NDArray[np.float32] = self.place.of(seen)[0].numpy()
        return found


def load_grad_cam(weights: Path, description: Path) -> GradCam:
    """It for a classifier's files; raises UserError as `load_observed` and `grad_cam_of` do."""
    return grad_cam_of(load_observed(weights, description))


def grad_cam_of(network: ObservedNetwork) -> GradCam:
    """It for a classifier's network. Raises UserError if no map in it says where in a picture it looks."""
    network.requires_grad_(False)
    square = np.random.default_rng(0).random((3, network.size, network.size), np.float32)
    with one_thread(), torch.inference_mode():
        maps, _ = maps_of(network.body, _normalized(network, square))
    places = [one.place for one in maps]
    for place, (_, slopes) in reversed(list(zip(places, _gradients(network, square, 0, places), strict=True))):
        if slopes.any():
            return GradCam(network, place)
    raise UserError("this network has no map that says where in a picture it looks")


def _gradients(
    network: ObservedNetwork, square: Square, label: int, places: Sequence[Place]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The maps (1, c, side, side) of one square, each with the gradient of the label's logit less the mean logit."""
    modules = [place.module for place in places]
    with one_thread(), torch.enable_grad(), kept_outputs(network.body, modules) as seen:
        assert network.head is not None  # of a classifier
        (logits,) = network.head(network.body(_normalized(network, square).requires_grad_()))
        outputs = [seen[module] for module in modules]
        found = torch.autograd.grad(logits[label] - logits.mean(), outputs, allow_unused=True)
    slopes = [torch.zeros_like(output) if one is None else one for output, one in zip(outputs, found, strict=True)]
    return [
        (place.of({place.module: output.detach()}), place.of({place.module: slope}))
        for place, output, slope in zip(places, outputs, slopes, strict=True)
    ]


def _normalized(network: ObservedNetwork, square: Square) -> torch.Tensor:
    return (torch.from_numpy(square)[None] - network.mean) / network.std
