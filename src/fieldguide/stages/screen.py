"""screen: learns what the pictures are like, says of each what is odd about it, and keeps that for new pictures."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, write_text
from fieldguide.base.paths import Paths
from fieldguide.base.runner import Metrics, main
from fieldguide.base.stage_names import Stage
from fieldguide.data.reviews import read_reviews
from fieldguide.data.status import Split
from fieldguide.data.table import SCREEN, SPLIT, read_table, write_table
from fieldguide.model.fingerprint import code_digest

if TYPE_CHECKING:
    from fieldguide.model.inference import Classifier
    from fieldguide.screening.fitting import Fitted
    from fieldguide.screening.observations import Observations, Viewer
    from fieldguide.screening.screen import Verdicts

MOST_TRAIN = 5000  # training pictures to learn from at most: more would slow down every later answer


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write data/screen.parquet, models/screen.*, the review queue, and the checks of the scores.

    Raises UserError as `conclude_scores` does, after all is written.
    """
    import torch

    from fieldguide.checks.scores import conclude_scores
    from fieldguide.model.inference import load_classifier
    from fieldguide.pages.png import save_figure
    from fieldguide.screening.files import save_screen
    from fieldguide.screening.p_value_histogram import strangeness_figure, strangeness_table
    from fieldguide.screening.reference import save_reference
    from fieldguide.screening.review_queue import review_queue

    # By hash: as good as drawn by lot.
    table = read_table(paths.split_table, SPLIT).sort_values("id", ignore_index=True)
    description = paths.classifier.with_suffix(".json")
    classifier = load_classifier(paths.classifier, description)
    torch.set_num_threads(read_json(description)["record"]["config"]["train"]["threads"])
    viewer, frozen = _viewer(classifier, paths, cfg.ood.features)
    fitted, valid, screened, unseen = _screened(cfg, paths, classifier, viewer, table, frozen)
    save_screen(fitted.screen, viewer, paths.screen, paths.classifier, paths.backbone if viewer.body else None)
    save_reference(valid, paths.reference)
    screened = screened.join(_other_findings(paths, classifier, table, unseen, cfg.seed))
    write_table(screened, paths.screen_table, SCREEN)

    report = paths.report(Stage.SCREEN)
    queue = review_queue(screened, set(read_reviews(paths.reviews)))
    write_text(report / "review_queue.csv", queue.to_csv(index=False, lineterminator="\n"))
    counts = strangeness_table(screened, cfg.ood.alarm_rate)
    write_text(report / "out_of_domain.csv", counts.to_csv(index=False, float_format="%.4f"))
    save_figure(strangeness_figure(counts, cfg.ood.alarm_rate), report / "out_of_domain.png")
    figures = _figures(screened, fitted.calibrated_by, fitted.strangers, cfg.ood.alarm_rate)
    return {**figures, "review_queue": len(queue), **conclude_scores(screened, cfg, paths)}


def _viewer(classifier: "Classifier", paths: Paths, features: str) -> tuple["Viewer", bool]:
    """Where features come from, and whether from a frozen body; one that the classifier left as it was is its own."""
    import torch

    from fieldguide.model.network import Architecture, build_body
    from fieldguide.model.weights import load_weights
    from fieldguide.screening.observations import Viewer, find_layout

    backbone = read_json(paths.backbone.with_suffix(".json"))
    own = classifier.network.get_submodule("body")
    layout = find_layout(own, classifier.preprocessing.size)
    if features == "classifier" or (features == "auto" and backbone["source"] == "random"):
        return Viewer(None, layout), False
    body = build_body(Architecture(**backbone["architecture"]))
    load_weights(body, paths.backbone)
    trained = own.state_dict()
    if all(torch.equal(value, trained[name]) for name, value in body.state_dict().items()):
        return Viewer(None, layout), True
    return Viewer(body.eval().to(memory_format=torch.channels_last), layout), True


def _screened(
    cfg: Config, paths: Paths, classifier: "Classifier", viewer: "Viewer", table: pd.DataFrame, frozen: bool
) -> tuple["Fitted", "Observations", pd.DataFrame, pd.DataFrame]:
    """The screen, what was seen of the valid pictures, and the verdict on every picture, in the order of the table.

    Then the classifier's probabilities, a column a label, for the pictures that it was not trained on.
    """
    import torch

    from fieldguide.model.inference import calibrated, open_for
    from fieldguide.screening.fitting import fit_screen
    from fieldguide.screening.observations import observe_pairs, observe_pictures
    from fieldguide.screening.screen import judge

    def pictures(rows: pd.DataFrame, task: str) -> Iterator[Image.Image]:
        for path in tqdm(rows["clean_path"], desc=task, unit="picture", disable=None):
            yield open_for(classifier, paths.clean / path)

    train = table[table["split"] == Split.TRAIN].head(MOST_TRAIN)
    valid = table[table["split"] == Split.VALID]
    others = table.drop([*train.index, *valid.index])
    if len(valid) < 2:
        raise UserError(f"{len(valid)} valid pictures cannot calibrate: add pictures, or raise split.valid")
    upright, turned = observe_pairs(classifier, viewer, pictures(train, "screen, train"))
    labels = np.searchsorted(classifier.vocabulary, train["label"].to_numpy(str))
    seen = observe_pictures(classifier, viewer, pictures(valid, "screen, valid"))
    choices = (cfg.ood.detector, cfg.ood.neighbours, cfg.ood.alarm_rate)
    fitted = fit_screen(upright, turned, labels, seen, *choices, frozen=frozen)
    judged = [_with_verdicts(train, fitted.train), _with_verdicts(valid, fitted.valid)]
    rows, logits = list(valid.index), [seen.logits]
    if len(others):
        found = observe_pictures(classifier, viewer, pictures(others, "screen, other pictures"))
        judged.append(_with_verdicts(others, judge(fitted.screen, found)))
        rows, logits = [*rows, *others.index], [*logits, found.logits]
    answers = calibrated(torch.cat(logits).double().numpy(), classifier.temperature)
    return fitted, seen, pd.concat(judged).sort_index(), pd.DataFrame(answers, rows, classifier.vocabulary)


def _with_verdicts(rows: pd.DataFrame, verdicts: "Verdicts") -> pd.DataFrame:
    return rows[["id", "label", "clean_path", "split"]].assign(
        p_value=verdicts.p_value,
        out_of_domain=verdicts.out_of_domain,
        reason=verdicts.reason,
        **{f"p_{part}": values for part, values in verdicts.parts.items()},
    )


def _other_findings(
    paths: Paths, classifier: "Classifier", table: pd.DataFrame, unseen: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Doubts about labels, near duplicates and the quality of every picture, in the order of the table.

    Pretrained features know nothing of these labels. Where there are none, networks are trained that have not seen the
    picture, and what they say of it stands for its features. They know less than the classifier, which is asked too
    about the pictures that it has not seen.
    """
    from fieldguide.model.features import frozen_features
    from fieldguide.model.network import Architecture, build_body
    from fieldguide.model.weights import load_weights
    from fieldguide.screening.label_doubts import label_doubts, out_of_fold
    from fieldguide.screening.near_duplicates import SAME_PICTURE, look_alikes
    from fieldguide.screening.out_of_fold import out_of_fold_from_pictures
    from fieldguide.screening.quality import picture_quality
    from fieldguide.training.checkpoint import state_key

    labels, groups = list(table["label"]), list(table["group"])
    files = [paths.clean / path for path in table["clean_path"]]
    backbone = read_json(paths.backbone.with_suffix(".json"))
    if backbone["source"] == "random":
        probabilities = out_of_fold_from_pictures(files, labels, groups, seed)
        twins = look_alikes(probabilities.astype(np.float32), table, min_similarity=None)
        probabilities[unseen.index] = (probabilities[unseen.index] + unseen) / 2
    else:
        body = build_body(Architecture(**backbone["architecture"]))
        load_weights(body, paths.backbone)
        named = list(zip(table["clean_sha256"], files, strict=True))
        kept, key = paths.features, state_key(code_digest())
        values = frozen_features(body, backbone, classifier.preprocessing, named, kept, key).numpy()
        probabilities = out_of_fold(values, labels, groups, seed)
        twins = look_alikes(values, table, SAME_PICTURE)
    doubts, quality = label_doubts(probabilities, labels), picture_quality(files)
    return pd.concat([frame.set_index(table.index) for frame in (doubts, twins, quality)], axis=1)


def _figures(screened: pd.DataFrame, calibrated_by: int, strangers: int, promised: float) -> Metrics:
    from fieldguide.statistics.intervals import wilson

    ordinary = calibrated_by - strangers
    test = screened.loc[screened["split"] == Split.TEST, "out_of_domain"]
    low, high = wilson(int(test.sum()), len(test))
    needed = int(np.ceil(1 / promised)) - 1
    if ordinary < needed:
        print(
            f"warning: {ordinary} calibration pictures are too few to promise {promised:.1%} false alarms, it takes "
            f"{needed}: add pictures, or raise split.valid, or alarm_rate in conf/ood/"
        )
    return {
        "alarm_rate_promised": promised,
        "promise_has_enough_pictures": ordinary >= needed,
        "calibration_pictures": calibrated_by,
        "calibration_strangers": strangers,
        "test_pictures": len(test),
        "test_alarms": int(test.sum()),
        "test_alarm_rate": round(float(test.mean()), 6),
        "test_alarm_rate_low": round(low, 6),
        "test_alarm_rate_high": round(high, 6),
        "out_of_domain": int(screened["out_of_domain"].sum()),
        "label_doubts": int(screened["label_doubt"].sum()),
    }


if __name__ == "__main__":
    main(run)
