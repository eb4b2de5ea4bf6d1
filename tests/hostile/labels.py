"""Labels that look like something else: each comes back from every table and page as it went in."""

import csv
import re
from pathlib import Path

import pandas as pd

from checkouts import new_checkout
from conftest import id_of, noise, put, run_command
from fieldguide.base.config import SplitConfig
from fieldguide.base.errors import UNPRINTABLE, printable
from fieldguide.base.files import read_json, write_json
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.configuration.compose import compose
from fieldguide.data.sources.wanted import spelling
from fieldguide.data.splits import fractions, own_sides
from fieldguide.data.table import IMAGES, RAW, SPLIT, predictions_schema, read_table
from fieldguide.evaluation.tables import read_confusion, read_evaluation
from fieldguide.model.inference import load_classifier
from fieldguide.stages import clean, download, evaluate, report, screen, split, train, validate, weights
from fieldguide.tracking.stored_names import stored_name
from hostile.case import Result, tell
from stages.test_strange_texts import Page

LABELS = (
    *("0", "00", "007", "1", "-1", "1.0", "1.", "1e5", "1E5", "0x10", "1_000", "1,000", "1÷2", "2024", "2024-01-01"),
    *(
        "12:30",
        "nan",
        "NaN",
        "None",
        "null",
        "NULL",
        "NA",
        "N-A",
        "n a",
        "inf",
        "-inf",
        "True",
        "true",
        "False",
        "yes",
        "no",
        "on",
        "~",
        "-",
    ),
    *(
        "=1+1",
        "=cmd|' !A0",
        "+1",
        "@SUM(A1)",
        "-x",
        "'quoted",
        "''",
        '"',
        '"a"',
        "a,b",
        "a;b",
        "a\tb",
        "a\nb",
        "\x1b[31mred",
        "\r",
        "\x07",
    ),
    *(
        " ",
        " a",
        "a ",
        "a  b",
        "a",
        "A",
        "á",
        "a\u0301",
        "\uff41",
        "\u0430",
        "熊",
        "медведь",
        "דוב",
        "دب",
        "หมี",
        "🐻",
        "🐻\u200d❄️",
        "🏳️\u200d🌈",
    ),
    *(
        "\u202ereb",
        "\u200b",
        "\u200ba",
        "\ufeffa",
        "\u00ad",
        "\u2028",
        "e" * 255,
        "熊" * 85,
        "label",
        "id",
        "path",
        "prediction",
        "probability",
    ),
    *(
        "pictures",
        "split",
        "loss",
        "clean_path",
        "index",
        "train",
        "valid",
        "test",
        "left_out",
        "kept",
        "all",
        "total",
        "unlabelled",
        "con",
        "nul",
    ),
    *(
        "<b>",
        "<script>alert(1)<\u2215script>",
        "&amp;",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "${seed}",
        "$(id)",
        "`id`",
        "%s",
        "%(a)s",
        "*",
        "?",
        "[a]",
    ),
    *(
        "#",
        "# a",
        "a: b",
        "&a",
        "*a",
        "!a",
        "!!str",
        "|",
        ">",
        "a.b",
        "a..b",
        "a.",
        "accuracy",
        "recall_a",
        "precision_a",
        "macro_f1",
        "(",
        ")",
        "--help",
    ),
)
SIDES = {"train": 2, "valid": 1, "test": 1}  # pictures of each label
OVERRIDES = (
    "train.size=32",
    "train.epochs=1",
    "train.workers=0",
    "train.threads=1",
    "train.precision=float32",
    "evaluate.bootstrap=100",
    "augment=none",
)


def run(folder: Path) -> Result:
    """From a folder of pictures through `fieldguide add` and all stages; twins of a label are refused by `add`."""
    assert len(set(LABELS)) == len(LABELS)
    wrong: list[str] = []
    seeds = iter(range(10**6))
    by_spelling: dict[str, list[str]] = {}
    for label in LABELS:
        by_spelling.setdefault(spelling(label), []).append(label)
    labels = [twins[0] for twins in by_spelling.values()]
    for label in labels:
        left = dict(SIDES)
        while any(left.values()):
            image = noise(next(seeds), 48, 36)
            one = pd.DataFrame({"id": [id_of(image)]})
            side = str(own_sides(one, fractions([id_of(image)], 0), SplitConfig(valid=0.25, test=0.25))[0])
            if left[side]:
                left[side] -= 1
                put(folder / "odd" / label / f"{side}{left[side]}.png", image)
    paths = new_checkout(folder / "checkout")
    (paths.conf / "model" / "tiny.yaml").write_text("arch: test_resnet\nweights: random\n", encoding="utf-8")
    done = run_command("add", "odd", str(folder / "odd"), cwd=paths.root)
    if done.returncode:
        return Result("labels", len(LABELS), [f"{label!r}: {done.stderr}" for label in LABELS], done.stderr)
    for first, *twins in by_spelling.values():
        for twin in twins:
            _try_twins(paths, folder, first, twin, wrong)
    cfg = compose(paths, OVERRIDES)
    cfg.split.near_duplicate_bits = 0
    for stage in (download, clean, validate, split, weights, train, evaluate, screen, report):
        write_json(paths.metrics(stage.__name__.rpartition(".")[2]), stage.run(cfg, paths))

    vocabulary = sorted(labels)
    folder_of = paths.report(Stage.EVALUATE)
    counts = read_confusion(folder_of / "confusion_matrix.csv")
    found = {
        "raw.parquet": set(read_table(paths.raw_table, RAW)["label"]),
        "clean.parquet": set(read_table(paths.image_table, IMAGES)["label"]),
        "split.parquet": set(read_table(paths.split_table, SPLIT)["label"]),
        "classifier.json": set(load_classifier(paths.classifier, paths.classifier.with_suffix(".json")).vocabulary),
        "predictions.parquet": set(read_table(paths.predictions, predictions_schema(vocabulary))["label"]),
        "per_label.csv": set(read_evaluation(folder_of, "per_label")["label"]),
        "the rows of confusion_matrix.csv": set(counts.index),
        "the columns of confusion_matrix.csv": set(counts.columns),
    }
    metrics = read_json(paths.metrics(Stage.EVALUATE))
    stored = {stored_name(name) for name in metrics}
    page = Page((folder_of / "index.html").read_text(encoding="utf-8")).text
    summary = run_command("summary", cwd=paths.root).stdout
    for label in labels:
        lost = [table for table, held in found.items() if label not in held]
        lost += [] if f"recall_{label}" in metrics else ["the metrics"]
        lost += [] if re.sub(r"\s+", "", printable(label)) in re.sub(r"\s+", "", page) else ["the page"]
        lost += [] if printable(label) in summary else ["the summary"]
        if lost:
            tell(wrong, f"{label!r}: not in {', '.join(lost)}")
    for table, held in found.items():
        for label in sorted(held - set(labels)):
            tell(wrong, f"{label!r}: only in {table}")
    if len(stored) != len(metrics):
        tell(wrong, "two labels become one metric in MLflow")
    if UNPRINTABLE.search(summary.replace("\n", "")):
        tell(wrong, "the summary steers the terminal")
    for path in sorted(paths.root.rglob("reports/**/*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for line in csv.reader(file, strict=True) for cell in line]
        for cell in cells:
            if re.match(r"[=+\-@\x00-\x1f]", cell) and not re.fullmatch(r"-[\d.e-]+", cell):
                tell(wrong, f"{path.name} has a cell that a spreadsheet runs: {cell[:50]!r}")
    return Result("labels", len(LABELS), wrong)


def _try_twins(paths: Paths, folder: Path, first: str, twin: str, wrong: list[str]) -> None:
    """Two labels that are one word written in two ways: one line that names both, and no data set."""
    twins = folder / "twins" / f"{len(list((folder / 'twins').glob('*')))}"
    for number, label in enumerate((first, first, twin, twin)):
        put(twins / label / f"{number}.png", noise(number, 48, 36))
    done = run_command("add", "twins", str(twins), cwd=paths.root)
    said = done.stderr.rstrip("\n")
    named = all(printable(repr(label)) in said for label in (first, twin))
    if done.returncode != 1 or not named or not said.isprintable() or (paths.sources / "twins").exists():
        tell(wrong, f"{twin!r} beside {first!r}: exit code {done.returncode}, {said[:300]!r}")
