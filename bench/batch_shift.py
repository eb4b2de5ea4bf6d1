"""How often `fieldguide screen` calls a batch shifted, where it is and where it is not: `python bench/batch_shift.py`.

Batches of 50 are drawn from the sample's test pictures that belong to the domain (its truth file says which), as they
are and changed as `fieldguide.evaluation.shifts` changes them.
"""

import numpy as np

from common import ROOT, Figure, Skipped, report

COMPARED = "batches of 50 test pictures of the sample, called shifted"
DRAWS, SIZE = 200, 50
CHANGES = (
    "night",
    "black_and_white",
    "hand_drawn",
    "upside_down",
    "low_resolution",
    "rain",
    "motion_blur",
    "jpeg_damage",
)


def measure() -> list[Figure]:
    """Batches of the domain, and batches of every kind of change."""
    from fieldguide.base.paths import Paths
    from fieldguide.data.csv_files import read_csv
    from fieldguide.data.table import IMAGES, SPLIT, read_table
    from fieldguide.evaluation.shifts import shifted
    from fieldguide.model.inference import calibrated, load_classifier, open_for
    from fieldguide.prediction.batch import named_columns
    from fieldguide.prediction.batch_verdict import Kind, expected_loss, kind_of
    from fieldguide.screening.batch_reference import load_reference
    from fieldguide.screening.observations import Observations, observe_pictures
    from fieldguide.screening.screen import judge
    from fieldguide.screening.screen_files import load_screen
    from fieldguide.statistics.two_sample import detect_shift

    paths = Paths(ROOT)
    if not (paths.raw / "truth.csv").is_file() or not paths.reference.is_file():
        raise Skipped("no results of the sample in this checkout: run `make repro` first")
    truth = read_csv(paths.raw / "truth.csv").drop(columns="label")
    images = read_table(paths.image_table, IMAGES).query("status == 'kept'")[["id", "path"]].merge(truth, on="path")
    test = read_table(paths.split_table, SPLIT).query("split == 'test'").merge(images, on="id")
    test = test[test["planted"].isin(["", "wrong_label", "near_duplicate", "near_conflict"])]
    classifier = load_classifier(paths.classifier, paths.classifier.with_suffix(".json"))
    screen, feature_network = load_screen(paths.screen, classifier, paths.classifier)
    logits, features, measurements = load_reference(paths.reference, len(classifier.vocabulary))

    def columns(values: np.ndarray, measured: np.ndarray) -> dict[str, np.ndarray]:
        return named_columns(classifier.vocabulary, calibrated(values, classifier.temperature), measured)

    reference, known = columns(logits, measurements), calibrated(logits, classifier.temperature)
    pictures = [open_for(classifier, paths.clean / path) for path in test["clean_path"]]

    def called(seen: Observations) -> float:
        chance = np.random.default_rng(0)
        hits = 0
        for draw in range(DRAWS):
            batch = seen[chance.choice(len(seen), SIZE, replace=False)]
            new = columns(batch.logits.astype(float), batch.measurements)
            shift = detect_shift(reference, new, features, batch.features.astype(float), draw)
            alarms = int(judge(screen, batch).out_of_domain.sum())
            loss = expected_loss(known, calibrated(batch.logits.astype(float), classifier.temperature))
            hits += kind_of(shift, alarms, SIZE, screen.alarm_rate, loss) == Kind.SHIFTED
        return hits / DRAWS

    detail = f"{DRAWS} draws of {SIZE} out of {len(test)}; {len(logits)} reference pictures"
    same = called(observe_pictures(classifier, feature_network, pictures))
    figures = [Figure("as they are", same, 0.05, at_most=True, unit="", detail=detail)]
    for change in CHANGES:
        changed = [shifted(one, change, name) for one, name in zip(pictures, test["id"], strict=True)]
        share = called(observe_pictures(classifier, feature_network, changed))
        goal = 0.95 if change == "night" else None
        figures.append(Figure(change.replace("_", " "), share, goal, unit="", detail=detail))
    return figures


if __name__ == "__main__":
    report(measure)
