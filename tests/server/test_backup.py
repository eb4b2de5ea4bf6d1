"""The commands of docs/server/README.md for a backup, a restore and an upgrade, as they stand there."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from server.commands import done
from server.conftest import Person, with_access
from server.machines import DOCS, POSTGRES, RUNS, Database, ObjectStore, TrackingServer, postgres, tracking_server
from server.stored import runs_of, stored
from source_graph import ROOT

pytestmark = pytest.mark.server

RESTORED = "new-runs"  # the bucket


def documented(heading: str) -> list[str]:
    """The blocks of commands below a heading."""
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [re.sub(r"(?m)^    ", "", block) for block in re.findall(r"(?m)(?:^    .*\n)+", section)]


def typed(commands: str, folder: Path, programs: Path, *variables: Mapping[str, str]) -> None:
    """Type commands into a shell, in a folder where the repository's docs/ is."""
    own = {name: value for one in variables for name, value in one.items()}
    path = f"{programs}:{POSTGRES}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-eux", "-c", commands],
        cwd=folder,
        env={**os.environ, **own, "PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def contents(database: Database) -> dict[str, list[list[str]]]:
    """All rows of all tables of both databases."""
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    return {
        f"{name}.{table}": sorted(database.ask(f"SELECT md5(t::text) FROM {table} t", name))
        for name in ("mlflow", "mlflow_auth")
        for (table,) in database.ask(tables, name)
    }


def test_a_backup_is_restored_on_other_machines_and_upgraded(
    ann: Person,
    bob: Person,
    server: TrackingServer,
    database: Database,
    store: ObjectStore,
    place: Path,
    programs: Path,
) -> None:
    done(ann.checkout, "fieldguide", "sync")
    (run, *_) = runs_of(database.ask, "fieldguide")
    folder = place / "backup"
    folder.mkdir()
    (folder / "docs").symlink_to(ROOT / "docs")
    keys = {**store.keys["admin"], "AWS_ENDPOINT_URL": store.address}
    backup, restore = documented("Backup and restore")[:2]
    typed(backup, folder, programs, database.as_superuser, keys)
    store.client("s3", store.keys["admin"]).create_bucket(Bucket=RESTORED)
    with postgres(place / "other-postgres", with_databases=False) as other:
        typed(restore, folder, programs, other.as_superuser, keys, {"MLFLOW_DATABASE_PASSWORD": other.password})
        found, expected = contents(other), contents(database)
        assert {table: len(rows) for table, rows in found.items()} == {t: len(rows) for t, rows in expected.items()}
        assert found == expected
        assert store.objects(RESTORED) == store.objects(RUNS) != {}
        (upgrade,) = documented("Upgrades")
        typed(upgrade.replace("@database/", f"@127.0.0.1:{other.port}/"), folder, programs, other.environment)
        store.allow("server", RESTORED, "s3:*")
        try:
            with tracking_server(place / "other-mlflow", programs, other, store, RESTORED) as restored:
                known = replace(restored, passwords=server.passwords)
                for name, person in (("ann", ann), ("bob", bob)):
                    checkout = with_access(person.checkout, name, known, store)
                    assert done(checkout, "fieldguide", "sync").rstrip().endswith("is complete")
                assert run[:8] in done(checkout, "fieldguide", "runs")
                said = done(checkout, "fieldguide", "reproduce", run)
        finally:
            store.allow("server", RUNS, "s3:*")
        assert said.splitlines()[-1].startswith("identical: ")
        assert runs_of(other.ask, "fieldguide") == runs_of(database.ask, "fieldguide")
        assert stored(other.ask, store.objects(RESTORED), run) == stored(database.ask, store.objects(RUNS), run)
