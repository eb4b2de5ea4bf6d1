"""The false alarm rate: promised, measured on the test pictures, and whether enough pictures calibrate it."""

import numpy as np
import pandas as pd

from fieldguide.data.status import Split
from fieldguide.screening.fitting import Fitted
from fieldguide.statistics.intervals import calibrated_share, wilson


def alarm_figures(screened: pd.DataFrame, fitted: Fitted, promised: float) -> dict[str, float | int | bool]:
    """Counts and rates of alarms, with the 95 % interval on the test split; a warning where too few pictures calibrate.

    Beside the promise is the interval in which the true rate lies by so many calibration pictures.

    `screened` has the columns of data/screen.parquet, `promised` is the alarm rate between 0 and 1.
    """
    ordinary = fitted.calibrated_by - fitted.outliers
    test = screened.loc[screened["split"] == Split.TEST, "out_of_domain"]
    low, high = wilson(int(test.sum()), len(test))
    promised_low, promised_high = calibrated_share(promised, ordinary)
    needed = int(np.ceil(1 / promised)) - 1
    if ordinary < needed:
        print(
            f"warning: {ordinary} calibration pictures are too few to promise {promised:.1%} false alarms, which needs "
            f"{needed}: add pictures, or raise split.valid, or alarm_rate in conf/ood/"
        )
    return {
        "alarm_rate_promised": promised,
        "alarm_rate_promised_low": round(promised_low, 6),
        "alarm_rate_promised_high": round(promised_high, 6),
        "promise_has_enough_pictures": ordinary >= needed,
        "calibration_pictures": fitted.calibrated_by,
        "calibration_strangers": fitted.outliers,
        "test_pictures": len(test),
        "test_alarms": int(test.sum()),
        "test_alarm_rate": round(float(test.mean()), 6),
        "test_alarm_rate_low": round(low, 6),
        "test_alarm_rate_high": round(high, 6),
    }
