"""An operation is one file and one option: added to a copy of the source, with no other edit, it works everywhere."""

import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import CHECKOUT, OwnData, noise, put, run_module, run_python
from fieldguide.base.paths import Paths
from fieldguide.stages import clean, download, split

pytestmark = pytest.mark.slow  # importing fastai alone takes seconds

NEW = {
    "src/fieldguide/training/augmentations/posterize.py": '''\
"""Few colours."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import PictureEffect

if TYPE_CHECKING:
    import torch


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Posterize(PictureEffect):
    """Keep so many levels of each channel."""

    name: Literal["posterize"]
    levels: Annotated[int, Field(ge=2, le=64)]
    p: Share = 0.5

    def change(self, pictures: "torch.Tensor", chosen: "torch.Tensor") -> "torch.Tensor":
        pictures[chosen] = (pictures[chosen] * (self.levels - 1)).round() / (self.levels - 1)
        return pictures
''',
    "conf/augment/posters.yaml": """\
# For prints.
transforms:
  - {name: posterize, levels: 2, p: 1.0}   # two levels of each colour
""",
    "src/fieldguide/screening/detectors/centroid.py": '''\
"""The detector `centroid`."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Floats, Known, State


@DETECTORS.register
@dataclass(frozen=True)
class Centroid(Detector):
    """Distance to the mean of all known pictures, to some power."""

    detector: Literal["centroid"]
    power: Annotated[float, Field(gt=0, le=4)] = 2.0

    def fit(self, known: Known) -> State:
        return {"mean": known.features.mean(axis=0), "power": np.array(self.power)}

    @staticmethod
    def score(state: State, features: Floats, logits: Floats) -> Floats:
        return np.linalg.norm(features - state["mean"], axis=1) ** state["power"]
''',
    "conf/ood/centroid.yaml": """\
# For one kind of picture.
detector: centroid
power: 1.5
""",
    "src/fieldguide/data/resizing/corner.py": '''\
"""A corner of a picture."""

from dataclasses import dataclass
from typing import Annotated, Literal

from PIL import Image
from pydantic import Field

from fieldguide.base.operations import RESIZES
from fieldguide.data.resizing.resize import FILTER, Resize


@RESIZES.register
@dataclass(frozen=True)
class Corner(Resize):
    """The upper left corner."""

    method: Literal["corner"]
    share: Annotated[float, Field(gt=0, le=1)] = 0.5

    def square(self, picture: Image.Image, size: int) -> Image.Image:
        side = max(1, round(self.share * min(picture.size)))
        return picture.crop((0, 0, side, side)).resize((size, size), FILTER)
''',
    "conf/resize/corner.yaml": "# For cameras that look at a corner.\nmethod: corner\nshare: 0.25\n",
    "src/fieldguide/evaluation/shifts/fog.py": '''\
"""Fog."""

from PIL import Image

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance


@SHIFTS.register
def fog(picture: Image.Image, chance: Chance) -> Image.Image:
    """A morning in autumn: little contrast."""
    return Image.blend(picture, Image.new("RGB", picture.size, (200, 200, 200)), 0.7)
''',
}

USE = """\
import numpy as np
from pathlib import Path
from PIL import Image
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.resizing import FILTER
from fieldguide.evaluation.shifts import SHIFTS, shifted
from fieldguide.experiments.training_views import training_views
from fieldguide.model.description import preprocessing_of, read_description
from fieldguide.model.inference import load_classifier, to_input
from fieldguide.model.architecture import Normalization
from fieldguide.screening.screen_files import load_screen, save_screen
from fieldguide.screening.fitting import fit_screen
from fieldguide.screening.observations import observe_pairs, observe_pictures
from fieldguide.screening.screen import judge
from conftest import noise
from untrained import save_classifier

paths = Paths(Path.cwd())
cfg = compose(paths, ["augment=posters", "ood=centroid", "resize=corner", "train.size=32"])

for view in training_views(cfg, paths, count=4, versions=2):
    assert all(set(np.unique(square)) <= {0, 255} for square in view.augmented)
    assert len(np.unique(view.plain)) > 2

preprocessing = preprocessing_of(cfg.resize, 32, Normalization((0.5,) * 3, (0.5,) * 3), 100.0, 320)
save_classifier(paths.root, preprocessing=preprocessing)
weights = paths.root / "classifier.safetensors"
classifier = load_classifier(weights, weights.with_suffix(".json"))
assert classifier.preprocessing.options == {"share": 0.25}
corner = noise(1, 64, 48).crop((0, 0, 12, 12)).resize((32, 32), FILTER)
seen = to_input(noise(1, 64, 48), classifier.preprocessing).transpose(1, 2, 0)
assert np.allclose(seen, np.asarray(corner) / 255, atol=1e-6)

feature_network = classifier.network
train, turned = observe_pairs(classifier, feature_network, map(noise, range(60)))
valid = observe_pictures(classifier, feature_network, map(noise, range(60, 120)))
fitted = fit_screen(train, turned, np.arange(60) % 3, valid, cfg.ood)
assert abs(float(fitted.screen.scorers.state["power"]) - 1.5) < 1e-6
save_screen(fitted.screen, paths.root / "screen.safetensors", weights, None)
screen, feature_network = load_screen(paths.root / "screen.safetensors", classifier, weights)
new = observe_pictures(classifier, feature_network, [noise(500), Image.new("RGB", (64, 48), "white")])
ordinary, strange = judge(screen, new).p_value
assert strange < 0.05 < ordinary, (ordinary, strange)

assert list(SHIFTS)[-1] == "fog" and shifted(noise(1), "fog", "a").size == noise(1).size
print("all used")
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source with the new files, and nothing else changed."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("src", "conf", "tools"):
        shutil.copytree(CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(CHECKOUT / name, root / name)
    for name, text in NEW.items():
        assert not (root / name).exists()
        (root / name).write_text(text, encoding="utf-8")
    return root


def run_copy(copied: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = f"{copied / 'src'}:{copied / 'tools'}:{CHECKOUT / 'tests'}"
    return run_python(*arguments, cwd=cwd or copied, PYTHONPATH=path)


def run_command_of(copied: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run_module("fieldguide.cli", *arguments, cwd=cwd or copied, PYTHONPATH=str(copied / "src"))


@pytest.mark.parametrize(
    ("choice", "shown"),
    [("augment=posters", "name: posterize\n    levels: 2"), ("ood=centroid", "power: 1.5"), ("resize=corner", "0.25")],
)
def test_config_shows_it(copied: Path, choice: str, shown: str) -> None:
    done = run_command_of(copied, "config", choice)
    assert (done.returncode, done.stderr) == (0, "")
    assert shown in done.stdout


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ("augment=posters", "augment.transforms.0.levels=1"),
            "augment.transforms.0.levels: Input should be greater than or equal to 2 (given: 1)",
        ),
        (
            ("augment=posters", "+augment.transforms.0.shades=1"),
            "augment.transforms.0.shades: no such key; known: name, levels, p (given: 1)",
        ),
        (("ood=centroid", "ood.power=9"), "ood.power: Input should be less than or equal to 4 (given: 9)"),
        (("ood=centroid", "ood.detector=mean"), "no such detector; one of: centroid, energy, mahalanobis"),
    ],
)
def test_what_it_does_not_take_is_refused_in_one_line(copied: Path, overrides: tuple[str, ...], message: str) -> None:
    done = run_command_of(copied, "config", *overrides)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"fieldguide: override {overrides[1]}: ")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_training_screening_prediction_and_evaluation_use_it(copied: Path, own_data: OwnData) -> None:
    cfg, paths = own_data("{}", "augment=none", "train.size=32")
    for number in range(24):
        put(paths.sources / "own" / ("day", "night")[number % 2] / f"{number}.png", noise(number))
    for stage in (download, clean, split):
        stage.run(cfg, paths)
    for name, text in NEW.items():
        if name.startswith("conf/"):
            (paths.root / name).write_text(text, encoding="utf-8")
    put(paths.root / "fieldguide_use.py", USE.encode())
    done = run_module("fieldguide_use", cwd=paths.root, PYTHONPATH=f"{copied / 'src'}:{CHECKOUT / 'tests'}")
    assert done.stdout.endswith("all used\n"), done.stderr
    shown = run_command_of(copied, "show-batch", "augment=posters", "train.size=32", cwd=paths.root)
    assert shown.stdout == "reports/show_batch/augment=posters_train.size=32.png\n", shown.stderr


def test_the_reference_lists_it(copied: Path) -> None:
    done = run_copy(copied, str(copied / "tools" / "configuration_reference.py"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "| `posters` | For prints. |" in done.stdout
    assert "#### `name`: `posterize`\n\nKeep so many levels of each channel.\n" in done.stdout
    assert "| `levels` | integer, at least 2, at most 64 |  |" in done.stdout
    assert "#### `detector`: `centroid`\n\nDistance to the mean" in done.stdout
    assert "| `power` | number, above 0, at most 4 | `2.0` |" in done.stdout
    assert "| `fog` | A morning in autumn: little contrast. |" in done.stdout


def test_dvc_watches_it_without_an_edit(copied: Path) -> None:
    """Stages run again when a file of an operation changes that is new."""
    done = run_copy(copied, "-c", "from fieldguide.base.stage_code import stage_code; print(stage_code('train'))")
    files = {line.partition("  ")[2] for line in done.stdout.splitlines()}
    new = [name for name in NEW if name.startswith("src/") and ("augmentations" in name or "resizing" in name)]
    assert new and set(new) <= files, done.stderr


def test_the_committed_reference_is_up_to_date() -> None:
    from configuration_reference import reference

    committed = (CHECKOUT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert committed == reference(Paths(CHECKOUT)), "run make docs"
