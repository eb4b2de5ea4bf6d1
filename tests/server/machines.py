"""What a team's server consists of, started for real on this machine: PostgreSQL, a bucket, MLflow with its users."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from pipeline.checkout import free_port
from server.daemons import Daemon, answers_at, running
from source_graph import ROOT

DOCS = ROOT / "docs" / "server"  # the files that a person uses, tried here
POSTGRES = Path("/usr/lib/postgresql/15/bin")
RUNS, DATA = "runs", "data"  # buckets: of MLflow's artifacts, of DVC


@dataclass(frozen=True)
class Database:
    """PostgreSQL on a port of its own, with the role and the databases of docs/server/databases.sh."""

    daemon: Daemon
    port: int
    password: str
    superuser: str

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to be the role mlflow."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "mlflow", "PGPASSWORD": self.password}

    @property
    def as_superuser(self) -> dict[str, str]:
        return {**self.environment, "PGUSER": "postgres", "PGPASSWORD": self.superuser}

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        """One of PostgreSQL's programs, as the role mlflow unless `environment` says otherwise; what it prints."""
        own = {**os.environ, **(environment or self.environment)}
        path = f"{POSTGRES}:{os.environ['PATH']}"
        done = subprocess.run(command, env={**own, "PATH": path}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def ask(self, query: str, database: str = "mlflow") -> list[list[str]]:
        """The rows that a query returns, as texts."""
        rows = self.run("psql", "--tuples-only", "--no-align", "--field-separator=\t", "--command", query, database)
        return [line.split("\t") for line in rows.splitlines()]


@contextmanager
def postgres(folder: Path, with_databases: bool = True) -> Iterator[Database]:
    """A new PostgreSQL in a folder of its own; it refuses to run as root, and runs as Debian's user postgres then."""
    port, password, superuser = free_port(), secrets.token_hex(12), secrets.token_hex(12)
    folder.mkdir(mode=0o755)
    given = folder / "superuser"
    given.write_text(superuser, encoding="ascii")
    other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    if other:
        subprocess.run(["chown", "-R", "postgres:", str(folder)], check=True)
    place = str(folder / "cluster")
    options = ["--username=postgres", f"--pwfile={given}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    made = [*other, str(POSTGRES / "initdb"), "-D", place, *options]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    given.unlink()
    command = [*other, str(POSTGRES / "postgres"), "-D", place, "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)]
    ready = [str(POSTGRES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    daemon = Daemon(
        "postgres",
        command,
        folder,
        {"PATH": os.environ["PATH"], "LC_ALL": "C"},
        lambda: subprocess.run(ready, check=False).returncode == 0,
    )
    database = Database(daemon, port, password, superuser)
    with running(daemon):
        if with_databases:
            own = {**database.as_superuser, "MLFLOW_DATABASE_PASSWORD": password}
            database.run(str(DOCS / "databases.sh"), environment=own)
        yield database


@dataclass(frozen=True)
class ObjectStore:
    """moto's S3 server, which refuses whoever has no right to a bucket; in memory, so it is not killed in between."""

    daemon: Daemon
    address: str

    @cached_property
    def keys(self) -> dict[str, dict[str, str]]:
        """Environment variables with the credentials of each user: `server` may use one bucket, `people` the other."""
        admin = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        iam, s3 = self.client("iam", admin), self.client("s3", admin)
        found = {}
        for user, bucket in (("server", RUNS), ("people", DATA)):
            s3.create_bucket(Bucket=bucket)
            iam.create_user(UserName=user)
            found[user] = _variables(iam.create_access_key(UserName=user)["AccessKey"])
        iam.create_user(UserName="admin")
        found["admin"] = _variables(iam.create_access_key(UserName="admin")["AccessKey"])
        iam.put_user_policy(UserName="admin", PolicyName="all", PolicyDocument=_policy("*", "*"))
        reset = Request(f"{self.address}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
        urlopen(reset, timeout=30).close()  # from here on who asks needs a right
        return found

    def allow(self, user: str, bucket: str, *actions: str) -> None:
        """Let a user do these actions with a bucket, and nothing else."""
        document = _policy(list(actions), [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"])
        iam = self.client("iam", self.keys["admin"])
        iam.put_user_policy(UserName=user, PolicyName="bucket", PolicyDocument=document)

    def objects(self, bucket: str) -> dict[str, int]:
        """The objects of a bucket with their bytes."""
        pages = self.client("s3", self.keys["admin"]).get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", [])}

    def client(self, service: str, key: Mapping[str, str]) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        )


def _policy(actions: Any, resources: Any) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _variables(key: Mapping[str, str]) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextmanager
def object_store(folder: Path, programs: Path) -> Iterator[ObjectStore]:
    """moto's server; `programs` is the folder of the environment that has it."""
    folder.mkdir()
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(programs / "moto_server"), "--host", "127.0.0.1", "--port", str(port)]
    environment = {"PATH": os.environ["PATH"], "INITIAL_NO_AUTH_ACTION_COUNT": "1000000"}
    with running(Daemon("bucket", command, folder, environment, answers_at(f"{address}/moto-api/"))) as daemon:
        store = ObjectStore(daemon, address)
        store.allow("server", RUNS, "s3:*")
        store.allow("people", DATA, "s3:*")
        yield store


@dataclass(frozen=True)
class TrackingServer:
    """`mlflow server` with users, on PostgreSQL and a bucket, as docs/server/README.md starts it."""

    daemon: Daemon
    address: str
    admin: str
    passwords: dict[str, str]

    def as_user(self, name: str) -> dict[str, str]:
        """The environment variables of a person who uses the server."""
        password = self.admin if name == "admin" else self.passwords[name]
        return {
            "MLFLOW_TRACKING_URI": self.address,
            "MLFLOW_TRACKING_USERNAME": name,
            "MLFLOW_TRACKING_PASSWORD": password,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        }


@contextmanager
def tracking_server(
    folder: Path, programs: Path, database: Database, store: ObjectStore, bucket: str = RUNS
) -> Iterator[TrackingServer]:
    """An MLflow server that answers; `programs` is the folder of the environment that has it."""
    folder.mkdir()
    address, admin = f"http://127.0.0.1:{(port := free_port())}", secrets.token_hex(12)
    auth = (DOCS / "basic_auth.ini").read_text(encoding="utf-8").replace("@database/", f"@127.0.0.1:{database.port}/")
    (folder / "basic_auth.ini").write_text(auth, encoding="utf-8")
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PGPASSWORD": database.password,
        "MLFLOW_BACKEND_STORE_URI": f"postgresql+psycopg2://mlflow@127.0.0.1:{database.port}/mlflow",
        "MLFLOW_S3_ENDPOINT_URL": store.address,
        **store.keys["server"],
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "basic_auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": admin,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    options = ["--app-name", "basic-auth", "--artifacts-destination", f"s3://{bucket}", "--workers", "2"]
    command = [str(programs / "mlflow"), "server", *options, "--host", "127.0.0.1", "--port", str(port)]
    with running(Daemon("mlflow", command, folder, environment, answers_at(f"{address}/health"))) as daemon:
        yield TrackingServer(daemon, address, admin, {})
