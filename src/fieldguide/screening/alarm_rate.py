"""The false alarm rate: promised, measured on the test pictures, and whether enough pictures calibrate it."""

import numpy as np
import pandas as pd

from fieldguide.base.shares import percent, rounded
from fieldguide.data.groups import group_numbers, sequence_numbers
from fieldguide.data.status import Split
from fieldguide.screening.fitting import Fitted
from fieldguide.statistics.intervals import share_interval
from fieldguide.statistics.shares import calibrated_share

BY_SITE = ["site", "pictures", "groups", "alarms", "alarm_rate", "alarm_rate_low", "alarm_rate_high"]


def alarm_figures(screened: pd.DataFrame, fitted: Fitted, promised: float) -> dict[str, float | int | bool]:
    """Counts and rates of alarms, with the 95 % interval on the test split; a warning where too few pictures calibrate.

    Beside the promise is the interval in which the true rate lies by so many calibration pictures of so many groups.

    `screened` has the columns of data/screen.parquet and the groups of the split table, `promised` is the alarm rate
    between 0 and 1.
    """
    calibration = fitted.screen.calibration
    ordinary = calibration.pictures
    tested = screened[screened["split"] == Split.TEST]
    test = tested["out_of_domain"]
    low, high = share_interval(test.to_numpy(bool), group_numbers(tested))
    promised_low, promised_high = calibrated_share(promised, calibration.effective)
    needed = int(np.ceil(1 / promised)) - 1
    if ordinary < needed:
        print(
            f"warning: {ordinary} calibration pictures are too few to promise {percent(promised)} false alarms, which "
            f"needs {needed}: add pictures, or raise split.valid, or alarm_rate in conf/ood/"
        )
    return {
        "alarm_rate_promised": promised,
        "alarm_rate_promised_low": rounded(promised_low, 6),
        "alarm_rate_promised_high": rounded(promised_high, 6),
        "promise_has_enough_pictures": ordinary >= needed,
        "calibration_pictures": ordinary + fitted.outliers,
        "calibration_groups": calibration.groups,
        "calibration_strangers": fitted.outliers,
        "test_pictures": len(test),
        "test_alarms": int(test.sum()),
        "test_alarm_rate": rounded(float(test.mean()), 6),
        "test_alarm_rate_low": rounded(low, 6),
        "test_alarm_rate_high": rounded(high, 6),
    }


def alarms_by_site(screened: pd.DataFrame) -> pd.DataFrame:
    """How many pictures of each site raise the alarm, on whatever side they are; no rows where no site is known.

    Parameters
    ----------
    screened
        The columns of data/screen.parquet, and of the split table group, site, time and sequence.

    Returns
    -------
    The columns BY_SITE: the share of alarms with its 95 % interval, by groups, which are sequences within a site. The
    sites where most alarms are certain come first.
    """
    known = screened[screened["site"].notna()].reset_index(drop=True)
    groups, rows = sequence_numbers(known), []
    for site, places in known.groupby("site").groups.items():
        alarms, among = known.loc[places, "out_of_domain"].to_numpy(bool), groups[places]
        interval = share_interval(alarms, among)
        rows.append((site, len(alarms), len(set(among)), int(alarms.sum()), float(alarms.mean()), *interval))
    table = pd.DataFrame(rows, columns=BY_SITE)
    return table.sort_values(["alarm_rate_low", "site"], ascending=[False, True], ignore_index=True)
