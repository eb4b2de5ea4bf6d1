"""The allocator of the C library."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # the parameters of glibc's mallopt
KEPT_AT_THE_END = 2**29  # bytes
ASKED_OF_THE_SYSTEM = (2**28, 2**25)  # bytes; older versions of glibc refuse the first


def keep_freed_memory() -> None:
    """Have this process keep freed memory for what it allocates next, up to half a gigabyte.

    Else the system takes large tensors back after every step of a training, and clears their pages anew for the next
    one: a tenth to a sixth of the time with small networks. Only glibc is asked, and not where the environment sets
    its allocator (`MALLOC_..._`, `GLIBC_TUNABLES`).
    """
    is_set = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if sys.platform != "linux" or is_set:
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return
    # Where it refuses both, the other setting alone would only switch off glibc's own learning from what is freed.
    if any(library.mallopt(M_MMAP_THRESHOLD, size) for size in ASKED_OF_THE_SYSTEM):
        library.mallopt(M_TRIM_THRESHOLD, KEPT_AT_THE_END)
