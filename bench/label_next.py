"""What labels teach that are chosen as the app's page "Label next" chooses them: `python bench/label_next.py`.

Frozen features of a pretrained network, a logistic regression on the labels so far. Half of the pictures are for
testing; of the others 25 are labelled at random, the same ones for all methods, and then 25, 50 and 50 at a time.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from common import Figure, Skipped, report
from fieldguide.app.label_order import doubts, teaching_order

COMPARED = (
    "accuracy after 50, 100 and 200 labels: chosen by Label next against chosen at random, same network, same start"
)
SEEDS = 10
START, STEPS = 25, (50, 100, 150, 200)  # labels
TOLD = (50, 100, 200)
Choose = Callable[[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], int], Sequence[int]]


def measure() -> list[Figure]:
    """The sample, then the photos."""
    return [figure for collection in ("sample", "bears") for figure in figures_of(collection)]


def figures_of(collection: str) -> list[Figure]:
    """The gain over random choice, in points, with its interval over the seeds."""
    curves = learning_curves(collection, {"random": by_chance, "label next": as_the_app})
    found = []
    for place, labels in enumerate(TOLD):
        one, other = (100 * curves[name][:, place] for name in ("label next", "random"))
        low, high = interval(one - other)
        detail = (
            f"{one.mean():.1f} % against {other.mean():.1f} % for random choice, {SEEDS} seeds; "
            f"95 % interval of the difference {low:+.1f} to {high:+.1f}"
        )
        name = f"{collection}: accuracy after {labels} labels, gain over random choice"
        found.append(Figure(name, float((one - other).mean()), unit="points", detail=detail))
    return found


def learning_curves(collection: str, methods: dict[str, Choose]) -> dict[str, NDArray[np.float64]]:
    """The accuracy of each method: (seeds, TOLD)."""
    from real_pictures import seen

    pictures = seen(collection)
    if len(pictures.labels) < 2 * max(STEPS):
        raise Skipped(f"{collection} has {len(pictures.labels)} pictures, of which half are to be labelled")
    return {
        name: np.array([curve(pictures.raw, pictures.labels, seed, choose) for seed in range(SEEDS)])
        for name, choose in methods.items()
    }


def curve(features: NDArray[np.float32], labels: NDArray[np.str_], seed: int, choose: Choose) -> list[float]:
    """The accuracy on the test half after so many labels as TOLD says."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    chance = np.random.default_rng(seed)
    order = chance.permutation(len(labels))
    test, pool = order[: len(order) // 2], order[len(order) // 2 :]
    scaled = StandardScaler().fit(features[pool]).transform(features)
    chosen = list(range(START))  # places in the pool, which is in random order
    found = []
    for wanted in STEPS:
        rest = np.array([place for place in range(len(pool)) if place not in set(chosen)])
        known = pool[chosen]
        network = LogisticRegression(C=0.01, max_iter=1000).fit(scaled[known], labels[known])
        more = choose(
            network.predict_proba(scaled[pool[rest]]), features[pool[rest]], features[known], wanted - len(chosen)
        )
        chosen += [int(rest[place]) for place in more]
        known = pool[chosen]
        if wanted in TOLD:
            network = LogisticRegression(C=0.01, max_iter=1000).fit(scaled[known], labels[known])
            found.append(float((network.predict(scaled[test]) == labels[test]).mean()))
    return found


def by_chance(
    _: NDArray[np.float64], features: NDArray[np.float32], __: NDArray[np.float32], most: int
) -> Sequence[int]:
    """The first ones: the pool is in random order."""
    return range(min(most, len(features)))


def as_the_app(
    probabilities: NDArray[np.float64], features: NDArray[np.float32], known: NDArray[np.float32], most: int
) -> Sequence[int]:
    """As "Label next" does; nothing is known of bursts."""
    return teaching_order(probabilities, features, known, [""] * len(features), most)


def by_margin(
    probabilities: NDArray[np.float64], _: NDArray[np.float32], __: NDArray[np.float32], most: int
) -> Sequence[int]:
    """Margin sampling alone."""
    return [int(place) for place in (-doubts(probabilities)).argsort(kind="stable")[:most]]


def by_distance(
    probabilities: NDArray[np.float64], features: NDArray[np.float32], known: NDArray[np.float32], most: int
) -> Sequence[int]:
    """k-center greedy alone."""
    return teaching_order(
        np.full_like(probabilities, 1 / probabilities.shape[1]), features, known, [""] * len(features), most
    )


def interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of the mean of paired differences (Student's t)."""
    from scipy.stats import t

    half = t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / len(differences) ** 0.5
    return float(differences.mean() - half), float(differences.mean() + half)


if __name__ == "__main__":
    report(measure)
