"""What MLflow, its database and the network raise: whether waiting helps, and the reason in one line."""

import errno
import os
import re

PASSING_CODES = {
    *("TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED"),
    *("ABORTED", "RESOURCE_CONFLICT", "INTERNAL_ERROR"),
}
PASSING_STATUS = {408, 425, 429}  # of HTTP, besides 500 and above
CURES = {  # by the status of HTTP, of a server that knows its users
    401: "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to a user of the server",
    403: "ask its administrator for the permission that {user} lacks",
}
PASSING_ERRNO = {
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ETIMEDOUT, errno.EHOSTUNREACH),
    *(errno.ENETUNREACH, errno.ENETDOWN, errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ESTALE),
}
# MLflow hands on what its database says as if it always passed. By the words of SQLite, PostgreSQL, TLS and MLflow:
LASTING = re.compile(
    "unable to open database file|readonly database|not a database|malformed|no such (table|column)|disk is full"
    "|authentication failed|(database|role|relation) .* does not exist|permission denied|read-only (file system|trans)"
    "|certificate verify failed|out-of-date database schema|can't locate revision|unsupported URI"
    "|no connection adapters|invalid url",
    re.IGNORECASE,
)
FOR_PROGRAMMERS = re.compile(r"\[SQL: .*|\(Background on this error at: [^)]*\)", re.DOTALL)
MAX_REASON_LENGTH = 2000  # characters of a reason: a proxy may answer with a whole page


def passes(error: BaseException) -> bool:
    """Whether the same may succeed later without a change."""
    text = str(error)
    if LASTING.search(text):
        return False
    if status := _status(text):
        return status >= 500 or status in PASSING_STATUS
    if code := getattr(error, "error_code", None):
        return str(code) in PASSING_CODES
    if isinstance(error, OSError):
        return error.errno is None or error.errno in PASSING_ERRNO  # the network's own kinds have no number
    return type(error).__name__ in ("OperationalError", "InterfaceError", "TimeoutError", "DisconnectionError")


def cure(error: BaseException) -> str:
    """What a person can do about an error that does not pass."""
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or "your user"
    status = 403 if getattr(error, "error_code", "") == "PERMISSION_DENIED" else _status(str(error))
    return CURES.get(status or 0, "fix that").format(user=user)


def _status(text: str) -> int | None:
    found = re.search(r"failed with error code (\d{3})", text)
    return int(found[1]) if found else None


def reason(error: BaseException) -> str:
    """What an error says, whole and in one line, without what is for programmers only."""
    said = " ".join(FOR_PROGRAMMERS.sub("", str(error)).split()) or type(error).__name__
    return said if len(said) <= MAX_REASON_LENGTH else f"{said[:MAX_REASON_LENGTH]}..."
