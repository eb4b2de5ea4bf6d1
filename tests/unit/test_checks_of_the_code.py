"""What `make check` asks for holds: lint, format and types."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Nearly all that mypy makes stays: to look for garbage in it was a quarter of its time.
MYPY = "import gc; gc.disable(); gc.enable = lambda: None; from mypy.__main__ import console_entry; console_entry()"
# What nobody has kept before is not kept for the next time either: to write it is another fifth.
CACHE = [] if (ROOT / ".mypy_cache").exists() else [f"--cache-dir={os.devnull}"]


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(["-m", "ruff", "check", "."], id="ruff check"),
        pytest.param(["-m", "ruff", "format", "--check", "."], id="ruff format"),
        pytest.param(["-c", MYPY, *CACHE], id="mypy", marks=pytest.mark.slow),
    ],
)
def test_the_code_is_clean(tool: list[str]) -> None:
    done = subprocess.run([sys.executable, *tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
