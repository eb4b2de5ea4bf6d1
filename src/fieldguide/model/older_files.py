"""The .onnx files of a classifier, from its weights: as training writes them, and for folders from before it did."""

from pathlib import Path

from fieldguide.model.description import read_description
from fieldguide.model.onnx_export import difference, export_network, facts_of, with_probabilities, write_onnx
from fieldguide.model.torch_classifier import load_bounded_body, load_observed
from fieldguide.model.torch_network import ObservedNetwork

BACKBONE = "backbone.safetensors"  # beside a classifier whose screen uses the features of the starting weights


def write_classifier_onnx(weights: Path, out: Path) -> float:
    """Write a classifier's network as ONNX; returns by how much its answers differ from PyTorch's.

    `export_network` says by how much they may. The same classifier gives the same bytes. Raises UserError if a file is
    missing or damaged, or if the network cannot be exported.
    """
    description = weights.with_suffix(".json")
    content, network = read_description(description), load_observed(weights, description)
    exported = export_network(network)
    facts = facts_of(content.vocabulary, content.preprocessing)
    write_onnx(with_probabilities(exported, content.temperature), out, weights, facts)
    return difference(exported, network)


def write_missing_onnx(weights: Path) -> list[Path]:
    """Write those .onnx files that are missing beside a classifier's weights, and return them.

    Raises UserError as `write_classifier_onnx` does.
    """
    written = []
    if not (file := weights.with_suffix(".onnx")).exists():
        write_classifier_onnx(weights, file)
        written.append(file)
    backbone = weights.with_name(BACKBONE)
    if backbone.exists() and not (file := backbone.with_suffix(".onnx")).exists():
        content = read_description(weights.with_suffix(".json"))
        preprocessing = content.preprocessing
        body = load_bounded_body(content.architecture, backbone)
        network = ObservedNetwork(body, None, preprocessing.normalization, preprocessing.size)
        write_onnx(export_network(network), file, backbone, {})
        written.append(file)
    return written
