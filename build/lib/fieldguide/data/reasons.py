"""The reasons why files stay behind, in words that can be counted."""

import re

ONE_FILE = re.compile(r"^(a mask|a thumbnail|cannot be copied)\b.*")


def kind_of_reason(reason: str) -> str:
    """A reason without the names of files, so that those of a kind can be counted together."""
    return ONE_FILE.sub(r"\1", reason)
