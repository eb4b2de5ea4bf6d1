"""Wrong labels and near duplicates, found among those that are known: `python bench/labels.py`.

The sample's own truth file says what was planted in it. Of the maintainers' photos, five with plainly wrong labels are
named below: a toy, a person and a rendering among the black bears, a lipstick and a cartoon among the teddies.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from common import ROOT, Figure, Skipped, report, shared

COMPARED = "what screen finds against what is known to be wrong"
SEEN = ("black/00000082", "black/00000129", "black/00000095", "teddys/00000088", "teddys/00000166")
SIZE = 160


def measure() -> list[Figure]:
    """The sample, then the photos."""
    return [*sample_figures(), *photo_figures()]


def sample_figures() -> list[Figure]:
    """On the sample, by what screen wrote about it in this checkout."""
    from fieldguide.base.paths import Paths
    from fieldguide.data.csv_files import read_csv
    from fieldguide.data.table import IMAGES, SCREEN, read_table

    paths = Paths(ROOT)
    if not (paths.raw / "truth.csv").is_file() or not paths.screen_table.is_file():
        raise Skipped("no results of the sample in this checkout: run `make repro` first")
    truth = read_csv(paths.raw / "truth.csv").drop(columns="label")
    table = read_table(paths.screen_table, SCREEN).merge(truth, on="path")
    # All that the truth file says is wrong: labels changed on purpose, and near duplicates under another label.
    wrong = set(table.loc[(table["true_label"] != "") & (table["true_label"] != table["label"]), "id"])
    changed = set(table.loc[table["planted"] == "wrong_label", "id"])
    by_probability = list(table.sort_values("label_quality", kind="stable")["id"])
    queued = list(read_csv(paths.report("screen") / "review_queue.csv")["id"])
    figures = [
        Figure(
            "wrong labels of the sample in the first 2n places of the queue",
            first_places(wrong, queued) / len(wrong),
            0.85,
            unit="",
            detail=f"{counted(wrong, queued)}; without near duplicates under another label {counted(changed, queued)}",
        ),
        Figure(
            "the same by the probability of the label alone",
            first_places(wrong, by_probability) / len(wrong),
            unit="",
            detail=f"{counted(wrong, by_probability)}; without those {counted(changed, by_probability)}",
        ),
    ]
    ids = dict(zip(table["path"], table["id"], strict=True))
    near = table[table["planted"].isin(["near_duplicate", "near_conflict"]) & table["original"].isin(list(ids))]
    known = {
        frozenset((identity, ids[original])) for identity, original in zip(near["id"], near["original"], strict=True)
    }
    images = read_table(paths.image_table, IMAGES).set_index("id")
    bursts = (images["site"] + " " + images["sequence"]).to_dict()
    pairs = {frozenset(pair) for pair in zip(table["id"], table["near_duplicate_of"], strict=True) if pair[1]}
    found, of_one_burst = len(pairs & known), sum(len({bursts[one] for one in pair}) == 1 for pair in pairs - known)
    precise = f"of {len(pairs)}, {of_one_burst} of them frames of one burst that look alike"
    return [
        *figures,
        Figure("near duplicates of the sample, found", found / len(known), 0.95, unit="", detail=f"of {len(known)}"),
        Figure(
            "near duplicates of the sample, precision",
            (found + of_one_burst) / len(pairs),
            0.9,
            unit="",
            detail=precise,
        ),
    ]


def first_places(wrong: set[str], order: list[str]) -> int:
    """How many of n wrong labels stand in the first 2n places of an order of ids."""
    return len(wrong & set(order[: 2 * len(wrong)]))


def counted(wrong: set[str], order: list[str]) -> str:
    """The same in words."""
    return f"{first_places(wrong, order)} of {len(wrong)} in the first {2 * len(wrong)}"


def photo_figures() -> list[Figure]:
    """On the maintainers' photos with the features of mobilenetv2_100."""
    from fieldguide.data.duplicates import look_alike_groups
    from fieldguide.data.images import perceptual_hash
    from fieldguide.screening.label_doubts import label_doubts, out_of_fold

    pictures = photos(shared("data", "bears"))
    features = np.stack(embed([picture for _, picture in pictures]))
    labels = [name.partition("/")[0] for name, _ in pictures]
    groups = [str(group) for group in look_alike_groups([perceptual_hash(picture) for _, picture in pictures], 40)]
    quality = label_doubts(out_of_fold(features, labels, groups, seed=42), labels)["label_quality"]
    places = dict(zip([name for name, _ in pictures], quality.rank(method="first").astype(int), strict=True))
    seen = sorted((places[name], name) for name in SEEN)
    return [
        Figure(
            "plainly wrong labels of photos in the first 40 places",
            sum(place <= 40 for place, _ in seen) / len(seen),
            unit="",
            detail=f"places {', '.join(str(place) for place, _ in seen)} of {len(places)}; alarms bring them forward",
        )
    ]


def photos(folder: Path) -> list[tuple[str, Image.Image]]:
    """Label and name, and the picture as clean makes it; each once."""
    from fieldguide.data.images import PictureError, bounded_picture, read_picture

    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            picture = read_picture(file, 150, max_side=320)
        except PictureError:
            continue
        found.setdefault(picture.id, (f"{file.parent.name}/{file.stem}", bounded_picture(picture, 320)))
    return list(found.values())


def embed(pictures: list[Image.Image]) -> list[np.ndarray]:
    """Features of mobilenetv2_100."""
    from fieldguide.base.files import sha256_of_file
    from fieldguide.model.architecture import Architecture
    from fieldguide.model.description import Preprocessing
    from fieldguide.model.inference import to_input
    from fieldguide.model.network import normalization_of
    from fieldguide.model.onnx_export import export_network
    from fieldguide.model.onnx_network import OnnxNetwork
    from fieldguide.model.torch_network import ObservedNetwork
    from fieldguide.model.weights import file_body

    weights = shared("weights", "mobilenetv2_100.pth")
    architecture = Architecture("timm", "mobilenetv2_100", {})
    body = file_body(architecture, weights, sha256_of_file(weights)).eval()
    preprocessing = Preprocessing(150, 320, "squish", "zeros", SIZE, normalization_of(architecture, body))
    network = OnnxNetwork(export_network(ObservedNetwork(body, None, preprocessing.normalization, SIZE)))
    squares = (to_input(picture, preprocessing) for picture in pictures)
    return [features for (features,) in network.ask(squares, ["features"])]


if __name__ == "__main__":
    report(measure)
