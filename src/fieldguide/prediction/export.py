"""The command `fieldguide export onnx`: a classifier as an ONNX file, for phones, edge devices, and older folders."""

from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.prediction.predict_command import weights_of


def export_onnx(model: Path, out: Path | None) -> str:
    """Write a classifier as ONNX, from its weights, as `train` writes it, and return a summary.

    The file takes `pictures`, float32 (n, 3, size, size), RGB in [0, 1], and gives `probabilities`, float32
    (n, labels), calibrated, and the outputs of `fieldguide.model.asking`. Labels and preprocessing are in its metadata.
    The same classifier gives the same bytes.

    Raises UserError if PyTorch is missing, the network cannot be exported, or ONNX Runtime's answers differ by more
    than 1e-4 (then no file is left).
    """
    weights = weights_of(model)
    out = out or weights.with_suffix(".onnx")
    try:
        import onnx  # noqa: F401 - used below, asked for here
        import torch  # noqa: F401
    except ImportError as error:
        raise UserError(f"the package {error.name} is missing: pip install 'fieldguide[train]'") from None

    from fieldguide.model.description import read_description
    from fieldguide.model.onnx_export import difference, export_network, facts_of, with_probabilities, write_onnx
    from fieldguide.model.onnx_network import INPUT
    from fieldguide.model.torch_classifier import load_observed

    description = weights.with_suffix(".json")
    content = read_description(description)
    network = load_observed(weights, description)
    exported = export_network(network)
    vocabulary, preprocessing = content.vocabulary, content.preprocessing
    facts = facts_of(vocabulary, preprocessing)
    write_onnx(with_probabilities(exported, content.temperature), out, weights, facts)
    size = preprocessing.size
    return (
        f"{out}: {out.stat().st_size / 1e6:.1f} MB, answers differ from PyTorch's by at most "
        f"{difference(exported, network):.0e}\n"
        f"input   {INPUT}: float32 (n, 3, {size}, {size}), RGB from 0 to 1\n"
        f"output  probabilities: float32 (n, {len(vocabulary)}), calibrated: {', '.join(vocabulary)}\n"
        f"square  {preprocessing.method}, bilinear and antialiased"
    )
