"""The command `fieldguide`, as a person runs it."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from conftest import commands, few_daily, run_command, run_module, run_python
from fieldguide.base.paths import Paths
from fieldguide.cli import main
from fieldguide.configuration.compose import compose

HEAVY = ("torch", "torchvision", "fastai", "timm", "mlflow", "great_expectations", "matplotlib", "sklearn", "dvc")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0
    return capsys.readouterr().out


def test_help_names_the_commands_and_shows_examples() -> None:
    done = run_python("-m", "fieldguide.cli", "--help", cwd=Path.cwd())
    assert (done.returncode, done.stderr) == (0, "")
    assert "examples:\n  fieldguide" in done.stdout
    assert {"config", "add", "sync", "summary", "show-batch"} <= set(commands())


def test_every_command_has_help_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands():
        text = said(capsys, command, "--help")
        assert f"usage: fieldguide {command}" in text
        assert "examples:\n" in text
        assert f"fieldguide {command}" in text.partition("examples:\n")[2]


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said(capsys, "--version"))


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["config", "--fly"], ["add", "bears"], ["show-batch", "--pictures", "0"], ["gate", "x"], ["rollout"]],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: fieldguide" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["sumary"], "summary"),
        (["show_batch"], "show-batch"),
        (["Predict", "x"], "predict"),
        (["rollout", "statsu"], "status"),
        (["backtest", "ad", "x"], "add"),
        (["predict", "x", "--format", "cvs"], "csv"),
        (["review", "0f3a", "relable", "x"], "relabel"),
        (["adopt", "3f2a", "--dryrun"], "--dry-run"),
        (["runs", "--newst=3"], "--newest"),
        (["rollout", "status", "--jsn"], "--json"),
    ],
)
def test_wrong_usage_tells_what_may_have_been_meant(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert f"(did you mean {meant}?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "meant"),
    few_daily(
        [
            ("resize=sqish", "squish"),
            ("augment=Strong", "strong"),
            ("sead=1", "seed"),
            ("lr=0.1", "train.lr"),
            ("epoch=3", "train.epochs"),
            ("train.epoch=3", "train.epochs"),
            ("+train.batchsize=3", "train.batch_size"),
            ("resize.methd=pad", "resize.method"),
            ("resize.method=squsih", "squish"),
            ("train.mix=mixp", "mixup"),
            ("+augment.transforms.0.nam=x", "augment.transforms.0.name"),
            ("rollout.champion.dayz=3", "rollout.champion.days"),
        ],
        5,
    ),
)
def test_a_mistake_in_an_override_tells_what_may_have_been_meant(checkout: Paths, override: str, meant: str) -> None:
    done = run_command("config", override, cwd=checkout.root)
    assert f"(did you mean {meant}?)" in done.stderr
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_what_resembles_nothing_gets_no_suggestion(checkout: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fly"])
    assert "did you mean" not in capsys.readouterr().err + run_command("config", "xq=1", cwd=checkout.root).stderr


def test_config_prints_what_is_composed_and_what_an_override_would_make_of_it(checkout: Paths) -> None:
    for overrides in ([], ["resize=pad", "train.lr=0.1"]):
        done = run_command("config", *overrides, cwd=checkout.root)
        assert (done.returncode, done.stderr) == (0, "")
        assert yaml.safe_load(done.stdout) == asdict(compose(checkout, overrides))
    assert compose(checkout).resize.method == "squish"


@pytest.mark.slow
def test_config_prints_names_in_any_alphabet(checkout: Paths) -> None:
    (checkout.conf / "data" / "mine.yaml").write_text("kind: folder\nlabels: {熊: Bär}\n", encoding="utf-8")
    assert "熊: Bär" in run_python("-m", "fieldguide.cli", "config", "data=mine", cwd=checkout.root).stdout


@pytest.mark.parametrize("arguments", [["retrain"], ["rollout", "status"], ["gate"], ["confirm", "3f2a", "bear"]])
def test_outside_a_checkout_nothing_is_made(tmp_path: Path, arguments: list[str]) -> None:
    done = run_command(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fieldguide: params.yaml is missing in {tmp_path}: run this in a checkout\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["config", "resize=stretch"], "fieldguide: override: resize: 'stretch': no such option; choose one of: "),
        (["config", "train.lr=99"], "fieldguide: override train.lr=99: train.lr: "),
        (["add", "a/b", "."], "fieldguide: 'a/b' is not a valid name for a data set"),
        (["add", "bears", "nowhere"], "fieldguide: nowhere is neither a folder nor an address list"),
        (["summary"], "fieldguide: "),
        (["predict", "a.jpg", "--site", "north"], "fieldguide: --site is for the log: add --log"),
        (["confirm", "nowhere.csv"], "fieldguide: nowhere.csv cannot be read (No such file or directory)"),
        (["confirm", "3f2a", "bear"], "fieldguide: 1 of 1 pictures are not in the prediction log (the first: 3f2a)"),
        (["show-batch", "augment=loud"], "fieldguide: override: augment: 'loud': no such option; choose one of: "),
    ],
)
def test_what_a_person_can_put_right_is_one_line_and_exit_code_1(
    checkout: Paths, arguments: list[str], message: str
) -> None:
    done = run_command(*arguments, cwd=checkout.root)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_one_line(checkout: Paths) -> None:
    code = "import sys; sys.stdout = open('/dev/full', 'w'); from fieldguide.cli import main; main(['config'])"
    done = run_python("-c", code, cwd=checkout.root)
    message = "fieldguide: the disk is full (standard output or a temporary file): make room, then start it again\n"
    assert (done.returncode, done.stderr) == (1, message)


@pytest.mark.slow
def test_outside_a_checkout(tmp_path: Path) -> None:
    done = run_python("-m", "fieldguide.cli", "config", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"fieldguide: params.yaml is missing in {tmp_path}: run this in a checkout\n"


NO_PAGE = "there is no page about it: results of earlier stages are not here"


@pytest.mark.slow
def test_every_stage_stops_at_a_mistake_in_params_before_it_starts_work(checkout: Paths) -> None:
    checkout.params.write_text(checkout.params.read_text().replace("epochs: 2", "epochs: 0"))
    for stage in ("config", "download", "clean", "split"):
        done = run_module(f"fieldguide.stages.{stage}", cwd=checkout.root)
        assert done.returncode == 1
        page = f"{stage}: {'the page about it is reports/index.html' if stage != 'split' else NO_PAGE}\n"
        assert done.stdout == page
        assert done.stderr.startswith(f"{stage}: params.yaml: train.epochs: ")
        assert done.stderr.count("\n") == 1
    assert {path.name for path in checkout.root.iterdir()} - {".fieldguide", "reports"} == {"conf", "params.yaml"}


@pytest.mark.slow
def test_the_config_stage_says_that_all_is_well_in_the_same_bytes(checkout: Paths) -> None:
    written = set()
    for lr in ("0.003", "0.1"):
        checkout.params.write_text(checkout.params.read_text().replace("0.003", lr))
        assert run_python("-m", "fieldguide.stages.config", cwd=checkout.root).returncode == 0
        written.add(checkout.metrics("config").read_bytes())
    assert len(written) == 1


@pytest.mark.slow
def test_nothing_heavy_is_imported() -> None:
    modules = ["cli", "data.add", *(f"stages.{stage}" for stage in ("download", "clean", "split", "config"))]
    imports = ", ".join(f"fieldguide.{module}" for module in modules)
    done = run_python("-c", f"import sys, {imports}; print(*sys.modules)", cwd=Path.cwd())
    assert done.returncode == 0
    assert not set(HEAVY) & {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["evaluate", "screen"])
def test_a_stage_looks_for_garbage_less_often_before_it_imports_what_is_slow(stage: str) -> None:
    """Or importing it takes half as long again."""
    code = f"""
import gc, sys
class Watch:
    def find_spec(self, name, *_):
        if name == "scipy":
            print(gc.get_threshold()[0])
            sys.exit()
sys.meta_path.insert(0, Watch())
import fieldguide.stages.{stage}
"""
    assert int(run_python("-c", code, cwd=Path.cwd()).stdout) >= 10_000


@pytest.mark.slow
def test_a_history_without_a_page_loads_what_asks_networks_no_more_than_other_commands(checkout: Paths) -> None:
    code = """
import sys
from fieldguide.cli import main
try:
    main(["explain", "a.jpg"])
except SystemExit:
    print(*sys.modules)
"""
    done = run_python("-c", code, cwd=checkout.root)
    assert not {*HEAVY, "onnxruntime"} & {name.partition(".")[0] for name in done.stdout.split()}, done.stderr


def test_composing_imports_nothing_heavy(checkout: Paths) -> None:
    code = "import sys; from fieldguide.cli import main; main(['config']); print(*sys.modules, file=sys.stderr)"
    done = run_python("-c", code, cwd=checkout.root)
    assert not set(HEAVY) & {name.partition(".")[0] for name in done.stderr.split()}
