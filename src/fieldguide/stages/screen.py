"""screen: learns what the pictures are like, reports what is unusual about each, and keeps it for new pictures."""

from pathlib import Path

import pandas as pd

from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.base.stage_names import Stage
from fieldguide.checks.score_tables import finding_counts
from fieldguide.checks.scores import conclude_scores
from fieldguide.data.counts import COUNTS
from fieldguide.data.csv_files import read_csv, write_csv
from fieldguide.data.reviews import read_reviews
from fieldguide.data.status import Split
from fieldguide.data.table import SCREEN, SPLIT, read_table, with_own_paths, write_table
from fieldguide.model.backbone import load_backbone
from fieldguide.model.inference import load_trained
from fieldguide.pages.png import save_figure
from fieldguide.screening.alarm_rate import alarm_figures, alarms_by_site
from fieldguide.screening.batch_reference import loss_errors, save_reference
from fieldguide.screening.data_set_screening import screen_pictures
from fieldguide.screening.feature_network import choose_feature_network
from fieldguide.screening.label_doubts import label_doubts
from fieldguide.screening.label_probabilities import from_frozen_features, from_trained_networks
from fieldguide.screening.noticed_labels import describe_noticed
from fieldguide.screening.p_value_histogram import p_value_figure, p_value_table
from fieldguide.screening.quality import picture_quality
from fieldguide.screening.review_queue import review_queue
from fieldguide.screening.screen_files import save_screen


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write data/screen.parquet, models/screen.*, the review queue, and the checks of the scores.

    Raises UserError as `conclude_scores` does, after all is written.
    """
    table = read_table(paths.split_table, SPLIT).sort_values("id", ignore_index=True)
    table = with_own_paths(table, paths.image_table)
    classifier, _ = load_trained(paths.classifier)
    backbone = load_backbone(paths.backbone)
    feature_network, frozen = choose_feature_network(classifier, paths.classifier, backbone, cfg.ood.features)
    found = screen_pictures(cfg.ood, classifier, feature_network, frozen, table, paths.clean, paths.measurements)
    backbone_file = None if feature_network is classifier.network else paths.backbone
    save_screen(found.fitted.screen, paths.screen, paths.classifier, backbone_file)
    sites = sorted(table.loc[table["split"].isin([Split.TRAIN, Split.VALID]), "site"].dropna().unique())
    save_reference(found.valid, paths.reference, _errors(paths.report(Stage.EVALUATE) / "shifts.csv"), sites)

    if backbone.is_pretrained:
        probabilities, duplicates = from_frozen_features(
            backbone, classifier.preprocessing, table, paths.clean, paths.features, cfg.seed
        )
    else:
        probabilities, duplicates = from_trained_networks(found.unseen, table, paths.clean, cfg.seed)
    doubts = label_doubts(probabilities, list(table["label"]))
    copies = zip(table["clean_sha256"], (paths.clean / path for path in table["clean_path"]), strict=True)
    quality = picture_quality(list(copies), paths.measurements)
    others = [frame.set_index(table.index) for frame in (doubts, duplicates, quality)]
    screened = pd.concat([found.verdicts, *others], axis=1)
    write_table(screened, paths.screen_table, SCREEN)

    queue = review_queue(screened, set(read_reviews(paths.reviews)))
    write_csv(paths.review_queue, queue)
    report = paths.report(Stage.SCREEN)
    placed = pd.concat([screened, table[["group", "split_key", "site", "time", "sequence"]]], axis=1)
    write_csv(report / "by_site.csv", alarms_by_site(placed), ".4f")
    of_labels, noticed = describe_noticed(found.noticed, classifier.vocabulary)
    write_csv(report / "unknown_labels.csv", of_labels, ".4f")
    counts = p_value_table(screened, cfg.ood.alarm_rate)
    write_csv(report / "out_of_domain.csv", counts, ".4f")
    save_figure(p_value_figure(counts, cfg.ood.alarm_rate), report / "out_of_domain.png")
    print(f"{COUNTS['screen.review_queue'].said(len(queue))}, see {paths.review_queue.relative_to(paths.root)}")
    return {
        **alarm_figures(placed, found.fitted, cfg.ood.alarm_rate),
        **noticed,
        **finding_counts(screened),
        "review_queue": len(queue),
        **conclude_scores(placed, cfg, paths),
    }


def _errors(shifts: Path) -> dict[str, float]:
    """Of the expected loss of accuracy; nothing where the classifier was not evaluated, and a batch is told so."""
    return loss_errors(read_csv(shifts, {"accuracy": float, "confidence": float})) if shifts.is_file() else {}


if __name__ == "__main__":
    main(run)
