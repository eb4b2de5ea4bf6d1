"""What a tracking store does wrong: told as what it is, whole, in one line, and whether waiting helps."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.tracking.store import answering
from fieldguide.tracking.tracker import Tracker

pytestmark = pytest.mark.slow  # importing MLflow alone takes seconds

WAIT = "`fieldguide sync` logs the run later"
SYNC = "then `fieldguide sync`"
MEND = f"waiting does not help: fix that, {SYNC}"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def told(paths: Paths) -> str:
    with pytest.raises(UserError) as error:
        Tracker(paths)
    message = str(error.value)
    assert "\n" not in message
    return message


def a_text(file: Path) -> None:
    file.write_text("no database\n" * 100)


def half_of_one(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE runs (name TEXT)")
        database.executemany("INSERT INTO runs VALUES (?)", [("x" * 1000,)] * 100)
    database.close()
    file.write_bytes(file.read_bytes()[:20] + b"\xff" * 4000)


def of_a_later_mlflow(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('of the future')")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (a_text, "file is not a database"),
        (half_of_one, "not a database"),
        (Path.mkdir, "unable to open database file"),
        (of_a_later_mlflow, "of the future"),
    ],
)
def test_a_database_that_cannot_be_opened(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path / "mlflow.db")
    message = told(Paths(tmp_path))
    assert why in message
    assert message.endswith(MEND)


def test_a_driver_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mysql+pymysql://me:secret@127.0.0.1/runs")
    message = told(Paths(tmp_path))
    assert "pymysql" in message
    assert "secret" not in message
    assert message.endswith(MEND)


def test_a_deleted_experiment_says_how_to_get_it_back(tmp_path: Path) -> None:
    tracker = Tracker(Paths(tmp_path))
    tracker.client.delete_experiment(tracker.experiment)
    message = told(Paths(tmp_path))
    assert f"`mlflow experiments restore --experiment-id {tracker.experiment}`" in message
    tracker.client.restore_experiment(tracker.experiment)
    assert Tracker(Paths(tmp_path)).experiment == tracker.experiment


def test_what_the_store_refuses_is_told_whole(tmp_path: Path) -> None:
    tracker = Tracker(Paths(tmp_path))
    run = tracker.client.create_run(tracker.experiment).info.run_id
    for refuse in (
        lambda: tracker.client.log_metric(run, "bear🐻" * 40, 1.0),
        lambda: (tracker.client.log_param(run, "a", "1"), tracker.client.log_param(run, "a", "2")),
        lambda: tracker.client.log_metric("f" * 32, "a", 1.0),
        lambda: tracker.client.create_experiment("fieldguide"),
    ):
        with pytest.raises(UserError) as error, answering(tracker.address):
            refuse()
        assert "does not answer" not in str(error.value)
        assert str(error.value).endswith(MEND)
        assert "\n" not in str(error.value)


@contextmanager
def server_that_says(status: int, body: bytes) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://me:secret@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


PAGE = b"<html>\n<h1>the gateway says no</h1>\n</html>"
REFUSED = b'{"error_code": "%s", "message": "the reason\\nin two lines"}'


@pytest.mark.parametrize(
    ("status", "body", "why", "end"),
    [
        (401, PAGE, "the gateway says no", f"MLFLOW_TRACKING_PASSWORD to a user of the server, {SYNC}"),
        (403, PAGE, "the gateway says no", f"ask its administrator for the permission that your user lacks, {SYNC}"),
        (403, REFUSED % b"PERMISSION_DENIED", "the reason in two lines", f"permission that your user lacks, {SYNC}"),
        (400, REFUSED % b"INVALID_PARAMETER_VALUE", "the reason in two lines", MEND),
        (404, PAGE, "the gateway says no", MEND),
        (413, PAGE, "the gateway says no", MEND),
        (429, PAGE, "too many 429 error responses", WAIT),
        (500, PAGE, "too many 500 error responses", WAIT),
        (502, PAGE, "too many 502 error responses", WAIT),
        (503, REFUSED % b"TEMPORARILY_UNAVAILABLE", "too many 503 error responses", WAIT),
    ],
)
def test_what_servers_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, why: str, end: str
) -> None:
    with server_that_says(status, body) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        message = told(Paths(tmp_path))
    assert why in message
    assert "secret" not in message
    assert message.endswith(end)


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_says(200, b"") as address:
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    message = told(Paths(tmp_path))
    assert "Connection refused" in message
    assert message.endswith(WAIT)


def test_a_database_that_another_process_has_locked_is_free_later() -> None:
    with pytest.raises(UserError, match=r"does not answer .*database is locked") as error, answering("sqlite:///x"):
        raise sqlite3.OperationalError("database is locked")
    assert str(error.value).endswith(WAIT)
