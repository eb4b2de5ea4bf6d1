"""Which epoch of a training was kept, and why: one sentence for the log, the summary and the page."""

from collections.abc import Mapping
from typing import Any

from fieldguide.base.shares import decimal


def kept_epoch(metrics: Mapping[str, Any]) -> str:
    """The sentence, of reports/train/metrics.json."""
    return (
        f"epoch {metrics['best_epoch']} of {metrics['epochs']} kept, for the lowest valid loss "
        f"({decimal(metrics['valid_loss'], 4)}; valid accuracy {decimal(metrics['valid_accuracy'], 4)})"
    )
