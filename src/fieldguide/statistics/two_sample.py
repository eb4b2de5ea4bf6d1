"""Whether a batch of pictures has the distribution of the reference: two-sample tests, the largest effect first.

Univariate tests on what the classifier answers and on plain measurements of the picture (Rabanser, Guennemann, Lipton
2019, "Failing loudly"), and a classifier two-sample test on the features (Lopez-Paz, Oquab 2017, "Revisiting classifier
two-sample tests"), together corrected by Holm's method, which holds whatever hangs together with what.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fieldguide.statistics.kolmogorov_smirnov import kolmogorov_smirnov

FEATURES = "features"
ALPHA = 0.01  # of calling a batch shifted that is not: a job asks every night
FAMILY_ALPHA = 0.05  # of calling even one of several parts so that is not
FOLDS = 5
PERMUTATIONS = 1999  # at least, unless ENOUGH come first
PER_TEST = 150  # permutations: the smallest p-value there is, times the number of tests, is then below ALPHA
FIRST = 100  # permutations, then as many again as were drawn
ENOUGH = 20  # permutations as large as what was found: it is far from rare, and more say it only more exactly
AT_ONCE = 2000  # permutations, to save memory
MAX_PICTURES = 2000  # of a batch for the test on the features, evenly spaced: its matrices grow with the square
SAME = 1e-12  # a difference of two areas that rounding makes
RIDGE = 1.0  # as much as the mean variance of a standardized feature

Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class TwoSample:
    """The outcome of one test: `effect` from 0 (alike) to 1 (nothing in common), and the corrected p-value.

    For a column `before` and `after` are the medians of reference and batch; for the features both are None.
    """

    name: str
    effect: float
    p_value: float
    before: float | None = None
    after: float | None = None

    @property
    def differs(self) -> bool:
        """Whether chance explains it in fewer than ALPHA of all batches."""
        return self.p_value < ALPHA


@dataclass(frozen=True)
class Shift:
    """What the tests found: largest effect first; and how typical each picture is of the batch, larger = more.

    NaN where that was not asked: the test on the features takes MAX_PICTURES at most.
    """

    tests: tuple[TwoSample, ...]
    typical: NDArray[np.float64]

    @property
    def differs(self) -> bool:
        """Whether at least one test says so, after the correction for their number."""
        return any(test.differs for test in self.tests)


def detect_shift(
    reference: Columns,
    batch: Columns,
    reference_features: NDArray[np.float64],
    batch_features: NDArray[np.float64],
    seed: int = 0,
    among: int = 1,
) -> Shift:
    """Compare a batch with reference pictures, none of which the classifier was trained on.

    Parameters
    ----------
    reference, batch
        Named columns, the same in both: of n reference and m batch pictures, such as the probability of each label.
    reference_features, batch_features
        (n, f) and (m, f).
    seed
        Of the folds and permutations; another one changes p-values by a little.
    among
        How many parts are compared and judged together (`differ_together`): more need smaller p-values.
    """
    tests = []
    for name, known in reference.items():
        medians = float(np.median(known)), float(np.median(batch[name]))
        tests.append(TwoSample(name, *kolmogorov_smirnov(known, batch[name]), *medians))
    some = np.linspace(0, len(batch_features) - 1, min(len(batch_features), MAX_PICTURES)).round().astype(int)
    typical = np.full(len(batch_features), np.nan)
    # Where a column alone tells them apart, among however many, the features need not: what they say finer than for one
    # part changes no answer. Else permutations of every part that differs would grow with the number of parts.
    told = min((test.p_value for test in tests), default=1.0) * (len(reference) + 1) * among < FAMILY_ALPHA
    per_test = PER_TEST * max(1.0, (1 if told else among) * ALPHA / FAMILY_ALPHA)
    permutations = max(PERMUTATIONS, round(per_test * (len(reference) + 1)))
    area, p_value, typical[some] = _classifier_test(reference_features, batch_features[some], permutations, seed)
    tests.append(TwoSample(FEATURES, max(0.0, 2 * area - 1), p_value))
    corrected = _holm(np.array([test.p_value for test in tests]))
    tests = [replace(test, p_value=float(p_value)) for test, p_value in zip(tests, corrected, strict=True)]
    return Shift(tuple(sorted(tests, key=lambda test: -test.effect)), typical)


def differ_together(parts: Sequence[Shift]) -> list[bool]:
    """Which parts differ from the reference, by Holm's method over all of them (Holm 1979).

    Each has to differ by itself. Besides, the chance that even one of them is called so that does not is at most
    FAMILY_ALPHA, however many there are and whatever hangs together with what: of twelve sites, 1 % each would be 11 %.
    """
    smallest = np.array([min((test.p_value for test in part.tests), default=1.0) for part in parts])
    return [bool(part.differs and p < FAMILY_ALPHA) for part, p in zip(parts, _holm(smallest), strict=True)]


def probability_columns(vocabulary: Sequence[str], probabilities: NDArray[np.float64]) -> Columns:
    """The probabilities (n, labels) of each label, by a name in words."""
    return {f"probability of {label}": probabilities[:, place] for place, label in enumerate(vocabulary)}


def _classifier_test(
    reference: NDArray[np.float64], batch: NDArray[np.float64], permutations: int, seed: int
) -> tuple[float, float, NDArray[np.float64]]:
    """How well a linear classifier that never saw a picture tells whether it is of the batch.

    It is ridge regression on the standardized features, whose out-of-fold answers are linear in the truth: so all
    permutations are one product of matrices, and the test is exact.

    Returns
    -------
    The area under the ROC curve, its p-value by permutation, and the scores (m,) of the batch's pictures.
    """
    together = np.concatenate([reference, batch])
    spread = together.std(axis=0)
    standard = (together - together.mean(axis=0)) / np.where(spread > 0, spread, 1)
    kernel = standard @ standard.T / standard.shape[1]
    generator = np.random.default_rng(seed)
    count = len(together)
    fold = generator.permutation(count) % FOLDS
    answers = np.zeros((count, count))
    for held_out in range(FOLDS):
        test, train = np.flatnonzero(fold == held_out), np.flatnonzero(fold != held_out)
        weights = np.linalg.solve(
            kernel[np.ix_(train, train)] + RIDGE * np.eye(len(train)), kernel[np.ix_(train, test)]
        )
        answers[np.ix_(test, train)] = (weights - weights.mean(axis=0)).T
    of_batch = np.repeat([0.0, 1.0], [len(reference), len(batch)])

    def areas(truths: NDArray[np.float64]) -> NDArray[np.float64]:
        above = (_ranks(truths @ answers.T) * truths).sum(axis=1) - len(batch) * (len(batch) + 1) / 2
        return above / (len(batch) * len(reference))

    found = float(areas(of_batch[None])[0])

    def as_large(count: int) -> NDArray[np.bool_]:
        return areas(generator.permuted(np.tile(of_batch, (count, 1)), axis=1)) >= found - SAME

    return found, permutation_p_value(as_large, permutations), (answers @ of_batch)[len(reference) :]


def permutation_p_value(as_large: Callable[[int], NDArray[np.bool_]], most: int) -> float:
    """The p-value of a test by permutation, by as many as it takes (Besag, Clifford 1991, "Sequential Monte Carlo").

    Parameters
    ----------
    as_large
        Draws so many more permutations, and says of each whether its statistic is at least the one that was found.
    most
        Permutations: then the p-value is that of the plain test. It is exact whenever the drawing stops.
    """
    drawn = large = 0
    while drawn < most:
        seen = as_large(min(max(FIRST, drawn), AT_ONCE, most - drawn))
        places = np.flatnonzero(seen)
        if large + len(places) >= ENOUGH:
            return ENOUGH / (drawn + int(places[ENOUGH - large - 1]) + 1)
        drawn, large = drawn + len(seen), large + len(places)
    return (large + 1) / (most + 1)


def _ranks(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ranks, from 1, of the values in each row (rows, n); equal ones share the mean of theirs."""
    order = np.argsort(rows, axis=1)
    ascending = np.take_along_axis(rows, order, axis=1)
    is_first = np.ones(rows.shape, bool)
    is_first[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
    first = np.flatnonzero(is_first)  # of each run of equal values, in all rows one after the other
    length = np.diff(first, append=is_first.size)
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, np.repeat(first % rows.shape[1] + (length + 1) / 2, length).reshape(rows.shape), 1)
    return ranks


def _holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down correction: the chance of even one false alarm among all is bounded."""
    order = np.argsort(p_values)
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(1, np.maximum.accumulate(steps))
    return corrected
