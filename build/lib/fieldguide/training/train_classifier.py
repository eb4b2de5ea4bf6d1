"""Training the classifier from the starting weights on the train split, and calibrating it on the valid split."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from fastai.data.core import DataLoaders
from torch import nn

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.schedules import HeadOnly
from fieldguide.data.resizing import Resize
from fieldguide.model.architecture import Architecture
from fieldguide.model.backbone import Backbone, load_backbone
from fieldguide.model.description import Preprocessing, preprocessing_of
from fieldguide.model.features import frozen_features
from fieldguide.model.fingerprint import code_digest
from fieldguide.model.gpu import has_gpu
from fieldguide.model.inference import Classifier, open_all, predict_logits
from fieldguide.model.network import build_classifier, build_head, count_features, is_memory_short
from fieldguide.model.onnx_export import export_network
from fieldguide.model.onnx_network import OnnxNetwork
from fieldguide.model.precision import Computing, choose_computing
from fieldguide.model.torch_network import ObservedNetwork, TorchNetwork
from fieldguide.model.weights import load_body
from fieldguide.statistics.temperature import fit_temperature
from fieldguide.training.augmentations import Augmentation
from fieldguide.training.callbacks import OnEpoch
from fieldguide.training.checkpoint import state_key
from fieldguide.training.learner import Training, balanced_weights, fit
from fieldguide.training.loaders import feature_loaders, make_loaders


@dataclass(frozen=True)
class Trained:
    """The classifier, calibrated; its network in PyTorch and as ONNX, what its body is, and how it was trained."""

    classifier: Classifier
    network: nn.Sequential
    onnx: bytes
    architecture: Architecture
    training: Training
    computing: Computing


def train_classifier(cfg: Config, paths: Paths, pictures: pd.DataFrame, fingerprint: str, on_epoch: OnEpoch) -> Trained:
    """Train from the starting weights; a training of the same fingerprint that was interrupted resumes.

    Parameters
    ----------
    pictures
        The rows of the split table for train and valid, with the column is_valid.
    on_epoch
        Called after every epoch, see `fit`.

    Raises
    ------
    UserError
        If memory is short, or as `fit` does.
    """
    torch.set_num_threads(cfg.train.threads)
    vocabulary = sorted(pictures["label"].unique())
    with _short_memory_is_a_user_error():
        backbone = load_backbone(paths.backbone)
        resize: Resize = cfg.resize
        preprocessing = preprocessing_of(
            resize,
            cfg.train.size,
            backbone.normalization,
            cfg.clean.max_megapixels,
            cfg.clean.max_side,
            cfg.clean.crop,
            cfg.clean.crop_margin,
        )
        if (depth := pictures["depth"].max()) > 8:  # what is predicted is read by the same depth
            preprocessing = replace(preprocessing, depth=int(depth))
        body = load_body(backbone.architecture, backbone.weights)
        features = count_features(body, cfg.train.size)
        loaders = _loaders(cfg, paths, pictures, vocabulary, backbone, preprocessing)
        torch.manual_seed(cfg.seed)
        network = build_classifier(body, features, len(vocabulary))
        learning = build_head(network) if isinstance(cfg.schedule, HeadOnly) else network
        computing = choose_computing(learning, cfg.train.precision)
        trained = list(pictures.loc[~pictures["is_valid"], "label"])
        training = fit(
            learning,
            loaders,
            cfg.train,
            cfg.schedule,
            computing,
            cfg.seed,
            balanced_weights(trained, vocabulary) if cfg.train.class_weights == "balanced" else None,
            on_epoch,
            paths.checkpoint,
            state_key(fingerprint, code_digest(), computing.precision),
        )
        observed = ObservedNetwork(
            body.cpu(), network.cpu().get_submodule("head"), backbone.normalization, cfg.train.size
        )
        exported = export_network(observed)
        asked = TorchNetwork(observed) if has_gpu() else OnnxNetwork(exported)
        classifier = Classifier(asked, vocabulary, preprocessing, temperature=1.0)
        temperature = _temperature(classifier, paths, pictures[pictures["is_valid"]], cfg.train.label_smoothing)
    calibrated = replace(classifier, temperature=temperature)
    return Trained(calibrated, network, exported, backbone.architecture, training, computing)


def _loaders(
    cfg: Config,
    paths: Paths,
    pictures: pd.DataFrame,
    vocabulary: list[str],
    backbone: Backbone,
    preprocessing: Preprocessing,
) -> DataLoaders:
    if not isinstance(cfg.schedule, HeadOnly):
        augmentations: list[Augmentation] = cfg.augment.transforms
        normalization = preprocessing.normalization
        return make_loaders(
            pictures, paths.clean, vocabulary, cfg.resize, augmentations, normalization, cfg.train, cfg.seed
        )
    files = [
        (str(sha256), paths.clean / str(path))
        for sha256, path in zip(pictures["clean_sha256"], pictures["clean_path"], strict=True)
    ]
    values = frozen_features(backbone, preprocessing, files, paths.features)
    return feature_loaders(pictures, values, vocabulary, cfg.train, cfg.seed)


def _temperature(classifier: Classifier, paths: Paths, valid: pd.DataFrame, label_smoothing: float) -> float:
    """Fitted on the valid split, which the network has not learned from."""
    logits = predict_logits(
        classifier, open_all(classifier, [paths.clean / path for path in valid["clean_path"]], "calibrate")
    )
    targets = np.searchsorted(classifier.vocabulary, valid["label"].to_numpy(str))
    return fit_temperature(logits, targets, label_smoothing)


@contextmanager
def _short_memory_is_a_user_error() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_memory_short(error):
            raise
        raise UserError(
            "memory is short: lower train.batch_size (and raise train.accumulate by as much, which changes little) or "
            "train.size in params.yaml, or choose a smaller model"
        ) from None
