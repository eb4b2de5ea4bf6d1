"""What each process of fieldguide does first."""

import atexit
import gc

from fieldguide.base.quiet import quiet_environment


def start_process() -> None:
    """Switch off the libraries' usage reports, and let Python look for garbage less often.

    Importing torch, MLflow or Great Expectations makes a million objects that all stay. Looking through them again and
    again, and once more at the end, was a quarter of the time that such a process takes to start and to leave.
    """
    quiet_environment()
    gc.set_threshold(10_000, 20, 20)
    atexit.register(gc.freeze)
