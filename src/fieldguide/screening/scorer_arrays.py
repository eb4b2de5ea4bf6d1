"""What a screen has learned from the training pictures, as named arrays."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldguide.screening.label_margin import LabelMargin
from fieldguide.screening.neighbours import LocalDensity
from fieldguide.screening.orientation import Orientation
from fieldguide.screening.screen import Scorers

Arrays = dict[str, NDArray[Any]]

STATE, MARGIN = "state.", "margin."  # of the detector, and of the label margin
KNOWN = "density.known", "state.known"  # where the known pictures are: of some detectors they are the state


def scorer_arrays(scorers: Scorers) -> Arrays:
    """All that `scorers_from` needs beside the detector's name; what two of them know is there once."""
    arrays = {f"{STATE}{name}": values for name, values in scorers.state.items()}
    arrays |= {"orientation.weight": scorers.orientation.weight, "orientation.bias": scorers.orientation.bias}
    if (density := scorers.density) is not None:
        arrays |= {"density.distances": density.distances, "density.neighbours": density.neighbours}
        if not np.array_equal(arrays.get(KNOWN[1], np.empty(0)), density.known):
            arrays[KNOWN[0]] = density.known
    if (margin := scorers.margin) is not None:
        arrays |= {f"{MARGIN}{field.name}": getattr(margin, field.name) for field in fields(margin)}
    return arrays


def scorers_from(detector: str, arrays: Mapping[str, NDArray[Any]]) -> Scorers:
    """What `scorer_arrays` was given; older files have neither density nor margin. Raises KeyError where one lacks."""
    density = margin = None
    if "density.distances" in arrays:
        known = arrays[KNOWN[0] if KNOWN[0] in arrays else KNOWN[1]]
        density = LocalDensity(known, arrays["density.distances"], arrays["density.neighbours"])
        margin = LabelMargin(**{field.name: arrays[f"{MARGIN}{field.name}"] for field in fields(LabelMargin)})
    return Scorers(
        detector,
        {name.removeprefix(STATE): values for name, values in arrays.items() if name.startswith(STATE)},
        density,
        margin,
        Orientation(arrays["orientation.weight"], arrays["orientation.bias"]),
    )
