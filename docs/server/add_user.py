"""Give a person access to the MLflow server: `python docs/server/add_user.py NAME [--read-only]`.

Run it as the server's administrator, by MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, in
the server's environment or another one with `mlflow[auth]`. It makes the user with a password that it prints once, and
gives them the role `team`, which it makes at first.
"""

import argparse
import os
import secrets
import sys
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from mlflow.server.auth.client import AuthServiceClient

VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
WORKSPACE, ROLE = "default", "team"
RIGHTS = {  # whoever may manage runs and their models may delete one that repeats another
    "workspace": "USE",
    "experiment": "EDIT",
    "run": "MANAGE",
    "logged_model": "MANAGE",
    "registered_model": "EDIT",
}


def add_user(name: str, read_only: bool) -> str:
    """Make a user of the server; returns the password. Who is read-only has the server's default permission.

    Raises MlflowException if the server does not answer or refuses, ImportError without `mlflow[auth]`. Then nobody is
    added.
    """
    from mlflow.server.auth.client import AuthServiceClient

    server = AuthServiceClient(os.environ["MLFLOW_TRACKING_URI"])
    role = None if read_only else _team(server)
    password = secrets.token_urlsafe(18)
    server.create_user(name, password)
    try:
        if role is not None:
            server.assign_role(name, role)
    except MlflowException:
        server.delete_user(name)  # nobody would know the password
        raise
    return password


def _team(server: "AuthServiceClient") -> int:
    known = [role.id for role in server.list_roles(WORKSPACE) if role.name == ROLE]
    if known:
        return known[0]
    role = server.create_role(WORKSPACE, ROLE, "delivers runs, registers models").id
    for kind, permission in RIGHTS.items():
        server.add_role_permission(role, kind, "*", permission)
    return role


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--read-only", action="store_true", help="may look at runs, and deliver none")
    options = parser.parse_args()
    if missing := [name for name in VARIABLES if not os.environ.get(name)]:
        parser.error(f"set {', '.join(missing)}: the address of the server, and its administrator's name and password")
    try:
        print(add_user(options.name, options.read_only))
    except (MlflowException, ImportError) as error:
        said = " ".join(str(error).split()).partition(" Error: ")[0]  # then comes what it sent to its database
        sys.exit(f"add_user.py: {options.name} was not added: {said}")
