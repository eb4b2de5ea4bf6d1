"""`fieldguide publish space`: a folder that runs as a Hugging Face Space as it is."""

import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from huggingface_hub import SpaceCardData

from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import copy_file, read_json, write_text
from fieldguide.base.paths import Paths
from fieldguide.base.source_graph import SOURCE, loads, modules, rendered_by, runs_through, templates
from fieldguide.base.version import VERSION
from fieldguide.data.status import Split
from fieldguide.model.activation_maps import HEAD, head_weights
from fieldguide.pages.markdown import render_markdown
from fieldguide.release.publish.cards import licence, write_card
from fieldguide.release.publish.results import Results
from fieldguide.screening.array_files import write_arrays

APP = "fieldguide.release.publish.space_app"
GRADIO, PILLOW = "6.31.0", "12.3.0"  # of the Space alone: this Gradio wants a Pillow below 13
AS_HERE = ("numpy", "onnxruntime", "simplejpeg")  # on which the last digits of an answer depend
FROM = (
    "jinja2>=3.1.6",
    "psutil>=7.0",
    "pydantic>=2.12",
    "safetensors>=0.6",
    "tqdm>=4.67",
)  # as pyproject.toml has them
LARGE_FILES = "*.onnx filter=lfs diff=lfs merge=lfs -text\n*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
CLASSIFIER = ("classifier.onnx", "classifier.json", "screen.safetensors", "screen.json")


def write_space(folder: Path, paths: Paths, results: Results, title: str, license_id: str, examples: int) -> None:
    """Write everything but the cards into an empty folder: the app, its code and packages, the classifier, README.md.

    `examples` test pictures come along, as many of each label as there are. Raises UserError if there are fewer.
    """
    write_readme(folder, results.labels, title, license_id, examples)
    shutil.copyfile(modules(SOURCE)[APP].path, folder / "app.py")
    pins = {"gradio": GRADIO, "pillow": PILLOW, **{name: version(name) for name in AS_HERE}}
    lines = [*(f"{name}=={one}" for name, one in pins.items()), *FROM]
    write_text(folder / "requirements.txt", "\n".join(lines) + "\n")
    write_text(folder / ".gitattributes", LARGE_FILES)
    _copy_code(folder)
    _copy_classifier(folder / "models", paths)
    _copy_examples(folder / "examples", paths, results, examples)


def write_readme(folder: Path, labels: list[str], title: str, license_id: str, examples: int) -> None:
    """Write README.md, whose front matter says how the hub runs the Space."""
    front_matter = SpaceCardData(
        title=printable(title),
        emoji="🔎",
        colorFrom="green",
        colorTo="blue",
        sdk="gradio",
        sdk_version=GRADIO,
        python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
        app_file="app.py",
        **licence(license_id),
    )
    body = render_markdown("release/space_readme.md", title=title, labels=labels, examples=examples, version=VERSION)
    write_card(folder / "README.md", front_matter, body)


def _copy_code(folder: Path) -> None:
    """Copy the modules that the app runs through, the packages that they are in, and the templates that they render."""
    names = (runs_through(APP, SOURCE) | loads("fieldguide", SOURCE)) - {APP}
    packages = {name.rsplit(".", depth)[0] for name in names for depth in range(1, name.count(".") + 1)}
    files = [modules(SOURCE)[name].path for name in names | packages]
    files += [templates(SOURCE)[name] for name in rendered_by({*names, APP}, SOURCE)]
    for file in sorted(files):
        target = folder / file.relative_to(SOURCE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    text = SOURCE.parent / "LICENSE"
    if text.is_file():  # not where fieldguide was installed from a wheel
        shutil.copyfile(text, folder / "fieldguide" / "LICENSE")


def _copy_classifier(folder: Path, paths: Paths) -> None:
    folder.mkdir()
    needed = [paths.classifier.with_name(name) for name in CLASSIFIER]
    if read_json(paths.screen.with_suffix(".json"))["backbone_sha256"]:  # it screens by the features of that
        needed.append(paths.backbone.with_suffix(".onnx"))
    for file in needed:
        shutil.copyfile(file, folder / file.name)
    write_arrays(folder / "head.safetensors", {HEAD: head_weights(paths.classifier)})


def _copy_examples(folder: Path, paths: Paths, results: Results, wanted: int) -> None:
    test = results.split[results.split["split"] == Split.TEST].sort_values("id")
    if wanted > len(test):
        raise UserError(f"--examples {wanted}: there are {len(test)} test pictures")
    in_turn = test.assign(turn=test.groupby("label").cumcount()).sort_values(["turn", "label"]).head(wanted)
    if wanted:
        folder.mkdir()
    for row in in_turn.to_dict("records"):
        copy_file(paths.clean / row["clean_path"], folder / f"{row['id']}{Path(row['clean_path']).suffix}")
