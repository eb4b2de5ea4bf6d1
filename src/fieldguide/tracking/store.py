"""The store of runs, and messages when it does not answer."""

import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.paths import STATE, Paths
from fieldguide.base.process import quiet_environment
from fieldguide.base.system_errors import fault
from fieldguide.tracking.failures import cure, passes, reason
from fieldguide.tracking.tags import EXPERIMENT

SYNC_ADVICE = "`fieldguide sync` logs the run later"
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
DEFAULTS = {
    RETRIES: "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Files come and go through the server: of the bucket itself people may see nothing.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
}


def home(paths: Paths) -> Path:
    """The checkout, by its absolute path, in which runs are kept.

    DVC runs some experiments in a copy of the checkout that it deletes afterwards, and names the checkout itself.
    """
    in_experiment = "DVC_EXP_NAME" in os.environ
    return Path(os.environ["DVC_ROOT"]) if in_experiment else paths.checkout.resolve()


def own_database(paths: Paths) -> Path:
    """The file in the checkout that holds its runs, unless MLFLOW_TRACKING_URI says that they are elsewhere."""
    return home(paths) / "mlflow.db"


def tracking_address(paths: Paths) -> str:
    """MLFLOW_TRACKING_URI, else that of the checkout's own database."""
    return os.environ.get("MLFLOW_TRACKING_URI") or database_address(own_database(paths))


def database_address(file: Path) -> str:
    """The address of an SQLite file, given by its absolute path, whatever characters that holds.

    MLflow makes the folders of what follows `sqlite:///` as it stands, escapes and all: where there are escapes, the
    driver is named too, which it accepts.
    """
    from sqlalchemy.engine import URL

    address = URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)
    return address.replace("sqlite:", "sqlite+pysqlite:", 1) if "%" in address else address


def database_file(address: str) -> Path | None:
    """The SQLite file that an address means; None for any other store."""
    from sqlalchemy.engine import make_url

    if not is_sqlite(address):
        return None
    return Path(make_url(address).database or "")


def is_sqlite(address: str) -> bool:
    """Whether an address names an SQLite file, by any driver."""
    return re.match(r"sqlite(\+\w+)?:", address) is not None


def experiment_name() -> str:
    """The name of the experiment, and of the registered model: MLFLOW_EXPERIMENT_NAME, else `fieldguide`."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)


def shown_address(address: str) -> str:
    """The address of a store without a password in it."""
    return address.rpartition("@")[2]


def state_folder(paths: Paths) -> Path:
    """The folder of the checkout for locks and what is being made; it is made where it is missing."""
    folder = home(paths) / STATE
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def connect(paths: Paths, address: str) -> Any:
    """A client of MLflow for the store at `address`, whose database is made if it is the checkout's own."""
    mlflow = _mlflow()
    mlflow.set_tracking_uri(address)
    _make_database(paths, address)
    _open_database(address)
    return mlflow.MlflowClient()


@contextmanager
def answering(address: str, advice: str = SYNC_ADVICE, what: str = "") -> Iterator[None]:
    """Turn what a store raises into a UserError, which ends with what to do: wait, or put something right.

    Parameters
    ----------
    advice
        What to do, or what happens, once a store that does not answer is there again.
    what
        What the store is asked for, where its own words may not tell.
    """
    try:
        yield
    except _failures() as error:
        secret = address.rpartition("@")[0]
        said = reason(error).replace(f"{secret}@", "") if secret else reason(error)
        where = f"MLflow at {shown_address(address)}"
        if passes(error):
            raise UserError(f"{where} does not answer ({said}): {advice}") from None
        if message := fault(error, SYNC_ADVICE) if isinstance(error, OSError) and error.filename else None:
            raise UserError(message) from None  # a file of the checkout, not the store
        about = f" on {what}" if what else ""
        after = "`fieldguide sync`" if advice == SYNC_ADVICE else "try again"
        mend = f"waiting does not help: {cure(error)}, then {after}"
        raise UserError(f"{where} fails{about}: {said}; {mend}") from None


@contextmanager
def asked_once() -> Iterator[None]:
    """Let MLflow send no request of this block again: where no answer came, the server may have done what was asked."""
    before = os.environ[RETRIES]
    os.environ[RETRIES] = "0"
    try:
        yield
    finally:
        os.environ[RETRIES] = before


def _mlflow() -> Any:
    """MLflow, configured before it is imported."""
    quiet_environment()
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    import mlflow

    logging.getLogger("mlflow.store.db.utils").setLevel(
        logging.CRITICAL
    )  # a traceback for an error that is reported in one line
    return mlflow


def _make_database(paths: Paths, address: str) -> None:
    """Let MLflow make its tables, which takes it many steps, under another name: half of them are of no use."""
    database, state = own_database(paths), state_folder(paths)
    if database_file(address) != database or database.exists():
        return
    for rest in state.glob("mlflow.db*"):
        rest.unlink()
    unfinished = state / "mlflow.db"
    _mlflow().MlflowClient(database_address(unfinished)).search_experiments(max_results=1)
    unfinished.replace(database)


def _open_database(address: str) -> None:
    """Raise sqlite3.Error for a file that is no database or cannot be opened: MLflow would try for two minutes."""
    file = database_file(address)
    if file is not None and file.exists():
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as database:
            database.execute("PRAGMA schema_version")


def _failures() -> tuple[type[Exception], ...]:
    """What is raised when a store does not answer, is broken, or refuses; or when its driver is not installed."""
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    return (_mlflow().MlflowException, SQLAlchemyError, CommandError, sqlite3.Error, ImportError, OSError)
