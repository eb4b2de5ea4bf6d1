"""MLflow's own UI, with the runs of a checkout."""

import os
import sys

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.process import quiet_environment
from fieldguide.tracking.store import shown_address, tracking_address


def start_ui(paths: Paths, port: int) -> None:
    """Become the server that shows the runs of a checkout on 127.0.0.1, until it is ended.

    Raises UserError where they are on a server, which shows them itself.
    """
    address = tracking_address(paths)
    if address.startswith(("http://", "https://")):
        raise UserError(f"the runs are on a server with its own UI: open {shown_address(address)} in a browser")
    quiet_environment()
    place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]  # for one person; four start more slowly
    command = ["-m", "mlflow", "ui", *place, "--backend-store-uri", address]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *command])
