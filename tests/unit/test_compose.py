"""The configuration: what may be written where, and what is said about what may not."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import product, zip_longest
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from configuration_reference import params_comments
from conftest import few_daily, run_python
from fieldguide.base.config import GROUPS
from fieldguide.base.errors import UserError
from fieldguide.base.option_files import options_of, read_params
from fieldguide.base.paths import Paths
from fieldguide.base.schedules import OneCycle
from fieldguide.configuration.compose import compose, validate
from fieldguide.data.sources.folder import FolderData
from fieldguide.data.sources.sample import SampleData

CONF = Path(__file__).resolve().parents[2] / "conf"
FILES = sorted(path.relative_to(CONF).with_suffix("").as_posix() for path in CONF.glob("*/*.yaml"))
OPTIONS = [file for file in FILES if not file.startswith("sweep/")]
STUDIES = [file.partition("/")[2] for file in FILES if file.startswith("sweep/")]  # what `fieldguide sweep` varies


def rows_of_options() -> list[tuple[str | None, ...]]:
    """Every option, in few configurations: one of each group at a time, head_only beside what goes with it."""
    first = ("schedule/head_only", "augment/none", "resize/squish")
    groups = [[option for option in OPTIONS if option.startswith(f"{group}/")] for group in GROUPS]
    return list(zip_longest(*(sorted(options, key=lambda option: option not in first) for options in groups)))


def refused(paths: Paths, *overrides: str) -> str:
    with pytest.raises(UserError) as error:
        compose(paths, overrides)
    message = str(error.value)
    assert "\n" not in message
    assert str(paths.root) not in message
    return message


def edit(paths: Paths, old: str, new: str) -> None:
    text = paths.params.read_text(encoding="utf-8")
    assert old in text
    paths.params.write_text(text.replace(old, new), encoding="utf-8")


def test_every_group_has_options() -> None:
    assert {option.partition("/")[0] for option in OPTIONS} == set(GROUPS)


@pytest.mark.parametrize(
    "options", few_daily([(row,) for row in rows_of_options()], 5), ids=lambda options: " ".join(filter(None, options))
)
def test_every_option_of_every_group_is_composed_and_validated(
    checkout: Paths, options: tuple[str | None, ...]
) -> None:
    chosen = dict(option.split("/") for option in options if option)
    config = compose(checkout, [f"{group}={name}" for group, name in chosen.items()])
    assert config.choices.items() >= chosen.items()
    assert all(asdict(config)[group] for group in chosen)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "params.yaml: augment: schedule head_only computes the features"),
        (["augment=strong"], "override augment=strong: augment: schedule head_only computes the features"),
        (["augment=none", "resize=random_crop"], "override resize=random_crop: resize: "),
        (["augment=none", "train.mix=mixup"], "override train.mix=mixup: train.mix: "),
    ],
)
def test_a_frozen_body_sees_every_picture_in_one_way(checkout: Paths, overrides: list[str], message: str) -> None:
    assert refused(checkout, "schedule=head_only", *overrides).startswith(message)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_file_opens_with_a_comment_and_holds_plain_values(option: str) -> None:
    text = (CONF / f"{option}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "${" not in text
    assert not re.search(r"^defaults:|: [\"']?(/|~/)", text, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_every_combination_of_a_ready_made_study_is_valid(study: str) -> None:
    text = (CONF / "sweep" / f"{study}.yaml").read_text(encoding="utf-8")
    first, command, *rest = text.splitlines()
    assert first == "# @package _global_"
    assert command == f"# fieldguide sweep +sweep={study}"
    assert rest[0].startswith("# Time: ")
    assert "# Look for: " in text
    content = yaml.safe_load(text)
    params = content["hydra"]["sweeper"]["params"]
    assert content == {"hydra": {"sweeper": {"params": params}}}
    combinations = list(product(*([f"{key}={value}" for value in str(params[key]).split(",")] for key in params)))
    assert len(combinations) > 1
    for overrides in combinations:
        compose(Paths(CONF.parent), overrides)


def test_the_checkout_itself_composes() -> None:
    config = compose(Paths(CONF.parent))
    assert set(config.choices) == set(GROUPS)


def test_what_params_and_options_say_is_what_a_stage_gets(checkout: Paths) -> None:
    config = compose(checkout)
    assert (config.train.epochs, config.train.lr, config.seed) == (2, 0.003, 42)
    assert config.data == SampleData("sample", pictures=860, seed=42)
    assert config.resize.method == "squish"
    assert config.schedule == OneCycle("one_cycle", 0.25)
    assert [transform.name for transform in config.augment.transforms][:2] == ["flip", "rotate"]
    assert config.checks.expectations["two_labels"].kwargs == {"min_value": 2}


def test_overrides_choose_options_and_set_values(checkout: Paths) -> None:
    config = compose(checkout, ["resize=pad", "train.lr=0.1", "data.pictures=50", "+model.options.drop_rate=0.2"])
    assert config.choices["resize"] == config.resize.method == "pad"
    assert (config.train.lr, config.data.pictures) == (0.1, 50)
    assert config.model.options["drop_rate"] == 0.2
    assert compose(checkout).resize.method == "squish"


def test_two_checkouts_in_one_process_do_not_mix(checkout: Paths, tmp_path: Path) -> None:
    other = Paths(tmp_path / "other")
    (other.conf / "data").mkdir(parents=True)
    for group in GROUPS[1:]:
        (other.conf / group).symlink_to(checkout.conf / group)
    (other.conf / "data" / "mine.yaml").write_text("kind: folder\nlabels: {a: b}\n")
    other.params.write_text(checkout.params.read_text().replace("data: sample", "data: mine").replace("42", "7"))
    assert (compose(other).data, compose(other).seed) == (FolderData("folder", {"a": "b"}), 7)
    assert (compose(checkout).data.kind, compose(checkout).seed) == ("sample", 42)


PARAMS_FAULTS = {
    "unknown option": ("data: sample", "data: bears", "data: 'bears'", "choose one of: sample"),
    "no option": ("resize: squish", "resize:", "resize: None", "pad_reflection, random_crop, squish"),
    "missing group": ("model: tiny\n", "", "model: None", "resnet18"),
    "option that is a path": ("resize: squish", "resize: ../data/sample", "resize: '../data/sample'", "squish"),
    "unknown key": ("seed: 42", "sead: 42", "sead", "known: data, resize"),
    "hydra's own key": ("seed: 42", "hydra: {run: {dir: x}}", "hydra", "known: data, resize"),
    "defaults": ("seed: 42", "defaults: [other]", "defaults", "known: data, resize"),
    "number as key": ("seed: 42", "5: 42", "5", "known: data, resize"),
    "unknown key in a section": ("epochs: 2", "epoch: 2", "train.epoch", "known: size, epochs"),
    "word for a number": ("epochs: 2", "epochs: two", "train.epochs: Value 'two'", "Integer"),
    "fraction for a count": ("epochs: 2", "epochs: 2.5", "train.epochs: Value '2.5'", "Integer"),
    "nothing for a number": ("epochs: 2", "epochs:", "train.epochs: Incompatible value 'None'", "int"),
    "list for a number": ("epochs: 2", "epochs: [2]", "train.epochs: Value '[2]'", "Integer"),
    "truth for a number": ("epochs: 2", "epochs: true", "train.epochs: Value 'True'", "Integer"),
    "out of range": ("epochs: 2", "epochs: 0", "train.epochs: ", "greater than or equal to 1 (given: 0)"),
    "no such word": (
        "epochs: 2",
        "epochs: 2\n  mix: blend",
        "train.mix: ",
        "one of: none, mixup, cutmix (given: 'blend')",
    ),
    "no number": ("lr: 0.003", "lr: .nan", "train.lr: ", "(given: nan)"),
    "infinite": ("lr: 0.003", "lr: .inf", "train.lr: ", "at most 10, or `find` (given: inf)"),
    "negative": ("seed: 42", "seed: -1", "seed: ", "greater than or equal to 0 (given: -1)"),
    "nothing left to train on": ("valid: 0.25", "valid: 0.8", "split: ", "(given: 0.8 + 0.25)"),
    "scalar section": ("{max_side: 320, min_side: 32}", "5", "clean: ", "(given: 5); known: max_side, min_side"),
    "list section": ("{max_side: 320, min_side: 32}", "[5]", "clean: ", "(given: [5]); known: max_side"),
    "empty section": ("{max_side: 320, min_side: 32}", "", "clean: ", "(given: None); known: max_side"),
    "reference": ("seed: 42", "seed: ${sead}", "seed: ", "plain values"),
    "copies below what is seen": ("max_side: 320", "max_side: 100", "clean.max_side: ", "(given: 100, train.size 128)"),
    "tab": ("seed: 42", "a:\n\tb: 1", "is not valid YAML", "line"),
    "same key twice": ("seed: 42", "seed: 42\nseed: 43", "is not valid YAML", "duplicate key seed"),
}


@pytest.mark.parametrize("fault", few_daily(PARAMS_FAULTS, 4))
def test_a_mistake_in_params_is_one_line_with_file_key_value_and_what_is_allowed(checkout: Paths, fault: str) -> None:
    old, new, named, allowed = PARAMS_FAULTS[fault]
    edit(checkout, old, new)
    message = refused(checkout)
    assert message.startswith("params.yaml")
    assert named in message
    assert allowed in message


OPTION_FAULTS = {
    "nothing": ("data/sample", "", "data: `kind` is missing", "folder, sample"),
    "unknown kind": ("data/sample", "kind: ftp", "'ftp'", "one of: folder, sample"),
    "unknown key of a kind": ("data/sample", "kind: sample\nlabels: {}", "data.labels", "known: kind, pictures, seed"),
    "range": ("data/sample", "kind: sample\npictures: 3", "data.pictures", "greater than or equal to 30 (given: 3)"),
    "type": ("data/sample", "kind: sample\npictures: many", "data.pictures", "integer"),
    "label that is a path": ("data/sample", "kind: folder\nlabels: {a: ../b}", "data.labels.a", "(given: '../b')"),
    "hidden label": ("data/sample", "kind: folder\nlabels: {a: .b}", "data.labels.a", "(given: '.b')"),
    "method": ("resize/squish", "method: stretch", "resize.method: ", "crop, pad, random_crop, squish"),
    "no method": ("resize/squish", "", "resize: `method` is missing", "crop, pad, random_crop, squish"),
    "scales": ("resize/squish", "method: random_crop\nmin_scale: 1\nmax_scale: 0.5", "resize", "(given: 1.0, 0.5)"),
    "unknown key": ("resize/squish", "method: crop\nmin_scale: 1", "resize.min_scale", "known: method"),
    "pad mode": ("resize/squish", "method: pad\npad_mode: white", "resize.pad_mode", "'zeros', 'border'"),
    "defaults": ("resize/squish", "defaults: [crop]\nmethod: crop", "defaults", "stands alone"),
    "environment": ("resize/squish", "method: ${oc.env:HOME}", "${...}", "plain values"),
    "list": ("resize/squish", "- crop", "", "key: value"),
    "bad yaml": ("resize/squish", "method: [crop", "is not valid YAML", "in line"),
    "unknown transform": (
        "augment/standard",
        "transforms: [{name: fog}]",
        "augment.transforms.0",
        "flip, gray",
    ),
    "nameless transform": (
        "augment/standard",
        "transforms: [{p: 1}]",
        "augment.transforms.0: `name`",
        "flip, gray",
    ),
    "transform's key": (
        "augment/standard",
        "transforms: [{name: flip}, {name: flip, q: 1}]",
        "augment.transforms.1.q",
        "known: name, p (given: 1)",
    ),
    "transform's range": (
        "augment/standard",
        "transforms: [{name: flip, p: 2}]",
        "augment.transforms.0.p",
        "(given: 2)",
    ),
    "no architecture": ("model/tiny", "weights: random", "model.arch", "missing"),
    "hash": ("model/tiny", "arch: x\nweights_sha256: abc", "model.weights_sha256", "(given: 'abc')"),
    "schedule": ("schedule/one_cycle", "name: cosine", "'cosine'", "fine_tune, head_only"),
    "schedule's range": ("schedule/one_cycle", "name: one_cycle\nwarmup_share: 2", "schedule.warmup_share", "given: 2"),
    "severity": (
        "checks/few",
        "expectations: {a: {table: labels, type: expect_x, severity: fatal}}",
        "checks.expectations.a.severity",
        "must be one of: error, warning (given: 'fatal')",
    ),
    "check's key": (
        "checks/few",
        "expectations: {a: {table: labels, type: expect_x, severity: error, mostly: 1}}",
        "checks.expectations.a.mostly",
        "known: table, type, severity, kwargs",
    ),
    "half a check": ("checks/few", "expectations: {a: {table: labels}}", "checks.expectations.a", "missing"),
}


@pytest.mark.parametrize("fault", few_daily(OPTION_FAULTS, 4))
def test_a_mistake_in_an_option_file_names_that_file(checkout: Paths, fault: str) -> None:
    option, text, named, allowed = OPTION_FAULTS[fault]
    (checkout.conf / f"{option}.yaml").write_text(f"{text}\n", encoding="utf-8")
    message = refused(checkout)
    assert message.startswith(f"conf/{option}.yaml")
    assert named in message
    assert allowed in message


def test_an_option_that_is_not_chosen_may_be_half_written(checkout: Paths) -> None:
    (checkout.conf / "resize" / "pad.yaml").write_text("method: [")
    assert compose(checkout).resize.method == "squish"
    assert refused(checkout, "resize=pad").startswith("conf/resize/pad.yaml is not valid YAML")


@pytest.mark.parametrize(
    ("override", "named", "allowed"),
    few_daily(
        [
            ("resize=stretch", "resize: 'stretch'", "crop, pad, pad_border, pad_reflection, random_crop, squish"),
            ("model=null", "model: None", "resnet18"),
            ("~data", "data: write data=OPTION", "sample"),
            ("+resize=pad", "resize: write resize=OPTION", "squish"),
            ("resize@other=pad", "resize: write resize=OPTION", "squish"),
            ("hydra/launcher=basic", "hydra: no such key", "resize"),
            ("train.lr=99", "train.lr=99: train.lr", "at most 10, or `find` (given: 99)"),
            ("train.lr=fast", "train.lr=fast: train.lr", "(given: 'fast')"),
            ("train.rate=1", "train.rate=1: train.rate", "known: size, epochs, lr"),
            ("+train.rate=1", "+train.rate=1: train.rate", "known: size, epochs, lr"),
            ("data.pictures=3", "data.pictures=3: data.pictures", "(given: 3)"),
            ("data.labels=3", "data.labels=3: data.labels", "+KEY=VALUE"),
            ("+data.size=3", "+data.size=3: data.size", "known: kind, pictures, seed"),
            ("+augment.transforms.0.p=3", "augment.transforms.0.p=3: augment.transforms.0.p", "(given: 3)"),
            ("sead=1", "sead=1: sead", "known: data, resize"),
            ("choices.data=x", "choices.data=x", "known: data, resize"),
            ("hydra.run.dir=x", "hydra.run.dir=x: hydra", "known: data, resize"),
            ("train=5", "train=5: train", "TrainConfig"),
            ("resize=crop,pad", "'resize=crop,pad'", "sweep"),
            ("train.lr=0.1,0.2", "'train.lr=0.1,0.2'", "sweep"),
            ("resize", "'resize'", "key=value"),
            ("train.lr=[1", "'train.lr=[1'", "key=value"),
            ("~seed", "~seed: a value cannot be taken away", "KEY=VALUE"),
            ("~train", "~train: a value cannot be taken away", "KEY=VALUE"),
            ("~train.lr=0.003", "~train.lr=0.003: a value cannot be taken away", "KEY=VALUE"),
        ],
        4,
    ),
)
def test_a_mistake_in_an_override_names_the_override(checkout: Paths, override: str, named: str, allowed: str) -> None:
    message = refused(checkout, override)
    assert message.startswith("override")
    assert named in message
    assert allowed in message


@pytest.mark.parametrize("key", few_daily(["resize", "seed", "train", "train.lr", "data.kind", "nothing", "hydra"], 4))
@pytest.mark.parametrize("length", [300, 100_000])
def test_a_long_value_does_not_make_a_long_message(checkout: Paths, key: str, length: int) -> None:
    assert len(refused(checkout, f"{key}={'a' * length}")) < 700


@pytest.mark.parametrize(
    ("overrides", "missing", "message"),
    [
        (["~train.lr"], "", "override ~train.lr: a value cannot be taken away"),
        (["~resize"], "resize", "override: resize: None: no such option; choose one of: crop, pad"),
        (
            [r"seed=$\{hydra\:job.num\}"],
            "",
            r"override seed=$\{hydra\:job.num\}: it refers to this sweep alone: write the value",
        ),
    ],
)
def test_a_mistake_that_hydra_lets_pass_in_a_sweep(
    checkout: Paths, overrides: list[str], missing: str, message: str
) -> None:
    chosen = {group: option for group, option in compose(checkout).choices.items() if group != missing}
    with pytest.raises(UserError) as error:
        validate(checkout, overrides, chosen, OmegaConf.create())
    assert str(error.value).startswith(message)


def test_a_file_of_an_overridden_choice_is_named(checkout: Paths) -> None:
    (checkout.conf / "resize" / "pad.yaml").write_text("method: stretch\n")
    assert refused(checkout, "resize=pad").startswith("conf/resize/pad.yaml: resize.method: ")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: file.unlink(), "params.yaml is missing"),
        (lambda file: file.write_text("- a\n"), "params.yaml must hold `key: value` lines"),
        (lambda file: file.write_bytes(b"# \xff\n"), "params.yaml is not UTF-8"),
    ],
)
def test_params_that_cannot_be_read_at_all(checkout: Paths, write: Callable[[Path], None], message: str) -> None:
    write(checkout.params)
    with pytest.raises(UserError, match=message):
        compose(checkout)


def test_an_option_file_that_is_not_utf_8(checkout: Paths) -> None:
    (checkout.conf / "data" / "sample.yaml").write_bytes(b"kind: sample # \xff\n")
    assert refused(checkout).startswith("conf/data/sample.yaml is not UTF-8")


def test_options_and_params_can_be_read_alone(checkout: Paths) -> None:
    assert options_of(checkout, "resize") == ["crop", "pad", "pad_border", "pad_reflection", "random_crop", "squish"]
    assert read_params(checkout)["train"] == {"epochs": 2, "lr": 0.003}


def test_params_names_all_options_of_every_group() -> None:
    comments = params_comments(Paths(CONF.parent))
    assert "conf/data/*.yaml" in comments["data"]
    for group in GROUPS[1:]:
        named = comments[group].rpartition(": ")[2].split(" | ")
        assert sorted(named) == options_of(Paths(CONF.parent), group), f"params.yaml: {group}: name its options"


@pytest.mark.slow
def test_what_is_not_loaded_stays_as_it_is_written(checkout: Paths) -> None:
    """A stage that reads no option of a group need not have its operations; nor does it take defaults for granted."""
    code = (
        "from pathlib import Path\n"
        "from fieldguide.base.compose import compose\n"
        "from fieldguide.base.paths import Paths\n"
        "cfg = compose(Paths(Path.cwd()), ['resize=random_crop', '~resize.max_scale'])\n"
        "print(cfg.resize, cfg.augment.transforms[0], type(cfg.schedule).__name__)\n"
        "import fieldguide.data.resizing\n"
        "print(compose(Paths(Path.cwd()), ['resize=random_crop', '~resize.max_scale']).resize)"
    )
    done = run_python("-c", code, cwd=checkout.root)
    assert done.stdout.splitlines() == [
        "{'method': 'random_crop', 'min_scale': 0.35} {'name': 'flip'} OneCycle",
        "RandomCrop(method='random_crop', min_scale=0.35, max_scale=1.0)",
    ], done.stderr


@pytest.mark.slow
def test_threads_may_compose_at_once(checkout: Paths) -> None:
    wanted = compose(checkout, ["resize=pad"])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: compose(checkout, ["resize=pad"]), range(16)))
    assert found == [wanted] * 16
