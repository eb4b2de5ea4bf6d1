"""evaluate: measures the classifier on the pictures that it was not trained on."""

from collections.abc import Iterator

import pandas as pd
from PIL import Image

import fieldguide.data.resizing
import fieldguide.training.augmentations  # noqa: F401 - what the runner validates `resize` and `augment` by
from fieldguide.base.config import Config
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.base.shares import rounded
from fieldguide.base.stage_names import Stage
from fieldguide.data.groups import group_kinds, group_numbers
from fieldguide.data.status import Split
from fieldguide.data.table import SPLIT, predictions_schema, read_table, sampled, with_own_paths, write_table
from fieldguide.evaluation.baselines import MAX_TREE_PICTURES, gains, majority_label, not_beaten, tree_predictions
from fieldguide.evaluation.border import MAX_PICTURES, PER_LABEL, border_figures
from fieldguide.evaluation.border_verdict import border_warning
from fieldguide.evaluation.field_figures import by_month, by_site, sequence_figures, site_figures
from fieldguide.evaluation.gallery import hardest, mistakes, show
from fieldguide.evaluation.metrics import confusion, measure, per_label, temperature_warning
from fieldguide.evaluation.new_sites import new_site_figures
from fieldguide.evaluation.page import Findings
from fieldguide.evaluation.predictions import predictions_table, target_positions
from fieldguide.evaluation.robustness import measure_shifts, show_shifts
from fieldguide.evaluation.test_time_augmentation import predict_views
from fieldguide.evaluation.write_findings import write_findings
from fieldguide.model.activation_maps import maps_or_reason
from fieldguide.model.activation_overlay import colour_scale
from fieldguide.model.backbone import load_backbone
from fieldguide.model.inference import calibrated, load_trained, open_all
from fieldguide.pages.parts import THUMBNAIL
from fieldguide.screening.feature_network import choose_feature_network
from fieldguide.screening.kept_observations import logits_of_files
from fieldguide.statistics.calibration import coverage, reliability, reliability_groups
from fieldguide.statistics.groups import group_sizes


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write the predictions for valid and test, and tables, figures and a page about test; return the metrics."""
    table = read_table(paths.split_table, SPLIT)
    classifier, trained_with = load_trained(paths.classifier)
    vocabulary, temperature, settings = classifier.vocabulary, classifier.temperature, cfg.evaluate

    def pictures(rows: pd.DataFrame, task: str) -> Iterator[Image.Image]:
        return open_all(classifier, [paths.clean / path for path in rows["clean_path"]], task)

    unseen = table[table["split"].isin([Split.VALID, Split.TEST])].reset_index(drop=True)
    unseen = with_own_paths(unseen, paths.image_table)
    network, _ = choose_feature_network(classifier, paths.classifier, load_backbone(paths.backbone), "auto")
    copies = list(zip(unseen["clean_sha256"], (paths.clean / path for path in unseen["clean_path"]), strict=True))
    logits = logits_of_files(classifier, network, copies, paths.measurements, "evaluate")
    predictions = predictions_table(unseen, calibrated(logits, temperature), vocabulary)
    write_table(predictions, paths.predictions, predictions_schema(vocabulary))

    is_test = predictions["split"] == Split.TEST
    test, logits = predictions[is_test].reset_index(drop=True), logits[is_test]
    targets, groups = target_positions(test, vocabulary), group_numbers(test)
    probabilities, uncalibrated = calibrated(logits, temperature), calibrated(logits, 1.0)
    mirrored = any(transform["name"] == "flip" for transform in trained_with["augment"]["transforms"])
    augmented = predict_views(classifier, pictures(test, "evaluate, test-time augmentation"), probabilities, mirrored)
    some = sampled(test, settings.shift_pictures)
    shifts = measure_shifts(
        classifier,
        pictures(some, "evaluate, shifts"),
        list(some["id"]),
        targets[some.index],
        probabilities[some.index],
        groups[some.index],
    )

    train = table[table["split"] == Split.TRAIN]
    tree_train = sampled(train, MAX_TREE_PICTURES)
    tree = tree_predictions(
        pictures(tree_train, "baseline, train"), tree_train["label"], pictures(test, "baseline, test")
    )
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right, truth = predicted == targets, test["label"].to_numpy(str)
    counts = confusion(targets, predicted, vocabulary)
    sites = by_site(test, right)
    labels = per_label(targets, predicted, vocabulary, groups)
    figures: dict[str, float | str] = {
        **measure(targets, probabilities, uncalibrated, augmented, groups, settings.bootstrap),
        "groups": len(group_sizes(groups)),
        "group_by": group_kinds(test, cfg.split.group_by),
        **sequence_figures(test, targets, probabilities, groups),
        **site_figures(test, train, sites),
        "temperature": temperature,
        **gains(right, {"baseline": truth == majority_label(train["label"]), "baseline_tree": truth == tree}, groups),
        "shift_pictures": len(some),
        "test_pictures": len(test),
        **{f"shift_accuracy_{row['shift']}": row["accuracy"] for row in shifts.to_dict("records")},
        **{
            f"{name}_{row['label']}": row[name] for row in labels.to_dict("records") for name in ("precision", "recall")
        },
    }
    known = sampled(train, min(MAX_PICTURES, PER_LABEL * len(vocabulary)))
    asked = sampled(test, MAX_PICTURES)
    figures |= border_figures(network, pictures, known, asked, groups[asked.index], figures)
    if settings.new_sites and figures.get("sites_trained_on"):
        figures |= new_site_figures(cfg, paths)
    if warning := not_beaten(figures):
        print(f"warning: {warning}")
    if background := border_warning(figures):
        print(f"warning: {background}")
    if worse := temperature_warning(figures):
        print(f"warning: {worse}")

    clearest = test.sort_values(["loss", "id"]).drop_duplicates("label").head(3)
    worst = hardest(test)
    maps, no_maps = maps_or_reason(classifier, paths.classifier)
    write_findings(
        paths.report(Stage.EVALUATE),
        Findings(
            metrics=figures,
            warning=warning,
            test=test,
            counts=counts,
            labels=labels,
            sites=sites,
            months=by_month(test, right, groups),
            reliability=reliability(confidence, right),
            reliability_uncalibrated=reliability(uncalibrated.max(axis=1), right),
            reliability_groups=reliability_groups(confidence, right, groups),
            coverage=coverage(confidence, right, groups),
            shifts=shifts,
            examples=show_shifts(dict(zip(clearest["id"], pictures(clearest, "examples"), strict=True))),
            hardest=worst,
            hardest_shown=show(classifier, paths.clean, worst, maps),
            pairs=[(title, show(classifier, paths.clean, rows, maps)) for title, rows in mistakes(test, counts)],
            scale=colour_scale(THUMBNAIL, THUMBNAIL // 8),
            looking=maps.method if maps else "",
            not_looking=no_maps,
        ),
    )
    return {name: value if isinstance(value, str) else rounded(value, 6) for name, value in figures.items()}


if __name__ == "__main__":
    main(run)
