"""Temperature scaling: one number that makes a classifier's probabilities mean what they say."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax

LOWEST, HIGHEST = 0.05, 20.0
SPREAD = 0.5  # of the prior on the temperature's logarithm: networks are seldom off by more than a factor of e
INTERVAL = 1.92  # half the 95 % quantile of the chi-square distribution with one degree of freedom


def fit_temperature(logits: NDArray[np.float64], targets: NDArray[np.intp]) -> float:
    """The temperature nearest to 1 that pictures on which the network was not trained do not contradict.

    The temperature with the least log loss (Guo et al. 2017) is a poor estimate where it rests on a few mistakes: with
    none it runs to zero, and every later mistake is then made with full confidence. So the fit has a normal prior on
    the temperature's logarithm, and of its 95 % interval (by the likelihood ratio, Wilks 1938) the end nearest to 1 is
    taken, or 1 itself. With many pictures the interval is narrow. `bench/temperature.py` compares this with other fits.

    Parameters
    ----------
    logits
        (n, labels), n at least 1.
    targets
        (n,) positions of the true labels.

    Returns
    -------
    Between 0.05 and 20, to four digits; exactly 1 where the pictures do not show that another one is better.
    """
    rows = np.arange(len(targets))

    def misfit(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, targets].sum() + log_temperature**2 / (2 * SPREAD**2))

    best = float(minimize_scalar(misfit, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded").x)
    bound = misfit(best) + INTERVAL
    if misfit(0.0) <= bound:
        return 1.0
    return round(float(np.exp(brentq(lambda value: misfit(value) - bound, best, 0.0))), 4)
