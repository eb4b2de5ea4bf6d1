"""split: decides for every kept picture whether it trains, validates or tests."""

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.base.shares import rounded
from fieldguide.data.look_alike_cost import left_out_by_other_keys
from fieldguide.data.split_search import SIDES
from fieldguide.data.split_shortage import shortage
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, SPLIT, read_table, write_table


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write data/split.parquet; return the number and share of every side, in all and per label.

    Raises UserError if a side has fewer than `split.min_per_label` pictures of a label, or if there is one label only.
    """
    images = read_table(paths.image_table, IMAGES)
    kept = images[images["status"] == Status.KEPT]
    labels = sorted(kept["label"].unique())
    if len(labels) < 2:
        having = f"only the label {labels[0]!r} has" if labels else "no label has"
        raise UserError(f"{having} usable pictures: a classifier needs at least two labels")
    table = split_pictures(kept, cfg.split).sort_values(["label", "id"])[SPLIT.names]
    if fault := shortage(kept, table, cfg.split):
        raise UserError(fault)
    write_table(table, paths.split_table, SPLIT)
    metrics: Metrics = {str(side): int((table["split"] == side).sum()) for side in Split}
    for label in labels:
        mine = table[(table["label"] == label) & (table["split"] != Split.LEFT_OUT)]
        for side in SIDES:
            metrics[f"{side}_share_{label}"] = rounded(float((mine["split"] == side).mean()), 4)
    return {**metrics, **left_out_by_other_keys(kept, table, cfg.split)}


if __name__ == "__main__":
    main(run)
