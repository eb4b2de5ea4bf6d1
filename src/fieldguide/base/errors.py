"""The one exception that a person is meant to read."""


class UserError(Exception):
    """Something that the person running fieldguide can put right.

    The message is one line: what is wrong, where, and what to do. Commands print it on stderr without a traceback and
    leave with exit code 1; every other exception is a fault of fieldguide and keeps its traceback.
    """


class CheckFailed(UserError):
    """A check of the pictures that stops the pipeline; the runner then has reports/index.html tell about it."""
