"""Drawing the network's input in training, for `fieldguide show-batch`."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from fieldguide.base.config import Config
from fieldguide.base.paths import Paths

VERSIONS = 5  # augmented squares of each picture


def draw_batch(cfg: Config, paths: Paths, overrides: Sequence[str], count: int, out: Path | None) -> Path:
    """Write a PNG of `count` training pictures, each plain and augmented, and return `out` or its path below the root.

    The same configuration and pictures give the same bytes. Without `out` the file is named after the overrides.
    Raises UserError if there is no split yet.
    """
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)  # fastai's import uses it
    from fieldguide.model.libraries import library

    library("torchvision")  # before fastai imports it
    from fieldguide.experiments.training_views import training_views
    from fieldguide.pages.png import save_figure
    from fieldguide.pages.sheet import sheet_figure

    rows = [(views.label, [views.plain, *views.augmented]) for views in training_views(cfg, paths, count, VERSIONS)]
    title = (
        f"resize={cfg.choices['resize']} augment={cfg.choices['augment']} train.size={cfg.train.size}\n"
        f"each picture without augmentation, then as {VERSIONS} epochs might show it"
    )
    path = out or paths.report("show_batch") / f"{file_name(overrides)}.png"
    save_figure(sheet_figure(rows, title, blocks=2 if len(rows) > 6 else 1), path)
    return out or path.relative_to(paths.root)


def file_name(overrides: Sequence[str]) -> str:
    """A plain file name made of the overrides: `augment=strong_resize=pad`; `params` where there are none."""
    return re.sub(r"[^A-Za-z0-9=.+-]+", "_", "_".join(overrides))[:200] or "params"
