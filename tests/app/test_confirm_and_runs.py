"""Confirming logged predictions, and the page of runs: what they show is what the commands know."""

import os
import threading
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.conftest import DataSet
from conftest import noise, put, run_command
from fieldguide.base.files import read_json
from fieldguide.base.packs import write_packs
from fieldguide.data.images import identify
from fieldguide.prediction.log import Logged, log_predictions, read_confirmed
from fieldguide.stages import clean, download


@pytest.fixture
def logged(data_set: DataSet) -> list[str]:
    """The ids of logged pictures in their order: the champion says black of all, the version in limited teddy."""
    ids = sorted(data_set.ids.values())
    said = [(1, "champion", "black", 0.9), (2, "limited", "teddy", 0.7)]
    rows = [Logged(identity, *one, site="north") for identity in [*ids, "0" * 16] for one in said]
    log_predictions(data_set.paths.log, rows)
    return ids


def look(client: TestClient) -> None:
    client.get("/api/confirm?look=true")
    for _ in range(200):
        if not client.get("/api/confirm/state").json()["looking"]:
            return
        time.sleep(0.05)
    raise TimeoutError


def test_the_index_of_files_is_written_when_something_is_new_and_forgets_what_is_gone(
    client: TestClient, data_set: DataSet, logged: list[str]
) -> None:
    index = data_set.paths.checkout_state / "app" / "ids.json"
    put(data_set.paths.incoming / os.fsdecode(b"caf\xe9.png"), noise(1))  # no index can name it
    file = put(data_set.paths.incoming / "1.png", noise(200))
    look(client)
    first = index.stat().st_ino
    look(client)
    assert index.stat().st_ino == first
    assert [*read_json(index)] == [str(file)], "pictures of the data set are known by its table"
    file.unlink()
    (data_set.paths.sources / "own" / "black" / "0.png").unlink()
    look(client)
    assert read_json(index) == {}
    gone = data_set.ids["black/0.png"]
    assert {item["id"]: item["is_here"] for item in client.get("/api/confirm").json()["items"]}[gone] is False


def test_the_order_does_not_depend_on_when_files_are_found(
    client: TestClient, data_set: DataSet, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        put(data_set.paths.incoming / f"{number}.png", noise(200 + number))
    found, goes_on = threading.Event(), threading.Event()

    def slow(path: Path) -> str:
        found.set()
        assert goes_on.wait(30)
        return identify(path)

    monkeypatch.setattr("fieldguide.app.found_pictures.identify", slow)
    early = client.get("/api/confirm?look=true").json()
    assert (early["items"], early["looking"]) == ([], True)
    assert found.wait(30) and client.get("/api/confirm").json()["items"] == []
    goes_on.set()
    look(client)
    assert [item["id"] for item in client.get("/api/confirm").json()["items"]] == [*logged, "0" * 16]


def test_pictures_in_packs_are_found(client: TestClient, data_set: DataSet, logged: list[str]) -> None:
    own = data_set.paths.sources / "own"
    names = sorted(path.relative_to(own).as_posix() for path in own.rglob("*.png"))
    write_packs(own, [(name, own / name) for name in names])
    for name in names:
        (own / name).unlink()
    download.run(data_set.config, data_set.paths)
    clean.run(data_set.config, data_set.paths)
    look(client)
    assert [item["is_here"] for item in client.get("/api/confirm").json()["items"]][:2] == [True, True]
    assert client.get(f"/found/{logged[0]}/1280").headers["content-type"] == "image/jpeg"


def test_predictions_stand_beside_their_pictures(client: TestClient, logged: list[str]) -> None:
    look(client)
    answer = client.get("/api/confirm").json()
    assert [item["id"] for item in answer["items"]] == [*logged, "0" * 16], "what is not here comes last"
    assert [item["is_here"] for item in answer["items"]] == [*[True] * len(logged), False]
    first = answer["items"][0]
    assert [(one["version"], one["step"], one["label"]) for one in first["predictions"]] == [
        (1, "champion", "black"),
        (2, "limited", "teddy"),
    ]
    assert (first["site"], answer["labels"]) == ("north", ["black", "teddy"])
    assert client.get(f"/found/{logged[0]}/1280").headers["content-type"] == "image/jpeg"
    response = client.get(f"/found/{'0' * 16}/1280")
    assert (response.status_code, response.json()["error"]) == (
        400,
        "its file is neither in the data set nor in a folder that the app was started with",
    )


def test_confirmed_labels_count_for_the_roll_out_and_can_be_taken_back(
    client: TestClient, data_set: DataSet, logged: list[str]
) -> None:
    labels = [{"id": identity, "label": "black"} for identity in logged[:3]]
    for _ in range(2):  # the second time changes nothing
        answer = client.post("/api/confirm", json={"labels": labels}).json()
    assert answer["versions"] == [
        {"version": 1, "step": "champion", "confirmed": 3, "right": 3},
        {"version": 2, "step": "limited", "confirmed": 3, "right": 0},
    ]
    assert run_command("confirm", logged[3], "teddy", cwd=data_set.paths.root).returncode == 0
    client.post("/api/confirm", json={"labels": [{"id": logged[0], "label": ""}]})
    assert dict(read_confirmed(data_set.paths)[["id", "label"]].to_numpy()) == {
        **dict.fromkeys(logged[1:3], "black"),
        logged[3]: "teddy",
    }
    assert len(list((data_set.paths.log / "confirmed").rglob("*.parquet"))) == 3


def test_a_picture_that_was_never_predicted_is_not_confirmed(
    client: TestClient, data_set: DataSet, logged: list[str]
) -> None:
    labels = [{"id": logged[0], "label": "black"}, {"id": "f" * 16, "label": "black"}]
    response = client.post("/api/confirm", json={"labels": labels})
    assert response.status_code == 400 and "not in the prediction log" in response.json()["error"]
    assert not len(read_confirmed(data_set.paths))


def test_no_runs_are_no_error(client: TestClient, data_set: DataSet) -> None:
    answer = client.get("/api/runs").json()
    assert (answer["runs"], answer["has_checkout"]) == ([], False)
    assert not (data_set.paths.root / "mlflow.db").exists()
    response = client.get("/api/compare?first=.&second=.")
    assert response.status_code == 400 and response.json()["error"].endswith("run `dvc repro` first")
