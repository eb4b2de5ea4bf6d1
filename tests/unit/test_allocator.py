"""The allocator of the C library."""

import platform
from pathlib import Path

import pytest

from conftest import run_python

FAULTS = """
import resource, sys
import numpy as np
from fieldguide.base.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(2**23)
before = faults()
for _ in range(10):
    np.ones(2**23)
print(faults() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked")
def test_what_was_freed_is_used_again(tmp_path: Path) -> None:
    anew, kept, left = (
        int(run_python("-c", FAULTS, mode, cwd=tmp_path, **variables).stdout)
        for mode, variables in (("leave", {}), ("keep", {}), ("keep", {"MALLOC_MMAP_THRESHOLD_": "1000000"}))
    )
    assert kept < min(anew, left) / 10
