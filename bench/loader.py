"""Pictures per second that the loaders give, against what the training step takes: `python bench/loader.py`.

`squish` keeps its squares in memory; `random_crop` reads and cuts the files in every epoch, in worker processes. Batch
transforms count as loading. The step is forward, backward and optimizer on a batch that is there already.
"""

import warnings
from pathlib import Path
from typing import Any

from common import NETWORKS, Figure, cores, in_turn, ratio_of, report, seconds, training_folder

COMPARED = "an epoch of training steps on a batch that is there already, against an epoch of loading"
PICTURES, ROUNDS = 512, 3


def measure() -> list[Figure]:
    """How many times as fast as the step the loaders are, for both kinds of loading and each network."""
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    from fitting import configured

    figures = []
    with training_folder(PICTURES) as root:
        for resize in ("squish", "random_crop"):
            cfg = configured(root, "tiny", f"resize={resize}", f"train.workers={cores()}")
            loaders = loaders_of(cfg, root)
            load_epoch(loaders)
            for name in NETWORKS:
                step = Step(configured(root, name))
                step()
                batches = len(loaders.train)
                pairs = in_turn(
                    lambda loaders=loaders: seconds(lambda: load_epoch(loaders)),
                    lambda step=step, batches=batches: seconds(step) * batches,
                    ROUNDS,
                )
                count = batches * cfg.train.batch_size
                load, train = (count / min(times) for times in zip(*pairs, strict=True))
                detail = f"loads {load:.0f}, trains {train:.0f} pictures/s, best of {ROUNDS}"
                figures.append(Figure(f"{resize}, {name}", ratio_of(pairs), 1.5, detail=detail))
    return figures


def loaders_of(cfg: Any, root: Path) -> Any:
    """The loaders that `train` would use."""
    from fieldguide.base.paths import Paths
    from fieldguide.data.table import SPLIT, read_table
    from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Normalization
    from fieldguide.training.loaders import make_loaders

    table = read_table(Paths(root).split_table, SPLIT)
    table["is_valid"] = table["split"] == "valid"
    labels = sorted(table["label"].unique())
    normalization = Normalization(IMAGENET_MEAN, IMAGENET_STD)
    transforms = cfg.augment.transforms
    return make_loaders(table, Paths(root).clean, labels, cfg.resize, transforms, normalization, cfg.train, cfg.seed)


def load_epoch(loaders: Any) -> None:
    """Go once through the training pictures."""
    for _ in loaders.train:
        pass


class Step:
    """One training step of a network, in the precision that fieldguide chooses, where it would train."""

    def __init__(self, cfg: Any) -> None:
        import torch

        from fieldguide.model.architecture import Architecture
        from fieldguide.model.network import build_body, build_classifier, count_features
        from fieldguide.model.precision import choose_computing

        torch.set_num_threads(cfg.train.threads)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        body = build_body(Architecture(cfg.model.library, cfg.model.arch, cfg.model.options))
        network = build_classifier(body, count_features(body, cfg.train.size), 3)
        self.half = choose_computing(network, "auto").precision == "bfloat16"
        self.network = network.to(self.device, memory_format=torch.channels_last).train()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-4)
        shape = (cfg.train.batch_size, 3, cfg.train.size, cfg.train.size)
        self.batch = torch.rand(shape, device=self.device)
        self.labels = torch.randint(3, shape[:1], device=self.device)

    def __call__(self) -> None:
        """Forward, backward, update."""
        import torch

        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            logits = self.network(self.batch)
        torch.nn.functional.cross_entropy(logits.float(), self.labels).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.device == "cuda":
            torch.cuda.synchronize()


if __name__ == "__main__":
    report(measure)
