"""A value that no job of a sweep could use is refused before the first job, however it is written."""

import pytest

from conftest import few_daily
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.experiments.sweep_values import Plan, check_values, plan_of

STUDY = "# @package _global_\nhydra: {{sweeper: {{params: {{{}}}}}}}\n"


def checked(paths: Paths, *arguments: str) -> Plan:
    plan = plan_of(paths, arguments)
    check_values(paths, plan)
    return plan


@pytest.mark.parametrize(
    ("argument", "named"),
    few_daily(
        [
            ("train.epochs=2,0", "train.epochs=0: train.epochs: "),
            ("train.lr=choice(0.1,99)", "train.lr=99: train.lr: "),
            ("train.epochs=range(0,3)", "train.epochs=0: train.epochs: "),
            ("train.label_smoothing=range(0.5,1.6,0.5)", "train.label_smoothing=1.5: train.label_smoothing: "),
            ("train.lr=interval(0.001,99)", "train.lr=99: train.lr: "),
            ("train.lr=tag(log,interval(0.001,99))", "train.lr=99: train.lr: "),
            ("train.epochs=one,two", "train.epochs=one: train.epochs: "),
            ("train.mix=none,mixp", "did you mean mixup?"),
            ("train.size=64,512", "clean.max_side: clean pictures must not be smaller"),
            ("+sweep=wrong", "train.batch_size=1: train.batch_size: "),
        ],
        5,
    ),
)
def test_a_value_out_of_range_is_refused(checkout: Paths, argument: str, named: str) -> None:
    study = STUDY.format('train.batch_size: "1,16", resize: "crop,pad"')
    (checkout.conf / "sweep" / "wrong.yaml").write_text(study, encoding="utf-8")
    with pytest.raises(UserError) as error:
        checked(checkout, "resize=crop,squish", argument)
    assert named in str(error.value)
    assert "\n" not in str(error.value)


def test_a_study_that_does_not_exist_is_refused(checkout: Paths) -> None:
    with pytest.raises(UserError, match=r"\+sweep=resise: no such study \(did you mean resize\?\); choose one of: "):
        checked(checkout, "+sweep=resise")


def test_what_a_combination_alone_excludes_is_left_to_its_job(checkout: Paths) -> None:
    """head_only goes with no augmentation, and the valid and test shares leave something to train on, in other jobs."""
    plan = checked(checkout, "schedule=one_cycle,head_only", "augment=standard,none", "split.valid=0.1,0.7")
    assert plan.jobs == 8
    assert checked(checkout, "split.valid=0.2,0.7", "split.test=0.2,0.7").jobs == 4


@pytest.mark.parametrize(
    ("arguments", "jobs"),
    [
        (["resize=glob(p*)"], 3),
        (["train.epochs=range(1,5)", "resize=crop"], 4),
        (["+sweep=resize", "train.epochs=1,2"], 10),
        (["train.lr=interval(0.001,0.1)", "resize=crop,pad"], None),
    ],
)
def test_the_number_of_jobs_is_known_but_for_intervals(checkout: Paths, arguments: list[str], jobs: int) -> None:
    assert plan_of(checkout, arguments).jobs == jobs
