"""How well screening finds what does not belong, and what it costs: `python bench/screening.py`.

Run it in a checkout after `make repro` on the built-in sample: the checkout's own screen judges drawn pictures that it
has never seen. With the maintainers' photos and weights it also makes and judges a classifier of those.
"""

import importlib
import io
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image, ImageOps

from common import ROOT, Figure, Skipped, report, seconds, shared
from fieldguide.base.parallel import map_processes
from fieldguide.base.paths import Paths
from fieldguide.sample import KINDS, SHIFTS, SamplePicture, burst, draw, plan_sites, site_for
from labels import SEEN

COMPARED = "screening against the truth, at 5 % promised false alarms; prediction with it against prediction without"
ORDINARY, STRANGERS, SEED = 600, 120, 4242  # drawn pictures, and of each kind of stranger, that nothing was fitted to
ROUNDS = 7
SLOWER = 1.15
GOALS = {  # AUROC and share caught
    "hand_drawn": (0.98, 0.90),
    "black_and_white": (0.98, 0.90),
    "night": (0.98, 0.90),
    "low_resolution": (0.98, 0.90),
    "upside_down": (0.95, 0.85),
    "no_bear": (0.93, 0.60),
}
REAL_GOALS = {"not_bears": 0.995, "black_and_white": 0.95, "dark": 0.95, "upside_down": 0.97, "24_pixels": 0.97}
STRANGE_BEARS = {"teddys/00000113.jpg", "black/00000068.jpg"}  # seen in test: a drawing, and an infrared photo at night
TEDDIES = {"n03876231_paintbrush.JPEG"}  # seen in not_bears: two teddy bears, with a brush
DARK = 0.22  # of the light is left
OVERRIDES = [
    *("data=photos", "model=photos", "schedule=head_only", "augment=none"),
    *("split.group_by=look_alike", "split.seed=0", "split.valid=0.25"),
]
SIZE, SMALLER = 224, 160  # pixels: what the weights were trained at, and what is faster, for comparison

Judged = Mapping[str, pd.DataFrame]  # columns p_value, out_of_domain, reason; "ordinary" and each kind of stranger


def measure() -> list[Figure]:
    """AUROC, share caught and alarm rate on new drawn pictures and on photos; seconds with and without screening."""
    home = Paths(ROOT)
    if not home.screen.is_file():
        raise Skipped("no screen in this checkout: run `make repro` first")
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw_pictures(Path(folder))
        judged = {kind: judge_files(home.classifier, files) for kind, files in drawn.items()}
        figures = [*found("drawn", judged, GOALS), alarms("drawn, new", judged["ordinary"]), planted(home)]
        figures.append(cost("drawn", home.classifier, drawn["ordinary"][:320]))
    try:
        return figures + measure_photos()
    except Skipped as reason:
        print(f"photos skipped: {reason}")
        return figures


def draw_pictures(target: Path) -> dict[str, list[Path]]:
    """Frames of cameras that nothing was fitted to, as files below `target`, by kind."""
    plan, sites = [], plan_sites(SEED)
    for group, (kind, count) in enumerate({"ordinary": ORDINARY, **dict.fromkeys(SHIFTS, STRANGERS)}.items()):
        (target / kind).mkdir()
        for number in range(count):
            bear = KINDS[number % len(KINDS)]
            chance = np.random.default_rng([SEED, group, number])
            planted_as = "" if kind == "ordinary" else kind
            taken = burst(chance, site_for(chance, sites, bear), frames=1, by_day=bool(planted_as))[0]
            seed = int(chance.integers(2**63))
            plan.append(SamplePicture(f"{kind}/{number:04d}.jpg", bear, bear, planted_as, "", taken, seed))
    map_processes(partial(_draw_to, target), plan, "drawing")
    return {kind.name: sorted(kind.iterdir()) for kind in sorted(target.iterdir())}


def _draw_to(target: Path, picture: SamplePicture) -> None:
    (target / picture.path).write_bytes(draw(picture))


def judge_files(weights: Path, files: Sequence[Path | io.BytesIO]) -> pd.DataFrame:
    """What `fieldguide predict` says of them."""
    from fieldguide.model.inference import load_classifier
    from fieldguide.prediction.answers import answers
    from fieldguide.screening.screen_files import load_screen

    classifier = load_classifier(weights, weights.with_suffix(".json"))
    screening = load_screen(weights.with_name("screen.safetensors"), classifier, weights)
    rows = [(one.p_value, one.out_of_domain, one.reason) for one in answers(classifier, files, screening=screening)]
    return pd.DataFrame(rows, columns=["p_value", "out_of_domain", "reason"]).dropna()


def found(what: str, judged: Judged, goals: Mapping[str, tuple[float, float | None]]) -> Iterator[Figure]:
    """AUROC against the ordinary pictures and share caught, for each kind that has a goal."""
    from sklearn.metrics import roc_auc_score

    for kind, (auroc, caught) in goals.items():
        both = pd.concat([judged["ordinary"], judged[kind]])
        is_strange = np.repeat([0, 1], [len(judged["ordinary"]), len(judged[kind])])
        value = float(roc_auc_score(is_strange, -both["p_value"]))
        reasons = judged[kind].loc[judged[kind]["out_of_domain"], "reason"].value_counts()
        detail = f"{value:.4f}; {len(judged[kind])} against {len(judged['ordinary'])} pictures"
        yield Figure(f"{what}: {kind}, AUROC", value, auroc, unit="", detail=detail)
        exact = float((judged[kind]["p_value"] < judged["ordinary"]["p_value"].quantile(0.05)).mean())
        said = f"{exact:.2f} at exactly 5 % alarms; said most: {reasons.index[0] if len(reasons) else 'nothing'}"
        yield Figure(
            f"{what}: {kind}, caught", float(judged[kind]["out_of_domain"].mean()), caught, unit="", detail=said
        )


def alarms(what: str, ordinary: pd.DataFrame, promised: float = 0.05) -> Figure:
    """The share of ordinary pictures with an alarm, and whether its 95 % interval holds the promised rate."""
    from fieldguide.statistics.shares import wilson

    count, total = int(ordinary["out_of_domain"].sum()), len(ordinary)
    low, high = wilson(count, total)
    verdict = "holds" if low <= promised <= high else "does not hold"
    return Figure(
        f"{what}: alarm rate on ordinary pictures",
        count / total,
        unit="",
        detail=f"{count} of {total}, interval {low:.3f} to {high:.3f}, which {verdict} the promised {promised:g}",
    )


def planted(home: Paths) -> Figure:
    """The alarm rate on the test pictures of the sample itself that are not strangers by the truth file."""
    from fieldguide.data.csv_files import read_csv

    if not (home.raw / "truth.csv").is_file():
        raise Skipped("no truth file in this checkout: run `make repro` on the sample first")
    truth = read_csv(home.raw / "truth.csv")[["path", "planted"]]
    images = pd.read_parquet(home.image_table, columns=["id", "path", "status"])
    kept = images[images["status"] == "kept"].merge(truth, on="path")
    table = pd.read_parquet(home.screen_table).merge(kept, on="id", validate="one_to_one")
    return alarms("drawn, test split", table[(table["split"] == "test") & ~table["planted"].isin(SHIFTS)])


def cost(what: str, weights: Path, files: Sequence[Path]) -> Figure:
    """How many times as long prediction with screening takes as without, on the same files, measured in turn."""
    from fieldguide.model.inference import load_classifier
    from fieldguide.prediction.answers import answers
    from fieldguide.screening.screen_files import load_screen

    classifier = load_classifier(weights, weights.with_suffix(".json"))
    screening = load_screen(weights.with_name("screen.safetensors"), classifier, weights)

    def plain() -> float:
        return seconds(lambda: list(answers(classifier, files)))

    def screened() -> float:
        return seconds(lambda: list(answers(classifier, files, screening=screening)))

    plain(), screened()
    pairs = [(plain(), screened()) for _ in range(ROUNDS)]
    ratio = statistics.median(with_it / without for without, with_it in pairs)
    rate = len(files) / statistics.median(without for without, _ in pairs)
    return Figure(
        f"{what}: prediction with screening", ratio, SLOWER, at_most=True, detail=f"{rate:.0f} pictures/s without it"
    )


def measure_photos() -> list[Figure]:
    """A head on frozen features of the maintainers' bears, its screen, and what that says of other photos."""
    return [*photo_figures(SIZE), *photo_figures(SMALLER)]


def photo_figures(size: int) -> list[Figure]:
    """With a network that sees squares of `size` pixels."""
    from fieldguide.data.images import open_picture

    bears, others = shared("data", "bears"), shared("data", "not_bears")
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder))
        run_stages(paths, bears, shared("weights", "mobilenetv2_100.pth"), size)
        table = pd.read_parquet(paths.screen_table)
        test = table[table["split"] == "test"].reset_index(drop=True)
        pictures = [open_picture(paths.clean / path, 150) for path in test["clean_path"]]
        judged = {kind: judge_files(paths.classifier, files) for kind, files in changed(pictures).items()}
        files = sorted(file for file in others.rglob("*") if file.is_file())
        judged["not_bears"] = judge_files(paths.classifier, files)
        judged["ordinary"] = test
        images = pd.read_parquet(paths.image_table, columns=["id", "path", "status"])
        names = images[images["status"] == "kept"].set_index("id").loc[test["id"], "path"]
        without_teddies = judged["not_bears"].drop([row for row, file in enumerate(files) if file.name in TEDDIES])
        cleaner = {"ordinary": test[~names.isin(STRANGE_BEARS).to_numpy()], "not_bears": without_teddies}
        goal = REAL_GOALS["not_bears"]
        return [
            *found(f"photos, {size} px", judged, {kind: (least, None) for kind, least in REAL_GOALS.items()}),
            *found(f"photos that are what they are filed as, {size} px", cleaner, {"not_bears": (goal, None)}),
            alarms(f"photos, {size} px, test split", test),
            wrong_labels(f"photos, {size} px", paths),
            cost(f"photos, {size} px", paths.classifier, sorted(bears.rglob("*.jpg"))[:240]),
        ]


def wrong_labels(what: str, paths: Paths) -> Figure:
    """Where the plainly wrong labels stand in the review queue."""
    from fieldguide.data.csv_files import read_csv

    images = pd.read_parquet(paths.image_table, columns=["id", "path", "status"])
    kept = images[images["status"] == "kept"]
    names = dict(zip(kept["id"], kept["path"].str.rpartition(".")[0], strict=True))
    queue = read_csv(paths.report("screen") / "review_queue.csv")["id"].map(names)
    places = [place for place, name in enumerate(queue, start=1) if name in SEEN]
    return Figure(
        f"{what}: plainly wrong labels in the first 40 places of the queue",
        sum(place <= 40 for place in places) / len(SEEN),
        1,
        unit="",
        detail=f"places {', '.join(map(str, places))} of {len(queue)}",
    )


def run_stages(paths: Paths, photos: Path, weights: Path, size: int, *overrides: str) -> None:
    """The pipeline up to screen in a folder of its own, on labelled photos, with pretrained weights."""
    from fieldguide.base.files import sha256_of_file
    from fieldguide.configuration.compose import compose

    shutil.copytree(ROOT / "conf", paths.conf)
    shutil.copy(ROOT / "params.yaml", paths.params)
    paths.sources.mkdir(parents=True)
    (paths.sources / "photos").symlink_to(photos)
    options = {
        "data": {"kind": "folder"},
        "model": {"arch": "mobilenetv2_100", "weights": str(weights), "weights_sha256": sha256_of_file(weights)},
    }
    for group, option in options.items():
        (paths.conf / group / "photos.yaml").write_text(yaml.safe_dump(option))
    cfg = compose(paths, [*OVERRIDES, f"train.size={size}", *overrides])
    for stage in ("weights", "download", "clean", "split", "train", "screen"):
        importlib.import_module(f"fieldguide.stages.{stage}").run(cfg, paths)


def changed(pictures: Sequence[Image.Image]) -> dict[str, list[io.BytesIO]]:
    """The pictures without colour, dark, turned, and as thumbnails, each as a file's bytes."""
    changes = {
        "black_and_white": lambda one: one.convert("L").convert("RGB"),
        "dark": lambda one: one.point(lambda value: int(value * DARK)),
        "upside_down": lambda one: one.transpose(Image.Transpose.ROTATE_180),
        "24_pixels": lambda one: ImageOps.contain(one, (24, 24)),
    }
    files: dict[str, list[io.BytesIO]] = {kind: [] for kind in changes}
    for kind, change in changes.items():
        for picture in pictures:
            file = io.BytesIO()
            change(picture).save(file, "PNG")
            files[kind].append(file)
    return files


if __name__ == "__main__":
    report(measure)
