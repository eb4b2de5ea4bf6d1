"""train: trains the classifier from the starting weights on the cleaned pictures."""

from importlib.metadata import version

import pandas as pd

import fieldguide.data.resizing
import fieldguide.training.augmentations  # noqa: F401 - what the runner validates `resize` and `augment` by
from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import write_json
from fieldguide.base.paths import Paths
from fieldguide.base.processor import linear_algebra
from fieldguide.base.runner import EPOCHS, Metrics, main
from fieldguide.base.shares import rounded
from fieldguide.base.stage_names import Stage
from fieldguide.data.csv_files import write_csv
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, read_table
from fieldguide.model.fingerprint import training_record
from fieldguide.training.kept_epoch import kept_epoch


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write models/classifier.safetensors and .onnx, what is needed to use them, the provenance, and the history."""
    table = read_table(paths.split_table, SPLIT)
    pictures = table[table["split"].isin([Split.TRAIN, Split.VALID])].reset_index(drop=True)
    pictures["is_valid"] = pictures["split"] == Split.VALID
    _check(cfg, pictures)

    from fieldguide.model.libraries import library

    library("torchvision")  # before fastai imports it
    from fieldguide.model.description import describe_classifier
    from fieldguide.model.onnx_export import facts_of, with_probabilities, write_onnx
    from fieldguide.model.weights import save_weights
    from fieldguide.pages.learning_curves import curves_figure
    from fieldguide.pages.png import save_figure
    from fieldguide.training.train_classifier import train_classifier

    record = training_record(cfg, paths)

    def told(epoch: int, figures: dict[str, float]) -> None:
        EPOCHS.info("epoch", extra={"epoch": epoch, "metrics": figures})

    trained = train_classifier(cfg, paths, pictures, record["fingerprint"], told)
    classifier, training, computing = trained.classifier, trained.training, trained.computing
    vocabulary, preprocessing, temperature = classifier.vocabulary, classifier.preprocessing, classifier.temperature
    save_weights(trained.network, paths.classifier)
    network = with_probabilities(trained.onnx, temperature)
    write_onnx(network, paths.classifier.with_suffix(".onnx"), paths.classifier, facts_of(vocabulary, preprocessing))
    description = describe_classifier(trained.architecture, vocabulary, preprocessing, temperature)
    description |= {
        "precision": computing.precision,
        "channels_last": computing.channels_last,
        "onnxruntime": version("onnxruntime"),
        "linear_algebra": linear_algebra(),
        "record": record,
    }
    write_json(paths.classifier.with_suffix(".json"), description)
    write_csv(paths.history, training.history, ".6f")
    report = paths.report(Stage.TRAIN)
    write_csv(report / "lr_find.csv", training.search, ".6g")
    figure = curves_figure(training.history, training.best_epoch, training.search, training.lr)
    save_figure(figure, report / "curves.png")
    paths.checkpoint.unlink(missing_ok=True)
    best = training.history.iloc[training.best_epoch - 1]
    metrics: Metrics = {
        "epochs": len(training.history),
        "best_epoch": training.best_epoch,
        "lr": training.lr,
        **{name: rounded(float(best[name]), 6) for name in ("train_loss", "valid_loss", "valid_accuracy")},
        "temperature": temperature,
        "precision": computing.precision,
    }
    print(f"train: {kept_epoch(metrics)}", flush=True)
    return metrics


def _check(cfg: Config, pictures: pd.DataFrame) -> None:
    """Raise UserError for what cannot be trained on before fastai is imported, which takes seconds."""
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


if __name__ == "__main__":
    main(run)
