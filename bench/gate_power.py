"""What the gate says of two models whose true difference is known, by the number of test pictures.

`python bench/gate_power.py` writes the table of docs/gate.md; the verdicts are simulated, nothing is timed.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from common import ROOT, Figure
from fieldguide.statistics.groups import alone
from fieldguide.statistics.noninferiority import Verdict, compare, verdict_of

COMPARED = "how often the gate says what of two models whose true difference is known"
SIMULATIONS = 400
SIZES = (100, 200, 300, 500, 1000, 2000, 5000)
DIFFERENCES = (0.0, -0.02, -0.05, 0.02, 0.05)
DIFFERING = 0.12  # share of the pictures on which only one of the two is right
DOCS = ROOT / "docs" / "gate.md"
BEGIN, END = "<!-- table: made by bench/gate_power.py -->", "<!-- end of table -->"


def shares(option: str, pictures: int, difference: float, differing: float = DIFFERING) -> dict[Verdict, float]:
    """The share of each verdict over simulated test splits, by the margin and confidence of conf/gate/OPTION.yaml."""
    rules = yaml.safe_load((ROOT / "conf" / "gate" / f"{option}.yaml").read_text(encoding="utf-8"))
    won, lost = (differing + difference) / 2, (differing - difference) / 2
    chance = np.random.default_rng(pictures)
    counts = chance.multinomial(pictures, [won, lost, 1 - differing], size=SIMULATIONS)
    verdicts = [
        verdict_of(compare(np.repeat([1.0, -1.0, 0.0], drawn), alone(pictures), rules["confidence"]), rules["margin"])
        for drawn in counts
    ]
    return {verdict: verdicts.count(verdict) / SIMULATIONS for verdict in Verdict}


def measure() -> list[Figure]:
    """The two figures that the gate is built for: false praise, and a worse model stopped."""
    equal, worse = shares("standard", 300, 0.0), shares("standard", 300, -0.05)
    passed = worse[Verdict.BETTER] + worse[Verdict.NOT_WORSE]
    detail = f"{SIMULATIONS} simulated splits of 300 pictures"
    return [
        Figure("equal models called better", equal[Verdict.BETTER], 0.05, at_most=True, unit="of 1", detail=detail),
        Figure("a model 5 points worse stopped", 1 - passed, 0.95, unit="of 1", detail=detail),
    ]


def table() -> str:
    """The shares of the verdicts as Markdown, in per cent: better, not worse, worse, not enough evidence."""
    lines = []
    for option in ("standard", "strict"):
        head = " | ".join(f"{100 * difference:+.0f} points" if difference else "equal" for difference in DIFFERENCES)
        lines += [f"`{option}`:", "", f"| test pictures | {head} |", "|---" * (len(DIFFERENCES) + 1) + "|"]
        for pictures in SIZES:
            cells = [shares(option, pictures, difference) for difference in DIFFERENCES]
            shown = " | ".join(" / ".join(f"{100 * cell[verdict]:.0f}" for verdict in Verdict) for cell in cells)
            lines.append(f"| {pictures} | {shown} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def replace_table(path: Path, make: Callable[[], str]) -> None:
    """Put the table between its two marker lines."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{make()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    replace_table(DOCS, table)
