"""What look-alikes on several sides cost, and the key that would keep them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from fieldguide.base.config import SplitConfig
from fieldguide.base.shares import percent, rounded
from fieldguide.data.split_keys import DAY, SEQUENCE, SITE, has_key
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split

COSTLY = 0.05  # of the pictures
KEYS = (SITE, DAY, SEQUENCE)
LEFT_OUT_BY = "left_out_by_"  # begins a metric: with which share of the pictures left out, by another key


def left_out_by_other_keys(kept: pd.DataFrame, table: pd.DataFrame, split: SplitConfig) -> dict[str, float]:
    """Which share of the pictures each other known key would leave out, if today's split leaves out many; as metrics.

    Parameters
    ----------
    kept, table
        The kept pictures, and what `split_pictures` makes of them.
    """
    if (table["split"] == Split.LEFT_OUT).mean() <= COSTLY:
        return {}
    others = [replace(split, group_by=key) for key in KEYS if key != split.group_by and has_key(kept, key)]
    return {
        f"{LEFT_OUT_BY}{other.group_by}": rounded(
            float((split_pictures(kept, other)["split"] == Split.LEFT_OUT).mean()), 4
        )
        for other in others
    }


def cost_in_words(metrics: Mapping[str, Any]) -> str:
    """What look-alikes cost by the metrics of `split`, and which key would keep them; "" where they cost little."""
    pictures = sum(int(metrics.get(side, 0)) for side in Split)
    share = int(metrics.get(Split.LEFT_OUT, 0)) / max(pictures, 1)
    if share <= COSTLY:
        return ""
    cost = f"{percent(share, 0)} of the pictures are left out, since they look like one on another side"
    by_key = {name.removeprefix(LEFT_OUT_BY): left for name, left in metrics.items() if name.startswith(LEFT_OUT_BY)}
    best = min(by_key, key=lambda key: by_key[key], default=None)
    if best is not None and by_key[best] < share:
        return f"{cost}: `split.group_by: {best}` would leave out {percent(by_key[best], 0)}"
    if by_key:
        return f"{cost}; no other key would keep more of them"
    return f"{cost}: where their sites or times are known, `split.group_by` keeps them together (docs/data.md)"
