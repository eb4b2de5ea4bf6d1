"""screen: learns what the pictures are like, says of each whether it belongs, and keeps that for new pictures."""

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
from fieldguide.data.status import Split
from fieldguide.data.table import SCREEN, SPLIT, read_table, write_table

if TYPE_CHECKING:
    from fieldguide.checks.ood.fitting import Fitted
    from fieldguide.checks.ood.observations import Viewer
    from fieldguide.checks.ood.screening import Verdicts
    from fieldguide.model.predict import Classifier

MOST_TRAIN = 5000  # training pictures to learn from at most: more would slow down every later answer


def run(cfg: Config, paths: Paths) -> Metrics:
    """Write models/screen.safetensors and .json, data/screen.parquet, and how unusual the pictures are as a figure."""
    import torch

    from fieldguide.checks.ood.files import save_screen
    from fieldguide.checks.ood.observations import observe_pictures
    from fieldguide.checks.ood.screening import judge
    from fieldguide.model.predict import load_classifier, open_for
    from fieldguide.report.save import save_figure
    from fieldguide.report.strangeness import strangeness_figure, strangeness_table

    table = read_table(paths.split_table, SPLIT).sort_values(
        "id", ignore_index=True
    )  # by hash: as good as drawn by lot
    description = paths.classifier.with_suffix(".json")
    classifier = load_classifier(paths.classifier, description)
    torch.set_num_threads(read_json(description)["record"]["config"]["train"]["threads"])
    viewer = _viewer(classifier, paths, cfg.ood.features)

    def pictures(rows: pd.DataFrame, task: str) -> Iterator[Image.Image]:
        for path in tqdm(rows["clean_path"], desc=task, unit="picture", disable=None):
            yield open_for(classifier, paths.clean / path)

    train = table[table["split"] == Split.TRAIN].head(MOST_TRAIN)
    valid = table[table["split"] == Split.VALID]
    others = table.drop([*train.index, *valid.index])
    if len(valid) < 2:
        raise UserError(f"{len(valid)} valid pictures cannot calibrate: add pictures, or raise split.valid")
    fitted = _fit(cfg, classifier, viewer, train, pictures(train, "screen, train"), pictures(valid, "screen, valid"))
    judged = {"train": (train, fitted.train), "valid": (valid, fitted.valid)}
    if len(others):
        seen = observe_pictures(classifier, viewer, pictures(others, "screen, other pictures"))
        judged["others"] = (others, judge(fitted.screen, seen))
    screened = pd.concat([_with_verdicts(rows, verdicts) for rows, verdicts in judged.values()]).sort_index()

    backbone = paths.backbone if viewer.body is not None else None
    save_screen(fitted.screen, viewer, paths.screen, paths.classifier, backbone)
    write_table(screened, paths.screen_table, SCREEN)
    report = paths.report("screen")
    counts = strangeness_table(screened, cfg.ood.alarm_rate)
    write_text(report / "out_of_domain.csv", counts.to_csv(index=False, float_format="%.4f"))
    save_figure(strangeness_figure(counts, cfg.ood.alarm_rate), report / "out_of_domain.png")
    return _figures(screened, len(fitted.screen.combined.values), cfg.ood.alarm_rate)


def _viewer(classifier: "Classifier", paths: Paths, features: str) -> "Viewer":
    """Where features come from. A frozen body that the classifier left as it was is the classifier's own."""
    import torch

    from fieldguide.checks.ood.observations import Viewer, find_layout
    from fieldguide.model.network import Architecture, build_body
    from fieldguide.model.weights import load_weights

    backbone = read_json(paths.backbone.with_suffix(".json"))
    own = classifier.network.get_submodule("body")
    layout = find_layout(own, classifier.preprocessing.size)
    if features == "classifier" or (features == "auto" and backbone["source"] == "random"):
        return Viewer(None, layout)
    body = build_body(Architecture(**backbone["architecture"]))
    load_weights(body, paths.backbone)
    trained = own.state_dict()
    if all(torch.equal(value, trained[name]) for name, value in body.state_dict().items()):
        return Viewer(None, layout)
    return Viewer(body.eval().to(memory_format=torch.channels_last), layout)


def _fit(
    cfg: Config,
    classifier: "Classifier",
    viewer: "Viewer",
    train: pd.DataFrame,
    train_pictures: Iterator[Image.Image],
    valid_pictures: Iterator[Image.Image],
) -> "Fitted":
    from fieldguide.checks.ood.fitting import fit_screen
    from fieldguide.checks.ood.observations import observe_pairs, observe_pictures

    upright, turned = observe_pairs(classifier, viewer, train_pictures)
    return fit_screen(
        upright,
        turned,
        np.searchsorted(classifier.vocabulary, train["label"].to_numpy(str)),
        observe_pictures(classifier, viewer, valid_pictures),
        cfg.ood.detector,
        cfg.ood.neighbours,
        cfg.ood.alarm_rate,
    )


def _with_verdicts(rows: pd.DataFrame, verdicts: "Verdicts") -> pd.DataFrame:
    return rows[["id", "label", "clean_path", "split"]].assign(
        p_value=verdicts.p_value,
        out_of_domain=verdicts.out_of_domain,
        reason=verdicts.reason,
        **{f"p_{part}": values for part, values in verdicts.parts.items()},
    )


def _figures(screened: pd.DataFrame, ordinary: int, promised: float) -> Metrics:
    from fieldguide.evaluation.metrics import wilson

    valid = int((screened["split"] == Split.VALID).sum())
    test = screened.loc[screened["split"] == Split.TEST, "out_of_domain"]
    low, high = wilson(int(test.sum()), len(test))
    needed = int(np.ceil(1 / promised)) - 1
    if ordinary < needed:
        print(
            f"warning: {ordinary} valid pictures are too few to promise {promised:.1%} false alarms, {needed} can: "
            "add pictures, or raise split.valid, or alarm_rate in conf/ood/"
        )
    return {
        "alarm_rate_promised": promised,
        "promise_has_enough_pictures": ordinary >= needed,
        "calibration_pictures": valid,
        "calibration_strangers": valid - ordinary,
        "test_pictures": len(test),
        "test_alarms": int(test.sum()),
        "test_alarm_rate": round(float(test.mean()), 6),
        "test_alarm_rate_low": round(low, 6),
        "test_alarm_rate_high": round(high, 6),
        "out_of_domain": int(screened["out_of_domain"].sum()),
    }


if __name__ == "__main__":
    main(run)
