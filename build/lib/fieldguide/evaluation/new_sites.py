"""What a split by site would have shown: one more training, with the sites divided, tested on the others."""

from dataclasses import replace

import pandas as pd

from fieldguide.base.config import Config, SplitConfig
from fieldguide.base.paths import Paths
from fieldguide.data.groups import group_numbers
from fieldguide.data.split_keys import SITE
from fieldguide.data.split_search import least_on_a_side, workable_settings
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split, Status
from fieldguide.data.table import IMAGES, read_table
from fieldguide.evaluation.predictions import target_positions
from fieldguide.model.inference import open_all, predict
from fieldguide.statistics.groups import group_sizes
from fieldguide.statistics.intervals import share_interval

NOT_MEASURED = "new_sites_not_measured"


def new_site_figures(cfg: Config, paths: Paths) -> dict[str, str | float]:
    """The accuracy at sites that the classifier was not trained on, by one more training; nothing is kept of that.

    It trains as `train` does, on the pictures whose site is known.

    Returns
    -------
    new_sites_accuracy with `_low` and `_high`, by the `new_sites` tested on, and their new_sites_pictures; or
    new_sites_not_measured: why the sites cannot be divided.
    """
    images = read_table(paths.image_table, IMAGES)
    kept = images[(images["status"] == Status.KEPT) & images["site"].notna()]
    divided = _divided(kept, cfg.split)
    wanted = cfg.train.batch_size * cfg.train.accumulate
    if divided is None:
        return {NOT_MEASURED: f"no division of {kept['site'].nunique()} sites has every label on every side"}
    if (trained_on := int((divided["split"] == Split.TRAIN).sum())) < wanted:
        return {NOT_MEASURED: f"{trained_on} training pictures do not fill a batch of {wanted}"}

    from fieldguide.model.fingerprint import training_record
    from fieldguide.training.train_classifier import train_classifier

    print("evaluate: one more training, with the sites divided (evaluate.new_sites)", flush=True)
    pictures = divided[divided["split"].isin([Split.TRAIN, Split.VALID])].reset_index(drop=True)
    pictures["is_valid"] = pictures["split"] == Split.VALID
    fingerprint = f"{training_record(cfg, paths)['fingerprint']} with the sites divided"
    classifier = train_classifier(cfg, paths, pictures, fingerprint, lambda epoch, figures: None).classifier
    paths.checkpoint.unlink(missing_ok=True)
    test = divided[divided["split"] == Split.TEST].reset_index(drop=True)
    files = [paths.clean / path for path in test["clean_path"]]
    answers = predict(classifier, open_all(classifier, files, "evaluate, new sites")).argmax(axis=1)
    right, groups = answers == target_positions(test, classifier.vocabulary), group_numbers(test)
    low, high = share_interval(right, groups)
    return {
        "new_sites_accuracy": float(right.mean()),
        "new_sites_accuracy_low": low,
        "new_sites_accuracy_high": high,
        "new_sites": len(group_sizes(groups)),
        "new_sites_pictures": len(test),
    }


def _divided(kept: pd.DataFrame, split: SplitConfig) -> pd.DataFrame | None:
    """The pictures with their sides, by site: with the split's own seed, or else the best one; None if none will do."""
    by_site: SplitConfig | None = replace(split, group_by=SITE, test_from=None)
    if by_site and least_on_a_side(kept, by_site) < split.min_per_label:
        by_site = workable_settings(kept, by_site, only_seed=True)
    return split_pictures(kept, by_site).sort_values(["label", "id"]) if by_site else None
