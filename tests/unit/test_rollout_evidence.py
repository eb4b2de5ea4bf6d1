"""What the prediction log says of a version in a step of its roll-out."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fieldguide.base.config import RolloutConfig, RolloutNeeds
from fieldguide.base.git import user_or_account_name
from fieldguide.base.paths import Paths
from fieldguide.prediction.log import Logged, confirm_labels, log_predictions, read_confirmed, read_log
from fieldguide.release.rollout.evidence import seen

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


def needs(
    tmp_path: Path, wanted: RolloutNeeds, champion: int | None = 1, since: datetime = DAY, screened: bool = True
) -> dict[str, tuple[str, bool]]:
    """What version 2 in shadow has: 10 pictures on 2 days, 8 as the champion says, 4 confirmed and 3 of them right."""
    paths = Paths(tmp_path)
    for day in range(2):
        rows = []
        for number in range(day * 5, day * 5 + 5):
            rows.append(Logged(f"{number}", 1, "champion", "bear", 0.9))
            alarm = number == 0 if screened else None
            rows.append(Logged(f"{number}", 2, "shadow", "teddy" if number < 2 else "bear", 0.9, out_of_domain=alarm))
        log_predictions(paths.log, [*rows, *rows], DAY + timedelta(days=day))  # asked twice, counts once
    log_predictions(paths.log, [Logged("99", 2, "limited", "bear", 0.9)], DAY)
    confirm_labels(paths.log, [("0", "teddy"), ("1", "bear"), ("2", "bear"), ("3", "bear")], "Ann")
    found = seen(wanted, read_log(paths), read_confirmed(paths), "shadow", since, 2, champion)
    return {need.name: (need.found, need.met) for need in found}


def test_the_evidence_of_a_step_is_counted_by_picture(tmp_path: Path) -> None:
    wanted = RolloutNeeds(
        predictions=10, days=2, agreement=0.8, confirmed=4, confirmed_accuracy=0.75, max_alarm_rate=0.1
    )
    assert needs(tmp_path, wanted) == {
        "predictions": ("10", True),
        "days": ("2", True),
        "agreement with the champion": ("0.800 of 10", True),
        "confirmed labels": ("4", True),
        "confirmed predictions that are right": ("0.750 of 4", True),
        "out-of-domain alarms": ("0.100 of 10", True),
    }


def test_what_is_not_enough_is_not_met(tmp_path: Path) -> None:
    wanted = RolloutNeeds(
        predictions=11, days=3, agreement=0.81, confirmed=5, confirmed_accuracy=0.76, max_alarm_rate=0.09
    )
    assert not any(met for _, met in needs(tmp_path, wanted).values())


def test_nothing_is_needed_where_nothing_is_asked_and_nobody_to_agree_with_without_a_champion(tmp_path: Path) -> None:
    assert needs(tmp_path, RolloutConfig().limited) == {}
    assert set(needs(tmp_path, RolloutNeeds(agreement=0.9, days=1), champion=None)) == {"days"}


def test_alarms_that_nobody_measured_are_missing(tmp_path: Path) -> None:
    found = needs(tmp_path, RolloutNeeds(max_alarm_rate=0.3), screened=False)
    assert found == {"out-of-domain alarms": ("no prediction in the log has a p-value", False)}


def test_what_a_version_said_in_an_earlier_stay_is_no_evidence(tmp_path: Path) -> None:
    wanted = RolloutNeeds(predictions=6, days=2, agreement=0.8, confirmed=1, max_alarm_rate=0.5)
    assert needs(tmp_path, wanted, since=DAY + timedelta(hours=1)) == {
        "predictions": ("5", False),
        "days": ("1", False),
        "agreement with the champion": ("1.000 of 5", False),
        "confirmed labels": ("0", False),
        "out-of-domain alarms": ("0.000 of 5", False),
    }


def test_a_move_has_an_actor_where_the_account_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setattr("os.getuid", lambda: 123456789)
    assert user_or_account_name(tmp_path) == "user 123456789"
