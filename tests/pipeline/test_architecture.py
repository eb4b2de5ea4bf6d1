"""The house stands as DESIGN.md draws it, and dvc.yaml says what each stage truly depends on."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc_data.hashfile.meta import Meta

from fieldguide.base.config import GROUPS
from fieldguide.base.files import write_text
from fieldguide.base.operations import CONFIGURED
from fieldguide.base.paths import Paths
from fieldguide.base.source_graph import (
    loads,
    modules,
    rendered_by,
    room,
    runs_through,
    templates,
    templates_named_by,
)
from fieldguide.configuration.compose import compose
from fieldguide.model.fingerprint import training_record
from source_graph import ROOT, SOURCE, config_reads

# The rooms of the house: a module imports modules of its own room and of those before it in this list.
ROOMS = (
    *("base", "sample", "pages", "data", "statistics", "model", "checks", "reviewing", "training", "screening"),
    *("evaluation", "configuration", "tracking", "overview", "prediction", "notebook", "stages", "experiments"),
    *("reproduction", "release", "retraining", "app", "cli"),
)
# What may be started though it lies in a later room: MLflow must neither slow nor break a stage, and a failed check
# leaves a page.
MAY_START = {"fieldguide.base.runner": {"fieldguide.tracking", "fieldguide.overview"}}
LONGEST = 250  # lines of a source file
ONLY_IMPORTERS = {
    "fastai": {
        f"fieldguide.training.{name}"
        for name in (
            "learner",
            "optimizer",
            "callbacks",
            "loaders",
            "batch_transforms",
            "per_picture",
            "train_classifier",
        )
    }
    | {
        f"fieldguide.training.augmentations.{name}"
        for name in ("flip", "rotate", "zoom", "warp", "light", "upside_down")
    },
    "great_expectations": {"fieldguide.checks.expectations"},
    "mlflow": {f"fieldguide.tracking.{name}" for name in ("store", "tracker", "delivery", "figures", "model")}
    | {"fieldguide.prediction.serving", "fieldguide.release.registry"},
    "gradio": {"fieldguide.release.publish.space_app"},
    "onnxruntime": {"fieldguide.model.onnx_network", "fieldguide.release.int8"},
}
# Beside model/ and training/. Whoever asks a network does so in numpy, through fieldguide.model.inference; `export`
# asks whether PyTorch is installed, and `out_of_fold` trains small networks.
IMPORT_PYTORCH = {
    *("fieldguide.experiments.training_views", "fieldguide.prediction.export", "fieldguide.screening.out_of_fold")
}
# The groups whose options are those of an operation, and the folders of these operations.
PACKAGES = {
    "data": "fieldguide.data.sources",
    "resize": "fieldguide.data.resizing",
    "augment": "fieldguide.training.augmentations",
    "schedule": "fieldguide.base.schedules",
    "ood": "fieldguide.screening.detectors",
}
PIPELINE: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = sorted(PIPELINE)
CODE = "reports/config/code"  # what `config` writes: a file for each other stage


def test_every_module_lives_in_a_room() -> None:
    loose = [name for name in modules() if name != "fieldguide" and room(name) not in ROOMS]
    files = [path.name for path in (SOURCE / "fieldguide").glob("*.py") if path.name != "__init__.py"]
    assert not loose and not files, "put it into a room, or give the new room its place in ROOMS"


def test_a_room_imports_only_rooms_before_it() -> None:
    places = {name: ROOMS.index(room(name)) for name in modules() if name != "fieldguide"}
    later = {}
    for name, place in places.items():
        module = modules()[name]
        reached = {*module.own, *(module.starts - MAY_START.get(name, set()))} - {"fieldguide"}
        later[name] = [other for other in sorted(reached) if places[other] > place]
    assert not {name: others for name, others in later.items() if others}, "imported or started from a later room"


@pytest.mark.parametrize("template", sorted(templates()))
def test_a_template_is_rendered_and_names_only_rooms_before_it(template: str) -> None:
    named_by = [name for name, module in modules().items() if template in module.templates]
    rooms = {name: ROOMS.index(name) for name in ROOMS}
    place = rooms[template.partition("/")[0]]
    assert all(rooms[other.partition("/")[0]] <= place for other in templates_named_by(template))
    assert all(rooms[room(name)] >= place for name in named_by)
    assert template in rendered_by(list(modules())), "no page is made of it"


def test_html_stands_in_templates_alone_where_every_value_is_escaped() -> None:
    """The one page in Python is a file of the sample that is no picture: a server's answer, saved as one."""
    tags = "a|b|br|code|d[dlt]|details|div|fig(?:ure|caption)|h[1-6]|html|i|img|li|nav|p|pre|s(?:mall|pan|cript|tyle)|"
    html = re.compile(rf"<!doctype|</?(?:{tags}summary|t(?:able|body|d|h|head|r)|ul)\b[^<>]*>", re.IGNORECASE)
    assert {name for name, module in modules().items() if any(map(html.search, module.texts))} == {
        "fieldguide.sample.encode"
    }
    by_hand = re.compile(r"(?<!\bre\.)\bescape\(|\bMarkup\b")
    suspects = {name: module for name, module in modules().items() if by_hand.search(module.path.read_text("utf-8"))}
    assert not [name for name, module in suspects.items() if by_hand.search(ast.unparse(module.tree))]
    unescaped = re.compile(r"\|\s*safe\b|autoescape")
    assert not [name for name, path in templates().items() if unescaped.search(path.read_text(encoding="utf-8"))]


def test_the_package_itself_imports_nothing_but_its_version_before_it_is_asked() -> None:
    assert modules()["fieldguide"].at_start & set(modules()) == {"fieldguide.base.version"}


def test_strings_that_start_modules_are_found() -> None:
    """The exemptions are in use, so the search that they are exempt from works."""
    for name, started in MAY_START.items():
        assert modules()[name].starts == started


def test_no_source_file_is_long() -> None:
    lengths = {name: len(module.path.read_text(encoding="utf-8").splitlines()) for name, module in modules().items()}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}


def test_no_modules_import_one_another_in_a_circle() -> None:
    circles = [
        name for name, module in modules().items() if any(name in runs_through(imported) for imported in module.own)
    ]
    assert not circles


def test_stages_never_import_one_another() -> None:
    wrong = {
        name: others
        for name, module in modules().items()
        if name.startswith("fieldguide.stages.")
        and (others := {other for other in module.own if other.startswith("fieldguide.stages.")})
    }
    assert not wrong


def test_every_stage_is_a_module_and_every_module_a_stage() -> None:
    found = {name.rpartition(".")[2] for name in modules() if name.startswith("fieldguide.stages.")}
    assert found == set(STAGES)
    for stage in STAGES:
        assert PIPELINE[stage]["cmd"] == f"PYTHONPATH=src python -m fieldguide.stages.{stage}"


@pytest.mark.parametrize("library", sorted(ONLY_IMPORTERS))
def test_a_library_has_its_few_importers(library: str) -> None:
    importers = {
        name
        for name, module in modules().items()
        if any(imported.partition(".")[0] == library for imported in module.imports)
    }
    assert importers == ONLY_IMPORTERS[library]


def test_pytorch_is_imported_where_networks_are_built_and_trained_and_nowhere_else() -> None:
    libraries = {"torch", "timm", "torchvision", "fastai"}
    importers = {
        name
        for name, module in modules().items()
        if any(imported.partition(".")[0] in libraries for imported in module.imports)
    }
    assert {name for name in importers if room(name) not in ("model", "training")} == IMPORT_PYTORCH
    asking = {
        "inference",
        "asking",
        "onnx_network",
        "onnx_check",
        "features",
        "backbone",
        "description",
        "architecture",
    }
    assert not importers & {f"fieldguide.model.{name}" for name in asking}


def test_packages_hold_no_code_where_an_import_of_a_module_runs_them_unseen() -> None:
    """`import a.b.c` runs a/__init__.py too; the deps leave those files out, so nothing may happen in them."""
    named = {imported for module in modules().values() for imported in module.own}
    for name, module in modules().items():
        if module.path.name == "__init__.py" and name not in {*named, "fieldguide"}:  # see the test of that above
            statements = [node for node in module.tree.body if not isinstance(node, ast.Expr | ast.Assign)]
            assert not statements, f"{name} holds code: {ast.unparse(statements[0])}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_file_that_says_which_sources_it_runs_through(stage: str) -> None:
    own = f"{CODE}/{stage}.txt" if stage != "config" else f"{SOURCE.name}/fieldguide"
    assert [dep for dep in PIPELINE[stage]["deps"] if dep.startswith((f"{SOURCE.name}/", CODE))] == [own]


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "config"])
def test_a_stage_declares_exactly_the_params_that_it_reads(stage: str, recorded: set[str]) -> None:
    reads = config_reads(f"fieldguide.stages.{stage}", "run")
    assert reads.as_dict <= {"fieldguide.model.fingerprint.training_record"}
    keys = reads.keys | reads.choices | (recorded if reads.as_dict else set())
    keys = {key for key in keys if key.partition(".")[0] != "choices"}
    groups = {key.partition(".")[0] for key in keys} & set(GROUPS)
    sections = {key for key in keys if "." not in key}
    leaves = {key for key in keys if key.partition(".")[0] not in sections | groups}
    wanted = groups | sections | leaves | unseen_in(sections)
    declared = PIPELINE[stage].get("params", [])
    assert set(declared) == wanted, f"dvc.yaml: {stage}: params: [{', '.join(sorted(wanted))}]"
    assert len(declared) == len(set(declared))

    options = {f"conf/{group}/${{{group}}}.yaml" for group in groups}
    listed = {dep for dep in PIPELINE[stage]["deps"] if dep.startswith("conf/")}
    assert listed == options, f"dvc.yaml: {stage}: deps: {sorted(options)}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_loads_the_operations_of_every_group_that_it_reads(stage: str, recorded: set[str]) -> None:
    """Else it would read what nobody has validated; `config`, before all others, validates everything."""
    module = f"fieldguide.stages.{stage}"
    reads = config_reads(module, "run")
    read = {key.partition(".")[0] for key in reads.keys | (recorded if reads.as_dict else set())}
    wanted = {PACKAGES[group] for group in read & set(PACKAGES)} if stage != "config" else set(PACKAGES.values())
    missing = wanted - loads(module)
    assert not missing, f"import {sorted(missing)} at the top: the runner composes before `run`"


def test_whoever_composes_has_loaded_all_operations() -> None:
    assert set(PACKAGES) == set(CONFIGURED)
    composing = {name for name, module in modules().items() if "fieldguide.base.compose" in module.imports}
    assert composing == {"fieldguide.base.runner", "fieldguide.configuration.compose"}
    assert set(PACKAGES.values()) <= loads("fieldguide.configuration.compose")


def unseen_in(sections: set[str]) -> set[str]:
    """Keys that DVC's cache of runs does not tell apart below a section: only a name with a dot is seen."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    inside = ((section, key) for section in sections if isinstance(params[section], dict) for key in params[section])
    return {f"{section}.{key}" for section, key in inside if key in (Meta.PARAM_SIZE, Meta.PARAM_NFILES)}


def test_config_reads_all_and_hands_on_nothing() -> None:
    reads = config_reads("fieldguide.stages.config", "run")
    assert not reads.keys | reads.choices
    assert "params.yaml" in PIPELINE["config"]["deps"]
    assert "params" not in PIPELINE["config"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The sections that a training's record holds, found by making one: it turns all of cfg into a dict."""
    paths = Paths(tmp_path_factory.mktemp("record"))
    for link in ("params.yaml", "conf"):
        (paths.root / link).symlink_to(ROOT / link)
    write_text(paths.split_table, "")
    write_text(paths.backbone, "")
    record = training_record(compose(paths), paths)
    assert set(record["choices"]) <= set(record["config"])
    return set(record["config"])


def test_no_stage_depends_on_what_another_one_keeps_to_itself() -> None:
    """A dep is another stage's output, a source file, an option file, a person's, or the data set's own folder."""
    outs = {
        next(iter(out)) if isinstance(out, dict) else out
        for stage in PIPELINE.values()
        for kind in ("outs", "metrics", "plots")
        for out in stage.get(kind, [])
    }
    known = outs | {"params.yaml", "data/reviews.csv"}
    for name, stage in PIPELINE.items():
        others = [
            dep
            for dep in stage["deps"]
            if not dep.startswith(("src/", "conf/", "data/sources/", f"{CODE}/")) and dep not in known
        ]
        assert not others, f"{name}: no stage makes {others}"
        for dep in stage["deps"]:
            assert dep in outs or dep.startswith(f"{CODE}/") or "${" in dep or (ROOT / dep).exists(), (
                f"{name}: no file {Path(dep)}"
            )
