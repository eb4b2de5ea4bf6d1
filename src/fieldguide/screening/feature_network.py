"""The network that gives screening its features and layout, and the module in it whose output is the layout."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fieldguide.base.errors import UserError
from fieldguide.model.backbone import Backbone
from fieldguide.model.inference import Classifier

MIN_PLACES = 8  # of the map's sides before it is averaged


@dataclass(frozen=True)
class FeatureNetwork:
    """Where features and layout come from: a body, and the name of the module in it that gives the map.

    `body` is None for the classifier's own body, which costs nothing beside the prediction.
    """

    body: nn.Module | None
    layout: str


def feature_network_of(classifier: Classifier) -> FeatureNetwork:
    """The classifier's own body. Raises UserError as `find_layout` does."""
    return FeatureNetwork(None, find_layout(classifier.network.get_submodule("body"), classifier.preprocessing.size))


def frozen_feature_network(body: nn.Module, layout: str) -> FeatureNetwork:
    """A body that no training changes."""
    return FeatureNetwork(body.eval().to(memory_format=torch.channels_last), layout)


def choose_feature_network(classifier: Classifier, backbone: Backbone, features: str) -> tuple[FeatureNetwork, bool]:
    """The feature network for `ood.features`, and whether its features are those of a frozen body.

    Parameters
    ----------
    features
        "classifier", "backbone", or "auto": the backbone where it is pretrained. A backbone that the classifier left as
        it was is the classifier's own body, which costs nothing beside the prediction.
    """
    own = feature_network_of(classifier)
    if features == "classifier" or (features == "auto" and not backbone.is_pretrained):
        return own, False
    trained = classifier.network.get_submodule("body").state_dict()
    if all(torch.equal(value, trained[name]) for name, value in backbone.body.state_dict().items()):
        return own, True
    return frozen_feature_network(backbone.body, own.layout), True


def find_layout(body: nn.Module, size: int) -> str:
    """The name of the last module whose output is a map of at least 8 x 8 places: late, yet it knows where things are.

    Raises UserError if the body has no such map for square pictures of `size` pixels.
    """
    found = ""

    def remember(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            nonlocal found
            if isinstance(output, torch.Tensor) and output.ndim == 4 and min(output.shape[2:]) >= MIN_PLACES:
                found = name

        return hook

    hooks = [module.register_forward_hook(remember(name)) for name, module in body.named_modules() if name]
    try:
        with torch.inference_mode():
            body.eval()(torch.zeros(1, 3, size, size, device=next(body.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise UserError(
            f"screen: no layer of this architecture keeps {MIN_PLACES} x {MIN_PLACES} places of a picture of "
            f"{size} pixels: raise train.size in params.yaml"
        )
    return found
