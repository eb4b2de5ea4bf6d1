"""The screen as two files: numbers as safetensors, the rest as JSON. Loading them runs no code."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.files import sha256_of_file, write_json
from fieldguide.base.operations import DETECTORS
from fieldguide.model.asking import Network
from fieldguide.model.backbone import Backbone
from fieldguide.model.description import read_description
from fieldguide.model.inference import Classifier, weights_sha256
from fieldguide.model.onnx_network import PRECISION, OnnxNetwork
from fieldguide.screening.array_files import read_arrays, write_arrays
from fieldguide.screening.calibration import Calibration
from fieldguide.screening.measurements import NAMES
from fieldguide.screening.observations import observe_pictures
from fieldguide.screening.orientation import Turned
from fieldguide.screening.p_values import Tail
from fieldguide.screening.scorer_arrays import scorer_arrays, scorers_from
from fieldguide.screening.screen import WEIGHTS, Screen, judge

MAX_FILE_SIZE = 2**16  # bytes of the JSON
MOST = 1e9  # pictures
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=0, le=MOST)]
Scale = Annotated[float, Field(gt=0, le=1e6)]
FORMER_WEIGHTS = {  # of older versions, whose files do not say them
    "features": 0.70,
    "orientation": 0.20,
    **{name: weight for name, weight in WEIGHTS.items() if name in NAMES},
}


def _known_detector(name: str) -> str:
    if name not in DETECTORS:
        raise ValueError(f"must be one of: {', '.join(DETECTORS)}")
    return name


@dataclass(frozen=True)
class Description:
    """The content of the JSON file."""

    detector: Annotated[str, AfterValidator(_known_detector)]
    alarm_rate: Annotated[float, Field(gt=0, lt=1)]
    classifier_sha256: Sha256
    backbone_sha256: Sha256 | None  # null where features are those of the classifier's own body
    turned: Turned
    tails: dict[str, tuple[Share, Scale]]
    weights: dict[str, Share] | None = None  # see FORMER_WEIGHTS
    # What the alarm rate is promised by; older files count pictures only, and still older ones do not say.
    calibration_pictures: Count = 0
    calibration_groups: Count | None = None
    calibration_effective: Annotated[float, Field(ge=0, le=MOST)] | None = None

    def calibration(self) -> Calibration:
        """What the alarm rate is promised by."""
        pictures, groups, effective = self.calibration_pictures, self.calibration_groups, self.calibration_effective
        return Calibration(
            pictures, pictures if groups is None else groups, pictures if effective is None else effective
        )


def save_screen(screen: Screen, path: Path, classifier: Path, backbone: Path | None) -> None:
    """Write `path` and the JSON beside it, atomically; the same screen gives the same bytes.

    `classifier` and `backbone` are the weights it belongs to; None where the features are the classifier's.
    """
    tails = {**screen.tails, "combined": screen.combined}
    arrays = scorer_arrays(screen.scorers) | {f"tail.{name}": tail.values for name, tail in tails.items()}
    write_arrays(path, arrays)
    description = {
        "detector": screen.scorers.detector,
        "alarm_rate": screen.alarm_rate,
        "classifier_sha256": sha256_of_file(classifier),
        "backbone_sha256": sha256_of_file(backbone) if backbone else None,
        "turned": asdict(screen.turned),
        "tails": {name: (tail.share, tail.least_scale) for name, tail in tails.items()},
        "weights": dict(screen.weights),
        "calibration_pictures": screen.calibration.pictures,
        "calibration_groups": screen.calibration.groups,
        "calibration_effective": round(screen.calibration.effective, 2),
    }
    write_json(path.with_suffix(".json"), description)


def load_screen(path: Path, classifier: Classifier, weights: Path) -> tuple[Screen, Network]:
    """Load the screen of a classifier whose weights are in the file `weights`.

    Runs no code from the files, and reads beside them only the starting weights, where the features are theirs. Raises
    UserError if one is missing or damaged, or belongs to another classifier.
    """
    description = _read_description(path.with_suffix(".json"))
    if weights_sha256(classifier, weights) != description.classifier_sha256:
        raise UserError(f"{path} does not belong to the classifier {weights}: run `dvc repro`")
    arrays = read_arrays(path)
    try:
        tails = {name: Tail(arrays[f"tail.{name}"], *described) for name, described in description.tails.items()}
        if not all((np.diff(tail.values) >= 0).all() for tail in tails.values()):
            raise UserError(f"{path} is damaged, a sample in it is not sorted: run `dvc repro`")
        screen = Screen(
            scorers_from(description.detector, arrays),
            FORMER_WEIGHTS if description.weights is None else description.weights,
            description.turned,
            tails,
            tails["combined"],
            description.alarm_rate,
            description.calibration(),
        )
        feature_network = _feature_network(description, classifier, weights)
        judge(screen, observe_pictures(classifier, feature_network, [Image.new("RGB", (64, 64))]))  # does all fit?
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not the screen of this classifier ({first_line(error)})") from None
    return screen, feature_network


def _feature_network(description: Description, classifier: Classifier, weights: Path) -> Network:
    own = classifier.network
    if description.backbone_sha256 is None and isinstance(own, OnnxNetwork) and PRECISION in own.facts:
        raise UserError(
            f"{own.name} has numbers of {own.facts[PRECISION]}, for which its screen was not calibrated: use the "
            "float32 file, or leave screen.safetensors out"
        )
    if description.backbone_sha256 is None:
        return classifier.network
    backbone = weights.with_name("backbone.safetensors")
    if not (network := backbone.with_suffix(".onnx")).is_file():
        raise UserError(
            f"{network}, whose features the screen uses, is missing: run `dvc repro`; if an older version wrote the "
            f"screen, `fieldguide export onnx --model {weights.parent}`"
        )
    architecture = read_description(weights.with_suffix(".json")).architecture
    normalization = classifier.preprocessing.normalization
    return Backbone(backbone, architecture, normalization, description.backbone_sha256, is_pretrained=True).network


def _read_description(path: Path) -> Description:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_SIZE + 1)
        if len(content) > MAX_FILE_SIZE:
            raise UserError(f"{path} does not describe a screen (larger than {MAX_FILE_SIZE // 2**10} KiB)")
        return TypeAdapter(Description).validate_json(content, strict=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): run `dvc repro`") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path} does not describe a screen ({where}: {first['msg']})") from None
