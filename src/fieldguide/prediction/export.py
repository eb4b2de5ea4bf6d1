"""The command `fieldguide export onnx`: a classifier as an ONNX file, for phones, edge devices, and older folders."""

from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.prediction.model_files import weights_of


def export_onnx(model: Path, out: Path | None) -> str:
    """Write a classifier as ONNX, from its weights, as `train` writes it, and return a summary.

    The file takes `pictures`, float32 (n, 3, size, size), RGB in [0, 1], and gives `probabilities`, float32
    (n, labels), calibrated, and the outputs of `fieldguide.model.asking`. Labels and preprocessing are in its metadata.
    Without `out` it takes its place beside the weights; so does `backbone.onnx`, where it belongs there and is missing.

    Raises UserError if PyTorch is missing, the network cannot be exported, or ONNX Runtime's answers differ
    from PyTorch's (see `fieldguide.model.onnx_export`); a file that is there already then stays as it was.
    """
    try:
        import onnx  # noqa: F401 - used below, asked for here
        import torch  # noqa: F401
    except ImportError as error:
        raise UserError(f"the package {error.name} is missing: pip install 'fieldguide[train]'") from None

    weights = weights_of(model)
    file = out or weights.with_suffix(".onnx")
    from fieldguide.model.description import read_description
    from fieldguide.model.older_files import write_classifier_onnx, write_missing_onnx
    from fieldguide.model.onnx_network import INPUT

    differs = write_classifier_onnx(weights, file)
    more = [] if out else write_missing_onnx(weights)
    content = read_description(weights.with_suffix(".json"))
    size, labels = content.preprocessing.size, content.vocabulary
    return "\n".join(
        [
            f"{file}: {file.stat().st_size / 1e6:.1f} MB, answers differ from PyTorch's by at most {differs:.0e}",
            f"input   {INPUT}: float32 (n, 3, {size}, {size}), RGB from 0 to 1",
            f"output  probabilities: float32 (n, {len(labels)}), calibrated: {', '.join(labels)}",
            f"square  {content.preprocessing.method}, bilinear and antialiased",
            *(f"{path}: {path.stat().st_size / 1e6:.1f} MB, whose features the screen uses" for path in more),
        ]
    )
