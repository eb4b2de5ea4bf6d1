"""Which sources each stage runs through: by them DVC knows what has to run again after an edit."""

from pathlib import Path

import pytest

from conftest import OwnData
from fieldguide.base.files import sha256_of_file
from fieldguide.base.stage_code import stage_code
from fieldguide.base.stage_names import Stage
from fieldguide.stages import config
from source_graph import ROOT

OTHERS = set(Stage) - {Stage.CONFIG}
SOURCES = {
    "data/splits.py": {"validate", "split", "evaluate", "report"},
    "sample/teddy.py": {"download"},
    "data/duplicates.py": {"clean", "validate", "split", "evaluate", "report"},
    "checks/expectations.py": {"validate", "screen", "report"},
    "training/learner.py": {"train", "evaluate"},
    "screening/p_values.py": {"screen"},
    "pages/figures.py": {"evaluate", "report"},
    "pages/render.py": {"validate", "evaluate", "screen", "report"},
    "evaluation/templates/page.html": {"evaluate", "report"},
    "base/compose.py": OTHERS,
    "tracking/delivery.py": set(),
    "prediction/serving.py": set(),
    "cli/__init__.py": set(),
}


def files_of(code: str) -> dict[str, str]:
    lines = (line.partition("  ") for line in code.splitlines())
    return {name.removeprefix("src/fieldguide/"): digest for digest, _, name in lines}


@pytest.fixture(scope="module")
def codes() -> dict[str, dict[str, str]]:
    return {stage: files_of(stage_code(stage)) for stage in OTHERS}


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_is_code_of_the_stages_that_run_through_it(source: str, codes: dict[str, dict[str, str]]) -> None:
    assert (ROOT / "src" / "fieldguide" / source).is_file()
    assert {stage for stage in OTHERS if source in codes[stage]} == SOURCES[source]


@pytest.mark.parametrize("stage", sorted(OTHERS))
def test_the_code_of_a_stage_names_its_files_with_their_hashes(stage: str, codes: dict[str, dict[str, str]]) -> None:
    files = codes[stage]
    assert f"stages/{stage}.py" in files and list(files) == sorted(files)
    for name, digest in files.items():
        assert sha256_of_file(ROOT / "src" / "fieldguide" / name) == digest


@pytest.mark.slow
def test_config_writes_a_file_for_every_other_stage(own_data: OwnData) -> None:
    cfg, paths = own_data()
    config.run(cfg, paths)
    written = {path.name: path.read_text(encoding="utf-8") for path in (paths.report("config") / "code").iterdir()}
    assert written == {f"{stage}.txt": stage_code(stage) for stage in OTHERS}


def test_what_is_kept_of_the_graph_is_safe_to_damage(tmp_path: Path) -> None:
    files = {
        "base/a.py": "",
        **{f"stages/{stage}.py": "import fieldguide.data.b\n" if stage == "clean" else "" for stage in Stage},
        "data/b.py": "",
    }
    for name, text in files.items():
        path = tmp_path / "src" / "fieldguide" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "dvc.yaml").write_text("", encoding="utf-8")
    wanted = stage_code("clean", tmp_path)
    assert list(files_of(wanted)) == ["base/a.py", "data/b.py", "stages/clean.py"]
    kept = tmp_path / ".fieldguide" / "stage_sources.json"
    assert kept.is_file()
    kept.write_text("{", encoding="utf-8")
    from fieldguide.base import stage_code as module

    module._sources.cache_clear()
    assert stage_code("clean", tmp_path) == wanted
