"""The house stands as DESIGN.md draws it, and dvc.yaml says what each stage truly depends on."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc_data.hashfile.meta import Meta

from fieldguide.base.compose import compose
from fieldguide.base.config import GROUPS
from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.record import training_record
from pipeline.source_graph import ROOT, SOURCE, config_reads, modules, runs_through

# A module imports modules of its own floor and of those below; a new one gets its place here.
FLOORS: list[set[str]] = [
    {"fieldguide", "base", "parallel"},
    {"data", "model", "checks", "report", "evaluation", "record"},
    {"stages"},
    {"stopped", "provenance", "tracking", "serving", "prediction", "export", "views", "batch_sheet", "dataset"}
    | {"reviewing"},
    {"runs", "results", "compare", "reproduction", "mlproject", "job", "leaderboard"}
    | {"sweep", "sweep_job", "sweep_delivery"},
    {"gate", "rollout", "retraining", "cli"},
]
ONLY_IMPORTERS = {
    "fastai": {f"fieldguide.model.{name}" for name in ("learner", "callbacks", "loaders", "augment", "camera")},
    "great_expectations": {"fieldguide.checks.expectations"},
    "mlflow": {f"fieldguide.tracking.{name}" for name in ("store", "tracker", "delivery", "model")}
    | {"fieldguide.serving", "fieldguide.rollout.registry"},
}
PIPELINE: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = sorted(PIPELINE)


def part(module: str) -> str:
    """`data` of fieldguide.data.images, `paths` of fieldguide.base.paths."""
    names = module.split(".")
    return names[1] if len(names) > 1 else names[0]


def floor(module: str) -> int:
    homes = [number for number, parts in enumerate(FLOORS) if part(module) in parts]
    assert len(homes) == 1, f"{module} has no place yet: put {part(module)!r} into FLOORS of this test"
    return homes[0]


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_run_one_way(name: str) -> None:
    wrong = [imported for imported in modules()[name].own if floor(imported) > floor(name)]
    assert not wrong, f"{name} imports what stands above it: {wrong}"


def test_no_modules_import_one_another_in_a_circle() -> None:
    circles = [
        name for name, module in modules().items() if any(name in runs_through(imported) for imported in module.own)
    ]
    assert not circles


def test_stages_never_import_one_another() -> None:
    wrong = {
        name: others
        for name, module in modules().items()
        if part(name) == "stages" and (others := {i for i in module.own if part(i) == "stages"})
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


def test_packages_hold_no_code_where_an_import_of_a_module_runs_them_unseen() -> None:
    """`import a.b.c` runs a/__init__.py too; the deps leave those files out, so nothing may happen in them."""
    named = {imported for module in modules().values() for imported in module.own}
    for name, module in modules().items():
        if module.path.name == "__init__.py" and name not in named - {"fieldguide"}:
            statements = [node for node in module.tree.body if not isinstance(node, ast.Expr | ast.Assign)]
            assert not statements, f"{name} holds code: {ast.unparse(statements[0])}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_sources_that_it_runs_through(stage: str) -> None:
    """A package folder may stand for its modules: DVC reads few entries faster than many."""
    needed = {
        modules()[name].path.relative_to(ROOT).as_posix()
        for name in runs_through(f"fieldguide.stages.{stage}")
        if name != "fieldguide"
    }
    entries = [dep for dep in PIPELINE[stage]["deps"] if dep.startswith(f"{SOURCE.name}/")]
    listed = [path for entry in entries for path in sources_of(entry)]
    missing, unneeded = sorted(needed - set(listed)), sorted(set(listed) - needed)
    assert not missing and not unneeded, f"dvc.yaml: {stage}: missing {missing}, too many {unneeded}"
    assert entries == sorted(set(entries)), f"dvc.yaml: {stage}: sort the source files"


def sources_of(entry: str) -> list[str]:
    """The source files that a dep names: itself, or all with code in its folder."""
    path = ROOT / entry
    if path.is_file():
        return [entry]
    named = {imported for module in modules().values() for imported in module.own}
    return [
        module.path.relative_to(ROOT).as_posix()
        for name, module in modules().items()
        if module.path.is_relative_to(path) and (module.path.name != "__init__.py" or name in named)
    ]


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "config"])
def test_a_stage_declares_exactly_the_params_that_it_reads(stage: str, recorded: set[str]) -> None:
    reads = config_reads(f"fieldguide.stages.{stage}", "run")
    assert reads.as_dict <= {"fieldguide.record.training_record"}
    keys = reads.keys | (recorded if reads.as_dict else set())
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


def unseen_in(sections: set[str]) -> set[str]:
    """Keys that DVC's cache of runs does not tell apart below a section: only a name with a dot is seen."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    inside = ((section, key) for section in sections if isinstance(params[section], dict) for key in params[section])
    return {f"{section}.{key}" for section, key in inside if key in (Meta.PARAM_SIZE, Meta.PARAM_NFILES)}


def test_config_reads_all_and_hands_on_nothing() -> None:
    assert not config_reads("fieldguide.stages.config", "run").keys
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
            dep for dep in stage["deps"] if not dep.startswith(("src/", "conf/", "data/sources/")) and dep not in known
        ]
        assert not others, f"{name}: no stage makes {others}"
        for dep in stage["deps"]:
            assert dep in outs or "${" in dep or (ROOT / dep).exists(), f"{name}: no file {Path(dep)}"
