"""The files with which a team starts its server fit together; `make test-server` starts it."""

import re

import pytest
import yaml

from conftest import CHECKOUT, run_python

FOLDER = CHECKOUT / "docs" / "server"


def test_containers_find_their_files_and_each_variable_is_named() -> None:
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    mounted = [volume.partition(":")[0] for volume in services["database"]["volumes"]]
    copied = re.findall(r"(?m)^COPY (\S+)", (FOLDER / "Dockerfile").read_text(encoding="utf-8"))
    for name in [name for name in mounted if name.startswith("./")] + copied:
        assert (FOLDER / name).is_file(), name
    comment = text[: text.index("services:")]
    assert all(variable in comment for variable in re.findall(r"\$\{(\w+)", text))
    users = (FOLDER / "basic_auth.ini").read_text(encoding="utf-8")
    for service in re.findall(r"@(\w+)/", text + users):
        assert service in services


def test_the_server_has_the_versions_of_the_lock_file() -> None:
    locked = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    wanted = (FOLDER / "requirements.txt").read_text(encoding="utf-8")
    for name in ("mlflow", "boto3"):
        (version,) = [line.partition("==")[2] for line in locked if line.startswith(f"{name}==")]
        assert re.search(rf"(?m)^{name}(\[\w+\])?=={re.escape(version)}$", wanted), name


@pytest.mark.slow
def test_who_adds_a_user_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    untold = run_python(str(FOLDER / "add_user.py"), "ann", cwd=CHECKOUT)
    assert (untold.returncode, untold.stdout) == (2, "")
    assert "error: set MLFLOW_TRACKING_URI, MLFLOW_TRACKING_PASSWORD: the address" in untold.stderr
