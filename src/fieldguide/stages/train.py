"""train: trains the classifier from the starting weights on the cleaned pictures."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fieldguide.base.config import Config, HeadOnly
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, write_json, write_text
from fieldguide.base.paths import Paths
from fieldguide.base.runner import EPOCHS, Metrics, main
from fieldguide.base.stage_names import Stage
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.model.fingerprint import code_digest, training_record

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fieldguide.model.description import Preprocessing
    from fieldguide.model.inference import Classifier
    from fieldguide.model.precision import Computing
    from fieldguide.training.learner import Training


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write models/classifier.safetensors, what is needed to use it and to make it again, and the history."""
    table = read_table(paths.split_table, SPLIT)
    pictures = table[table["split"].isin([Split.TRAIN, Split.VALID])].reset_index(drop=True)
    pictures["is_valid"] = pictures["split"] == Split.VALID
    _check(cfg, pictures)

    from fieldguide.model.description import describe_classifier
    from fieldguide.model.network import Architecture
    from fieldguide.model.weights import save_weights
    from fieldguide.pages.learning_curves import curves_figure
    from fieldguide.pages.png import save_figure

    record = training_record(cfg, paths)
    with _memory_errors_said():
        classifier, training, computing = _train(cfg, paths, pictures, record["fingerprint"])
        temperature = _temperature(classifier, paths, pictures[pictures["is_valid"]])
    save_weights(classifier.network, paths.classifier)
    architecture = Architecture(**read_json(paths.backbone.with_suffix(".json"))["architecture"])
    description = describe_classifier(architecture, classifier.vocabulary, classifier.preprocessing, temperature)
    description |= {"precision": computing.precision, "channels_last": computing.channels_last, "record": record}
    write_json(paths.classifier.with_suffix(".json"), description)
    report = paths.report(Stage.TRAIN)
    write_text(report / "history.csv", training.history.to_csv(index=False, float_format="%.6f"))
    write_text(report / "lr_find.csv", training.search.to_csv(index=False, float_format="%.6g"))
    figure = curves_figure(training.history, training.best_epoch, training.search, training.lr)
    save_figure(figure, report / "curves.png")
    paths.checkpoint.unlink(missing_ok=True)
    best = training.history.iloc[training.best_epoch - 1]
    return {
        "epochs": len(training.history),
        "best_epoch": training.best_epoch,
        "lr": training.lr,
        **{name: round(float(best[name]), 6) for name in ("train_loss", "valid_loss", "valid_accuracy")},
        "temperature": temperature,
        "precision": computing.precision,
    }


def _check(cfg: Config, pictures: pd.DataFrame) -> None:
    labels = pictures["label"].unique()
    if len(labels) < 2:
        raise UserError(f"only one label ({labels[0]!r}): a classifier needs at least two, add pictures of another one")
    trained, wanted = int((~pictures["is_valid"]).sum()), cfg.train.batch_size * cfg.train.accumulate
    if trained < wanted:
        what = "one batch" if cfg.train.accumulate == 1 else f"{cfg.train.accumulate} batches"
        raise UserError(
            f"{trained} training pictures do not fill {what} of {cfg.train.batch_size}: "
            "lower train.batch_size in params.yaml, or add pictures"
        )


def _train(
    cfg: Config, paths: Paths, pictures: pd.DataFrame, fingerprint: str
) -> tuple["Classifier", "Training", "Computing"]:
    import torch

    from fieldguide.model.description import Preprocessing
    from fieldguide.model.inference import Classifier
    from fieldguide.model.network import (
        Architecture,
        Normalization,
        build_body,
        build_classifier,
        build_head,
        count_features,
    )
    from fieldguide.model.precision import choose_computing
    from fieldguide.model.weights import load_weights
    from fieldguide.training.checkpoint import state_key
    from fieldguide.training.learner import balanced_weights, fit
    from fieldguide.training.loaders import feature_loaders, make_loaders, pad_mode_of

    torch.set_num_threads(cfg.train.threads)
    vocabulary = sorted(pictures["label"].unique())
    backbone = read_json(paths.backbone.with_suffix(".json"))
    preprocessing = Preprocessing(
        cfg.clean.max_megapixels,
        cfg.clean.max_side,
        cfg.resize.method,
        pad_mode_of(cfg.resize),
        cfg.train.size,
        Normalization(**backbone["normalization"]),
    )
    body = build_body(Architecture(**backbone["architecture"]))
    load_weights(body, paths.backbone)
    features = count_features(body, cfg.train.size)
    if isinstance(cfg.schedule, HeadOnly):
        values = _features(paths, pictures, body, backbone, preprocessing)
        loaders = feature_loaders(pictures, values, vocabulary, cfg.train, cfg.seed)
    else:
        loaders = make_loaders(
            pictures,
            paths.clean,
            vocabulary,
            cfg.resize,
            cfg.augment.transforms,
            preprocessing.normalization,
            cfg.train,
            cfg.seed,
        )
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
        lambda epoch, figures: EPOCHS.info("epoch", extra={"epoch": epoch, "metrics": figures}),
        paths.checkpoint,
        state_key(fingerprint, code_digest(), computing.precision),
    )
    classifier = Classifier(network.eval(), vocabulary, preprocessing, temperature=1.0)
    return classifier, training, computing


def _features(
    paths: Paths, pictures: pd.DataFrame, body: "nn.Module", backbone: Mapping[str, Any], preprocessing: "Preprocessing"
) -> "torch.Tensor":
    from fieldguide.model.features import frozen_features
    from fieldguide.training.checkpoint import state_key

    files = [
        (str(sha256), paths.clean / str(path))
        for sha256, path in zip(pictures["clean_sha256"], pictures["clean_path"], strict=True)
    ]
    return frozen_features(body, backbone, preprocessing, files, paths.features, state_key(code_digest()))


def _temperature(classifier: "Classifier", paths: Paths, valid: pd.DataFrame) -> float:
    """Fitted on the valid split, which the network has not learned from."""
    from fieldguide.model.inference import open_for, predict_logits
    from fieldguide.statistics.temperature import fit_temperature

    logits = predict_logits(classifier, (open_for(classifier, paths.clean / path) for path in valid["clean_path"]))
    return fit_temperature(logits, np.searchsorted(classifier.vocabulary, valid["label"].to_numpy(str)))


@contextmanager
def _memory_errors_said() -> Iterator[None]:
    from fieldguide.model.network import is_memory_short

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_memory_short(error):
            raise
        raise UserError(
            "memory is short: lower train.batch_size (and raise train.accumulate by as much, which changes little) or "
            "train.size in params.yaml, or choose a smaller model"
        ) from None


if __name__ == "__main__":
    main(run)
