"""Python's warnings, kept quiet while several threads work."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_blocks = 0
_silence = warnings.catch_warnings(action="ignore")


@contextmanager
def without_warnings() -> Iterator[None]:
    """Within it no warning is shown; afterwards the settings of warnings are as before, whichever thread ends first.

    The settings are those of the whole process. `warnings.catch_warnings` alone would have each of several threads put
    back what it found: the last one might put back the silence of another, for good.
    """
    global _blocks, _silence
    with _lock:
        if not _blocks:
            _silence = warnings.catch_warnings(action="ignore")
            _silence.__enter__()
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if not _blocks:
                _silence.__exit__(None, None, None)
