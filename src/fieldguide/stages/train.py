"""train: trains the classifier from the starting weights on the cleaned pictures."""

import numpy as np

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, write_json, write_text
from fieldguide.base.paths import Paths
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.record import training_record
from fieldguide.stages.runner import EPOCHS, Metrics, main


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write models/classifier.safetensors, what is needed to use it and to make it again, and the history."""
    table = read_table(paths.split_table, SPLIT)
    pictures = table[table["split"].isin([Split.TRAIN, Split.VALID])].reset_index(drop=True)
    pictures["is_valid"] = pictures["split"] == Split.VALID
    vocabulary = sorted(pictures["label"].unique())
    trained = int((~pictures["is_valid"]).sum())
    if trained < cfg.train.batch_size:
        raise UserError(
            f"{trained} training pictures do not fill one batch of {cfg.train.batch_size}: "
            "lower train.batch_size in params.yaml, or add pictures"
        )

    import torch

    from fieldguide.model.calibration import fit_temperature
    from fieldguide.model.description import Preprocessing, describe_classifier
    from fieldguide.model.learner import fit
    from fieldguide.model.loaders import make_loaders, pad_mode_of
    from fieldguide.model.network import Architecture, Normalization, build_body, build_classifier, count_features
    from fieldguide.model.precision import choose_precision
    from fieldguide.model.predict import Classifier, open_for, predict_logits
    from fieldguide.model.weights import load_weights, save_weights

    backbone = read_json(paths.backbone.with_suffix(".json"))
    architecture = Architecture(**backbone["architecture"])
    normalization = Normalization(**backbone["normalization"])
    loaders = make_loaders(
        pictures,
        paths.clean,
        vocabulary,
        cfg.resize,
        cfg.augment.transforms,
        normalization,
        cfg.train,
        cfg.seed,
    )
    body = build_body(architecture)
    load_weights(body, paths.backbone)
    features = count_features(body, cfg.train.size)
    torch.manual_seed(cfg.seed)
    network = build_classifier(body, features, len(vocabulary))
    precision = choose_precision(network) if cfg.train.precision == "auto" else cfg.train.precision
    history = fit(
        network,
        loaders,
        cfg.train,
        cfg.schedule,
        precision,
        cfg.seed,
        lambda epoch, figures: EPOCHS.info("epoch", extra={"epoch": epoch, "metrics": figures}),
    )
    if not np.isfinite(history[["train_loss", "valid_loss"]].to_numpy()).all():
        raise UserError("the loss is no number any more, training has diverged: lower train.lr in params.yaml")
    save_weights(network, paths.classifier)
    preprocessing = Preprocessing(
        cfg.clean.max_megapixels,
        cfg.clean.max_side,
        cfg.resize.method,
        pad_mode_of(cfg.resize),
        cfg.train.size,
        normalization,
    )
    unseen = pictures[pictures["is_valid"]]
    plain = Classifier(network.eval(), vocabulary, preprocessing, temperature=1.0)
    logits = predict_logits(plain, (open_for(plain, paths.clean / path) for path in unseen["clean_path"]))
    temperature = fit_temperature(logits, np.searchsorted(vocabulary, unseen["label"].to_numpy(str)))
    write_json(
        paths.classifier.with_suffix(".json"),
        {
            **describe_classifier(architecture, vocabulary, preprocessing, temperature),
            "precision": precision,
            "record": training_record(cfg, paths),
        },
    )
    write_text(paths.report("train") / "history.csv", history.to_csv(index=False, float_format="%.6f"))
    last = history.iloc[-1]
    return {
        "epochs": len(history),
        "train_loss": round(float(last["train_loss"]), 6),
        "valid_loss": round(float(last["valid_loss"]), 6),
        "valid_accuracy": round(float(last["valid_accuracy"]), 6),
    }


if __name__ == "__main__":
    main(run)
