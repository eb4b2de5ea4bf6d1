"""fieldguide's training loop against fastai's default one, on the same copies: `python bench/train_throughput.py`.

fastai side: ImageDataLoaders from the files, Resize, aug_transforms, Learner, all else by default. Both train the
same network from random weights for two epochs; the second is timed.
"""

import time
import warnings
from pathlib import Path

from common import NETWORKS, Figure, in_turn, ratio_of, report, training_folder

COMPARED = "one training epoch of fieldguide's loop against fastai's default loaders and Learner, same small copies"
PICTURES, ROUNDS = 320, 3


def measure() -> list[Figure]:
    """Training pictures per second, network by network."""
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    from fitting import configured, epoch_seconds, make_weights

    figures = []
    with training_folder(PICTURES) as root:
        for name in NETWORKS:
            cfg = configured(root, name, "train.epochs=2")
            make_weights(cfg, root)
            pairs = in_turn(lambda cfg=cfg: epoch_seconds(cfg, root), lambda cfg=cfg: fastai_seconds(cfg, root), ROUNDS)
            ours, theirs = (PICTURES / min(times) for times in zip(*pairs, strict=True))
            detail = f"{ours:.0f} against {theirs:.0f} pictures/s, best of {ROUNDS}; precision {precision(root)}"
            figures.append(Figure(name, ratio_of(pairs), 1.6 if precision(root) != "float32" else 1.0, detail=detail))
    return figures


def precision(root: Path) -> str:
    """What `auto` chose for the network that was just trained."""
    from fieldguide.base.files import read_json
    from fieldguide.base.paths import Paths

    return str(read_json(Paths(root).classifier.with_suffix(".json"))["precision"])


def fastai_seconds(cfg, root: Path) -> float:  # type: ignore[no-untyped-def]
    """Seconds of the second epoch, its validation included."""
    import torch
    from fastai.vision.all import Callback, CategoryBlock, ImageDataLoaders, Learner, Resize, accuracy, aug_transforms

    from fieldguide.base.paths import Paths
    from fieldguide.data.table import SPLIT, read_table
    from fieldguide.model.architecture import Architecture
    from fieldguide.model.network import build_body, build_classifier, count_features

    class Clock(Callback):
        def after_epoch(self) -> None:
            times.append(time.perf_counter())

    times: list[float] = []
    paths = Paths(root)
    torch.use_deterministic_algorithms(False)
    table = read_table(paths.split_table, SPLIT)
    table["is_valid"] = table["split"] == "valid"
    loaders = ImageDataLoaders.from_df(
        table[["clean_path", "label", "is_valid"]],
        paths.clean,
        valid_col="is_valid",
        y_block=CategoryBlock,
        bs=cfg.train.batch_size,
        item_tfms=Resize(cfg.train.size, method="squish"),
        batch_tfms=aug_transforms(),
    )
    body = build_body(Architecture(cfg.model.library, cfg.model.arch, cfg.model.options))
    network = build_classifier(body, count_features(body, cfg.train.size), loaders.c)
    learner = Learner(loaders, network, metrics=accuracy, cbs=Clock())
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(2, cfg.train.lr)
    return times[1] - times[0]


if __name__ == "__main__":
    report(measure)
