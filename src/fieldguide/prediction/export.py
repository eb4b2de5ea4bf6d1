"""The classifier as an ONNX file: for phones, edge devices, and programs without Python."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.errors import UserError
from fieldguide.base.files import replace_file
from fieldguide.prediction.predict_command import weights_of

if TYPE_CHECKING:
    from fieldguide.model.description import Preprocessing
    from fieldguide.model.inference import Classifier

OPSET = 18
MAX_DIFFERENCE = 1e-4
INPUT, OUTPUT = "pictures", "probabilities"


def export_onnx(model: Path, out: Path | None) -> str:
    """Write a model as ONNX, compare it with PyTorch, and return a summary.

    The file takes `pictures`, float32 (n, 3, size, size), RGB in [0, 1], and gives `probabilities`, float32
    (n, labels), calibrated. Labels and preprocessing are in its metadata. The same model gives the same bytes.

    Raises UserError if the extra packages are missing, the network cannot be exported, or the answers differ by more
    than 1e-4 (then no file is left).
    """
    weights = weights_of(model)
    out = out or weights.with_suffix(".onnx")
    try:
        import onnx
        import onnxruntime  # noqa: F401 - used below, asked for here
        import onnxscript  # noqa: F401 - torch's exporter uses it
    except ImportError as error:
        raise UserError(f"the package {error.name} is missing: pip install 'fieldguide[onnx]'") from None

    from fieldguide.model.inference import load_classifier

    classifier = load_classifier(weights, weights.with_suffix(".json"))
    preprocessing = classifier.preprocessing
    content = _to_onnx(classifier)
    _forget_machine(content)
    onnx.helper.set_model_props(content, metadata(classifier.vocabulary, preprocessing))
    onnx.checker.check_model(content)
    with replace_file(out) as partial:
        partial.write_bytes(content.SerializeToString(deterministic=True))
        difference = _difference(classifier, partial)
        if not difference <= MAX_DIFFERENCE:
            raise UserError(f"the ONNX file's probabilities differ (by {difference:.1e}): choose another network")
    size = preprocessing.size
    return (
        f"{out}: {out.stat().st_size / 1e6:.1f} MB, probabilities differ from PyTorch's by at most {difference:.0e}\n"
        f"input   {INPUT}: float32 (n, 3, {size}, {size}), RGB from 0 to 1\n"
        f"output  {OUTPUT}: float32 (n, {len(classifier.vocabulary)}), calibrated: {', '.join(classifier.vocabulary)}\n"
        f"square  {preprocessing.method}, bilinear and antialiased"
    )


def metadata(vocabulary: Sequence[str], preprocessing: "Preprocessing") -> dict[str, str]:
    """What a program must know to use the file, as ONNX's metadata_props: values that are not text are JSON."""
    facts = {key: value for key, value in preprocessing.as_dict().items() if key != "normalization"}
    return {
        "labels": json.dumps(list(vocabulary), ensure_ascii=False),
        **{key: value if isinstance(value, str) else json.dumps(value) for key, value in facts.items()},
    }


def _to_onnx(classifier: "Classifier") -> Any:
    """An onnx.ModelProto of normalization, network, temperature and softmax."""
    import torch
    from torch import nn

    class WholeClassifier(nn.Module):
        """From pictures in [0, 1] to calibrated probabilities."""

        mean: torch.Tensor
        std: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.network = classifier.network
            normalization = classifier.preprocessing.normalization
            self.register_buffer("mean", torch.tensor(normalization.mean)[:, None, None])
            self.register_buffer("std", torch.tensor(normalization.std)[:, None, None])

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            logits = self.network((pictures - self.mean) / self.std)
            return torch.softmax(logits / classifier.temperature, dim=1)

    size = classifier.preprocessing.size
    try:
        with warnings.catch_warnings(action="ignore"):
            program = torch.onnx.export(
                WholeClassifier().eval(),
                (torch.zeros(2, 3, size, size),),  # of one picture alone the exporter would make a constant
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter raises many kinds for one fact
        reason = next(iter(str(error).split("\n")), "") or type(error).__name__
        raise UserError(f"PyTorch cannot export this network to ONNX ({reason}): train another model") from None
    assert program is not None
    return program.model_proto


def _forget_machine(content: Any) -> None:
    """Remove the exporter's notes on source files, which are paths of this machine."""
    for graph in [content.graph, *content.functions]:
        for part in [graph, *graph.node, *graph.value_info]:
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    for value in [*content.graph.input, *content.graph.output, *content.graph.initializer]:
        value.ClearField("metadata_props")
        value.ClearField("doc_string")


def _difference(classifier: "Classifier", file: Path) -> float:
    """The largest difference between the file's probabilities and PyTorch's for seeded noise, one picture and five."""
    import onnxruntime
    import torch

    from fieldguide.model.inference import calibrated, logits_of

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    size, normalization = classifier.preprocessing.size, classifier.preprocessing.normalization
    mean, std = (torch.tensor(values)[:, None, None] for values in (normalization.mean, normalization.std))
    differences = []
    for count in (1, 5):
        coarse = np.random.default_rng(count).random((count, 3, 8, 8), dtype=np.float32)
        pictures = torch.nn.functional.interpolate(torch.from_numpy(coarse), size=(size, size), mode="bilinear")
        found: NDArray[np.float32] = session.run([OUTPUT], {INPUT: pictures.numpy()})[0]
        wanted = calibrated(logits_of(classifier, list((pictures - mean) / std)), classifier.temperature)
        differences.append(float(np.abs(found - wanted).max()))
    return max(differences)
