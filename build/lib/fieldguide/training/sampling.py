"""Which training pictures an epoch shows, and in which order: a matter of seed and epoch alone."""

import random
from collections.abc import Sequence


def natural_order(pictures: int, seed: int, epoch: int) -> list[int]:
    """Every picture once: their positions in the order of one epoch."""
    return random.Random(f"{seed}/{epoch}").sample(range(pictures), pictures)


def balanced_order(labels: Sequence[str], seed: int, epoch: int) -> list[int]:
    """As many pictures as there are, of every label the same number (give or take one).

    Of a label with too many a random part is shown, other pictures in every epoch; those of a label with too few come
    again, each as often as the others (give or take one).

    Returns
    -------
    Positions of n pictures. One that comes for the r-th time, counted from 0, is its position + r * n, so that every
    showing has random numbers of its own.
    """
    chance = random.Random(f"{seed}/{epoch}/balanced")
    by_label: dict[str, list[int]] = {}
    for position, label in enumerate(labels):
        by_label.setdefault(label, []).append(position)
    each, more = divmod(len(labels), len(by_label))
    favoured = set(chance.sample(sorted(by_label), more))
    order: list[int] = []
    for label, positions in sorted(by_label.items()):
        wanted, time = each + (label in favoured), 0
        while wanted > 0:
            some = chance.sample(positions, min(wanted, len(positions)))
            order += [position + time * len(labels) for position in some]
            wanted, time = wanted - len(some), time + 1
    chance.shuffle(order)
    return order
