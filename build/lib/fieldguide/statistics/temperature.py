"""Temperature scaling: one number that makes a classifier's probabilities mean what they say."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax

Logits = NDArray[np.float64]  # (n, labels), n at least 1
Targets = NDArray[np.intp]  # (n,), positions of the true labels

LOWEST, HIGHEST = 0.05, 20.0
SPREAD = 0.5  # of the prior on the temperature's logarithm: networks are seldom off by more than a factor of e
INTERVAL = 1.92  # half the 95 % quantile of the chi-square distribution with one degree of freedom
EVIDENCE = float(np.log(20))  # a wrong temperature is that much likelier than 1 in at most 5 % of samples (Royall 1997)
LOWEST_OF_SMOOTHING = 0.7  # what undoes label smoothing of 0.1 at an accuracy of 0.98, about


def fit_temperature(logits: Logits, targets: Targets, label_smoothing: float = 0.0) -> float:
    """The temperature nearest to what is expected that pictures on which the network was not trained do not contradict.

    The temperature with the least log loss (Guo et al. 2017) is a poor estimate where it rests on a few mistakes: with
    none it runs to zero, and every later mistake is then made with full confidence. So the fit has a normal prior on
    the temperature's logarithm, and of its 95 % interval (by the likelihood ratio, Wilks 1938) the end nearest to the
    prior's mean is taken, or the mean itself. With many pictures the interval is narrow.

    The mean is 1, or, where the pictures make it at least 20 times as likely as 1, the temperature that undoes label
    smoothing: it makes a network less confident than it is right, by a known rule. `bench/temperature.py` compares with
    other fits.

    Returns
    -------
    Between 0.05 and 20, to four digits; exactly 1 where the pictures do not show that another one is better.
    """
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[rows, targets].sum())

    expected = _of_smoothing(logits, label_smoothing) if label_smoothing else 0.0
    if loss(0.0) - loss(expected) < EVIDENCE:
        expected = 0.0

    def misfit(log_temperature: float) -> float:
        return loss(log_temperature) + (log_temperature - expected) ** 2 / (2 * SPREAD**2)

    best = _least(misfit)
    bound = misfit(best) + INTERVAL
    fitted = expected if misfit(expected) <= bound else brentq(lambda value: misfit(value) - bound, best, expected)
    return round(float(np.exp(fitted)), 4)


def _of_smoothing(logits: Logits, label_smoothing: float) -> float:
    """The logarithm of the temperature that brings probabilities nearest to what they would be without smoothing.

    A network that was taught (1 - s) y + s / labels (Szegedy et al. 2016) says (1 - s) p + s / labels where p is right.
    No label is asked for. One that is surer than it was taught to be would get too low a temperature: it is bounded.
    """
    spread = label_smoothing / logits.shape[1]
    meant = ((softmax(logits, axis=1) - spread) / (1 - label_smoothing)).clip(0)
    meant /= meant.sum(axis=1, keepdims=True)
    found = _least(lambda value: float(-(meant * log_softmax(logits / np.exp(value), axis=1)).sum()))
    return min(0.0, max(found, float(np.log(LOWEST_OF_SMOOTHING))))


def _least(function: Callable[[float], float]) -> float:
    """The logarithm of a temperature at which a function of it is least."""
    return float(minimize_scalar(function, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded").x)
