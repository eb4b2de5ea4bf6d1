"""What commands print with --json: one JSON document on stdout, for programs."""

import json
import math
from typing import Any


def as_json(content: Any) -> str:
    """Content of mappings, sequences, texts and numbers as readable JSON; what is no number (NaN, infinity) is null."""
    return json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)


def plain(content: Any) -> Any:
    """Content as JSON can hold it: keys are texts, sequences are lists, what is no number (NaN, infinity) is None."""
    if isinstance(content, dict):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
