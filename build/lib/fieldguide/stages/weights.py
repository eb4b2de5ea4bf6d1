"""weights: fetches or makes the weights that training starts from; no later stage needs the network."""

from dataclasses import asdict
from pathlib import Path

from fieldguide.base.config import Config
from fieldguide.base.files import sha256_of_file, write_json
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write models/backbone.safetensors, beside it the frozen network as .onnx, and what it is and comes from."""
    from fieldguide.model.architecture import Architecture
    from fieldguide.model.backbone import RANDOM
    from fieldguide.model.network import count_features, normalization_of
    from fieldguide.model.onnx_export import export_network, write_onnx
    from fieldguide.model.torch_network import ObservedNetwork
    from fieldguide.model.weights import file_body, hub_body, random_body, save_weights

    model = cfg.model
    architecture = Architecture(model.library, model.arch, model.options)
    if model.weights == RANDOM:
        body = random_body(architecture, cfg.seed)
    elif model.weights == "hub":
        body = hub_body(architecture)
    else:
        body = file_body(architecture, paths.checkout / model.weights, model.weights_sha256)
    count_features(body, cfg.train.size)  # a size that the architecture cannot take is said here
    normalization = normalization_of(architecture, body)
    exported = export_network(ObservedNetwork(body, None, normalization, cfg.train.size))
    save_weights(body, paths.backbone)
    write_onnx(exported, paths.backbone.with_suffix(".onnx"), paths.backbone, {})
    sha256 = sha256_of_file(paths.backbone)
    description = {
        "architecture": asdict(architecture),
        "normalization": asdict(normalization),
        "source": Path(model.weights).name,
        "source_sha256": model.weights_sha256,
        "sha256": sha256,
    }
    write_json(paths.backbone.with_suffix(".json"), description)
    return {"parameters": sum(parameter.numel() for parameter in body.parameters()), "sha256": sha256}


if __name__ == "__main__":
    main(run)
