"""What each process of fieldguide does first."""

import atexit
import gc
import os
import sys
from pathlib import Path

from fieldguide.base.interruption import tell_in_one_line

USAGE_REPORT_SWITCHES = {
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "DO_NOT_TRACK": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime's, which also writes an id of the machine to the home folder
}


def start_process() -> None:
    """Switch off the libraries' usage reports, make Ctrl-C one line, and let Python collect garbage less often.

    In what it starts, `python` and `dvc` are this environment's, whatever else is on the search path: stages call them.

    Importing torch, MLflow or Great Expectations makes a million objects that all stay. Looking through them again and
    again, and once more at the end, was a quarter of the time that such a process takes to start and to exit.
    """
    quiet_environment()
    _own_programs_first()
    tell_in_one_line()
    gc.set_threshold(10_000, 20, 20)
    atexit.register(gc.freeze)


def quiet_environment() -> None:
    """Switch off usage reports of the libraries, unless the user's own environment says otherwise.

    To be called before any of them is imported; processes started later inherit it.
    """
    for name, value in USAGE_REPORT_SWITCHES.items():
        os.environ.setdefault(name, value)


def _own_programs_first() -> None:
    own, search = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    if search.split(os.pathsep)[0] != own:
        os.environ["PATH"] = os.pathsep.join([own, search])
