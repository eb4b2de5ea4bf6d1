"""Python's warnings, kept quiet while several threads work."""

import os
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_blocks = Counter[int]()  # by the thread that is inside
_silence = warnings.catch_warnings(action="ignore")


@contextmanager
def without_warnings() -> Iterator[None]:
    """Within it no warning is shown; afterwards the settings of warnings are as before, whichever thread ends first.

    The settings are those of the whole process. `warnings.catch_warnings` alone would have each of several threads put
    back what it found: the last one might put back the silence of another, for good.
    """
    global _silence
    thread = threading.get_ident()
    with _lock:
        if not _blocks.total():
            _silence = warnings.catch_warnings(action="ignore")
            _silence.__enter__()
        _blocks[thread] += 1
    try:
        yield
    finally:
        with _lock:
            _leave(thread, 1)


def _leave(thread: int, blocks: int) -> None:
    _blocks[thread] -= blocks
    if not _blocks[thread]:
        del _blocks[thread]
    if not _blocks.total():
        _silence.__exit__(None, None, None)


def _only_this_thread() -> None:
    """Forget what other threads do: a process that was forked has none of them."""
    global _lock
    _lock = threading.Lock()
    for thread, blocks in list(_blocks.items()):
        if blocks and thread != threading.get_ident():
            _leave(thread, blocks)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_only_this_thread)
