"""Seconds and memory to group perceptual hashes by look-alikes: `python bench/look_alikes.py [HASHES]`.

Each case has a process of its own, since it is the highest memory of a process that counts. Random hashes of which a
tenth has a look-alike, as in a collection of unlike pictures; and hashes that are all alike, as of a fixed camera.
"""

import resource
import subprocess
import sys

import numpy as np

from common import Figure, report, seconds
from fieldguide.data.duplicates import look_alike_groups

COMPARED = "look-alikes among perceptual hashes, all pairs compared"
BITS = 40
ALL_ALIKE = 20_000


def hashes(count: int, alike: bool) -> list[str]:
    """Hashes in hex: a tenth of them a few bits from another one, or each a few bits from all others."""
    chance = np.random.default_rng(0)
    codes = chance.integers(0, 256, (count, 32), dtype=np.uint8)
    if alike:
        codes[:, 2:] = 0
    else:
        copies = count // 10
        codes[-copies:] = codes[:copies]
        codes[-copies:, 3] ^= 5
    return [code.tobytes().hex() for code in codes]


def one(count: int, alike: bool) -> None:
    """Print seconds, gigabytes and the number of groups."""
    texts = hashes(count, alike)
    groups: list[int] = []
    spent = seconds(lambda: groups.extend(look_alike_groups(texts, BITS)))
    print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, len(set(groups)))


def measure(count: int = 100_000) -> list[Figure]:
    """One case after the other."""
    figures = []
    for number, alike in ((count, False), (ALL_ALIKE, True)):
        command = [sys.executable, __file__, str(number), str(int(alike))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        spent, memory, groups = (float(word) for word in done.stdout.split())
        name = f"{number:,} hashes, {'all alike' if alike else 'unlike'}"
        goal = 600.0 if number == 1_000_000 else None
        figures.append(Figure(name, spent, goal, at_most=True, unit="s", detail=f"{groups:,.0f} groups"))
        figures.append(Figure(f"{name}: memory", memory, 4.0, at_most=True, unit="GB", detail="of the process"))
    return figures


if __name__ == "__main__":
    if len(sys.argv) == 3:
        one(int(sys.argv[1]), sys.argv[2] == "1")
    else:
        report(lambda: measure(int(sys.argv[1])) if len(sys.argv) > 1 else measure())
