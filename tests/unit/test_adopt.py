"""Adopting a run writes what it had chosen into a checkout, and nothing else."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.reproduction.adopt import adopted_texts
from fieldguide.reproduction.run_record import Run


@pytest.fixture
def home(checkout: Paths) -> Paths:
    write_text(checkout.sources / "sample" / "README.md", "Drawn.\n")
    return checkout


def run_of(paths: Paths, *overrides: str, name: str = "a run") -> Run:
    """The record of a run with these overrides."""
    config = asdict(compose(paths, overrides))
    return Run(
        name=name,
        title=name,
        key="0",
        choices=config.pop("choices"),
        config=config,
        overrides=[],
        stages=[],
        machine={},
        inputs={},
        metrics={},
        **dict.fromkeys(("code", "commit", "diff", "lock", "packages", "model_sha256"), ""),
    )


def adopted(paths: Paths, run: Run) -> dict[str, str]:
    """Adopt, and return the texts by their paths from the checkout."""
    texts = adopted_texts(paths, run)
    for path, text in texts.items():
        write_text(path, text)
    return {path.relative_to(paths.checkout).as_posix(): text for path, text in texts.items()}


def config_of(paths: Paths) -> dict[str, Any]:
    config = asdict(compose(paths))
    del config["choices"]
    return config


def test_choices_and_numbers_go_into_params_and_comments_stay(home: Paths) -> None:
    overrides = ["resize=pad", "train.lr=0.00001", "clean.jpeg_quality=80", "evaluate.bootstrap=500", "seed=7"]
    run, before = run_of(home, *overrides), home.params.read_text(encoding="utf-8")
    texts = adopted(home, run)
    assert list(texts) == ["params.yaml"]
    assert config_of(home) == run.config
    expected = before.replace("squish", "pad").replace("0.003     ", "0.00001   ").replace("seed: 42", "seed: 7")
    expected = expected.replace("min_side: 32}", "min_side: 32, jpeg_quality: 80}")
    assert texts["params.yaml"] == expected + "evaluate:\n  bootstrap: 500\n"


def test_line_ends_of_windows_stay_in_params_and_in_option_files(home: Paths) -> None:
    run = run_of(home, "resize=random_crop", "resize.min_scale=0.5", "seed=7")
    option = home.conf / "resize" / "random_crop.yaml"
    for path in (home.params, option):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = home.params.read_bytes(), option.read_bytes()
    texts = adopted(home, run)
    expected = before[0].replace(b"resize: squish", b"resize: random_crop_min_scale_0.5")
    assert home.params.read_bytes() == expected.replace(b"seed: 42", b"seed: 7")
    _, _, text = texts["conf/resize/random_crop_min_scale_0.5.yaml"].partition("\n")
    old, new = before[1].decode().split("\r\n"), text.split("\r\n")
    assert [line for line in new if line not in old] == [line for line in new if line.startswith("min_scale: 0.5 ")]
    assert len(old) == len(new)


def test_what_the_checkout_says_already_changes_nothing(home: Paths) -> None:
    assert adopted(home, run_of(home)) == {}


def test_loader_processes_stay_a_persons_own(home: Paths) -> None:
    assert adopted(home, run_of(home, "train.workers=7")) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "file", "line"),
    [
        (
            ["resize=random_crop", "resize.min_scale=0.5"],
            "resize/random_crop_min_scale_0.5",
            "min_scale: 0.5    # share",
        ),
        (["schedule=fine_tune", "schedule.freeze_epochs=2"], "schedule/fine_tune_freeze_epochs_2", "freeze_epochs: 2"),
        (["augment.transforms.1.degrees=15"], "augment/standard_rotate_degrees_15.0", "degrees: 15.0}"),
        (["augment.transforms=[{name: flip, p: 0.3}]"], "augment/standard_of_a-run", "- name: flip\n    p: 0.3\n"),
        (["+model.options.drop_rate=0.1"], "model/tiny_of_a-run", "drop_rate: 0.1"),
        (["checks.expectations.two_labels.kwargs.min_value=3"], "checks/few_min_value_3", "{min_value: 3}"),
    ],
)
def test_an_override_inside_an_option_becomes_an_option_file(
    home: Paths, overrides: list[str], file: str, line: str
) -> None:
    run = run_of(home, *overrides)
    texts = adopted(home, run)
    assert list(texts) == [f"conf/{file}.yaml", "params.yaml"]
    text = texts[f"conf/{file}.yaml"]
    assert text.startswith("# ") and text.partition("\n")[0].endswith("s in the run a run.")
    assert line in text
    after = asdict(compose(home))
    group, _, option = file.partition("/")
    assert after.pop("choices")[group] == option
    assert after == run.config
    assert adopted(home, run) == {}  # the same run once more finds the file that it needs
    assert adopted(home, run_of(home)) == {}


def test_reasons_in_an_option_file_stay(home: Paths) -> None:
    run = run_of(home, "+augment.transforms.0.p=0.25")
    (_, text), *_ = adopted(home, run).items()
    old = (home.conf / "augment" / "standard.yaml").read_text(encoding="utf-8")
    assert text.partition("\n")[2] == old.replace("{name: flip}         ", "{name: flip, p: 0.25}")


def test_an_option_that_is_gone_is_made_from_the_record(home: Paths) -> None:
    write_text(home.conf / "resize" / "mine.yaml", "method: random_crop\nmin_scale: 0.6\n")
    run = run_of(home, "resize=mine")
    (home.conf / "resize" / "mine.yaml").unlink()
    texts = adopted(home, run)
    assert list(texts) == ["conf/resize/mine.yaml", "params.yaml"]
    assert texts["conf/resize/mine.yaml"].startswith("# As in the run a run.\n")
    assert config_of(home)["resize"] == {"method": "random_crop", "min_scale": 0.6, "max_scale": 1.0}


@pytest.mark.slow
def test_an_option_file_that_says_other_things_by_now_stays(home: Paths) -> None:
    run = run_of(home, "resize=pad")
    pad = home.conf / "resize" / "pad.yaml"
    write_text(pad, "method: pad\npad_mode: border\n")
    (home.conf / "resize" / "pad_border.yaml").unlink()
    texts = adopted(home, run)
    assert list(texts) == ["conf/resize/pad_pad_mode_zeros.yaml", "params.yaml"]
    assert pad.read_text(encoding="utf-8") == "method: pad\npad_mode: border\n"
    assert config_of(home)["resize"]["pad_mode"] == "zeros"


def test_a_data_set_keeps_its_name_and_place(home: Paths) -> None:
    texts = adopted(home, run_of(home, "data.pictures=60"))
    assert list(texts) == ["conf/data/sample.yaml"]
    assert "pictures: 60    # ordinary" in texts["conf/data/sample.yaml"]
    assert texts["conf/data/sample.yaml"].startswith("# Drawn bears")


def test_what_cannot_be_taken_over_is_one_line_and_changes_nothing(home: Paths) -> None:
    before = {path: path.read_bytes() for path in home.checkout.rglob("*") if path.is_file()}
    run = run_of(home, "resize=pad")
    unknown = replace(run, config={**run.config, "train": {**run.config["train"], "momentum": 0.9}})
    section = replace(run, config={**run.config, "weather": {"share": 0.1}})
    value = replace(run, config={**run.config, "train": {**run.config["train"], "mix": "mosaic"}})
    data = replace(run, choices={**run.choices, "data": "bears"}, config={**run.config, "data": {"kind": "folder"}})
    for broken, line in (
        (unknown, "params.yaml cannot take the choices of a run: this version has no train.momentum"),
        (section, "params.yaml cannot take the choices of a run: this version has no weather.share"),
        (value, "params.yaml cannot take the choices of a run: params.yaml: train.mix: "),
        (data, "the run's data set 'bears' is missing: there is no data/sources/bears"),
    ):
        with pytest.raises(UserError) as raised:
            adopted_texts(home, broken)
        assert str(raised.value).startswith(line)
        assert "\n" not in str(raised.value)
    assert {path: path.read_bytes() for path in home.checkout.rglob("*") if path.is_file()} == before
