"""The network that gives screening its features and layout."""

from pathlib import Path

import numpy as np
from safetensors import safe_open

from fieldguide.model.asking import Network
from fieldguide.model.backbone import Backbone
from fieldguide.model.inference import Classifier


def choose_feature_network(
    classifier: Classifier, weights: Path, backbone: Backbone, features: str
) -> tuple[Network, bool]:
    """The network for `ood.features`, and whether its features are those of a frozen body.

    Parameters
    ----------
    weights
        The classifier's.
    features
        "classifier", "backbone", or "auto": the backbone where it is pretrained. A backbone that the classifier left as
        it was is the classifier's own body, which costs nothing beside the prediction.
    """
    if features == "classifier" or (features == "auto" and not backbone.is_pretrained):
        return classifier.network, False
    if _is_unchanged(backbone.weights, weights):
        return classifier.network, True
    return backbone.network, True


def _is_unchanged(backbone: Path, classifier: Path) -> bool:
    with safe_open(backbone, "numpy") as before, safe_open(classifier, "numpy") as after:
        names = before.keys()
        return all(np.array_equal(before.get_tensor(name), after.get_tensor(f"body.{name}")) for name in names)
