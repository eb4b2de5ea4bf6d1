"""Turning off what the libraries would report about their use, in one place."""

import os

SWITCHES = {
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "true",
}


def quiet_environment() -> None:
    """Switch off usage reports of the libraries, unless the person's own environment says otherwise.

    To be called before any of them is imported; processes started later inherit it.
    """
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
