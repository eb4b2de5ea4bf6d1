"""Trying the classifier: an answer for what is a picture, one line for what is none, and nothing is kept."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.conftest import HERE, PORT, TOKEN, DataSet
from conftest import encoded, noise, png_header
from fieldguide.app.access import TOKEN_HEADER
from fieldguide.app.model import Look, TrainingPictures
from fieldguide.app.server import create_app
from fieldguide.base.errors import UserError
from fieldguide.data.images import PictureError, read_picture

UNTOLD = (70, 50)  # the size of a picture in which it cannot be told where a model looks


class Brightness:
    """A model that calls the bright teddy, and says of white that it is neither."""

    labels = ("black", "teddy")

    def answers(self, files: Any) -> Iterator[Any]:
        for file in files:
            try:
                light = float(np.asarray(read_picture(file, 50).image).mean() / 255)
            except PictureError as error:
                yield SimpleNamespace(probabilities=None, reason=str(error))
                continue
            seen = {"id": "0" * 16, "features": np.array([light, 1 - light], np.float32)}
            strange = {"p_value": 0.0001 if light == 1 else 0.5, "out_of_domain": light == 1}
            answer = np.array([1 - light, light])
            yield SimpleNamespace(probabilities=answer, reason="far away" if light == 1 else "", **strange, **seen)

    def opened(self, content: bytes) -> Image.Image:
        return Image.open(io.BytesIO(content))

    def look(self, picture: Image.Image, label: int, side: int) -> Look:
        if picture.size == UNTOLD:
            raise UserError("no map")
        return Look(Image.new("RGB", (side, side)), f"what speaks for {self.labels[label]}: nowhere", "guessing")


@pytest.fixture
def desk(data_set: DataSet, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    features = np.array([(0, 1), (0.1, 0.9), (0.9, 0.1), (1, 0)], np.float32)
    training = TrainingPictures([f"{n:016x}" for n in range(4)], ["black", "black", "teddy", "teddy"], features)
    monkeypatch.setattr("fieldguide.app.server.load_model", lambda _: Brightness())
    monkeypatch.setattr("fieldguide.app.server.training_pictures", lambda *_: training)
    with TestClient(create_app(data_set.paths, PORT, TOKEN), base_url=HERE) as client:
        client.get(f"/?token={TOKEN}")
        client.headers[TOKEN_HEADER] = TOKEN
        yield client


def files(root: Path) -> set[str]:
    return {path.as_posix() for path in root.rglob("*") if path.is_file() and ".git/" not in path.as_posix()}


def test_a_picture_is_answered_for_and_not_kept(desk: TestClient, data_set: DataSet) -> None:
    before = files(data_set.paths.root)
    answer = desk.post("/api/try", content=encoded(Image.new("RGB", (80, 60), (240, 240, 240)), "JPEG")).json()
    assert [label for label, _ in answer["labels"]] == ["black", "teddy"] and answer["labels"][1][1] > 0.9
    assert [one["label"] for one in answer["similar"]] == ["teddy", "teddy", "black"]
    look = desk.get(f"/api/tried/{answer['key']}/look").json()
    assert look == {"text": "what speaks for teddy: nowhere", "method": "guessing"}
    for kind in ("picture", "look"):
        response = desk.get(f"/tried/{answer['key']}/{kind}")
        assert response.headers["content-type"] == "image/jpeg"
        Image.open(io.BytesIO(response.content)).load()
    assert desk.get(f"/tried/{'0' * 16}/picture").status_code == 400
    assert Image.open(io.BytesIO(desk.get("/colour-scale").content)).size == (192, 24)
    assert files(data_set.paths.root) == before


def test_where_the_classifier_cannot_be_seen_to_look_the_answer_stands(desk: TestClient) -> None:
    answer = desk.post("/api/try", content=encoded(noise(1, *UNTOLD), "PNG")).json()
    assert desk.get(f"/tried/{answer['key']}/picture").status_code == 200
    assert desk.get(f"/api/tried/{answer['key']}/look").json() == {"error": "no map"}


def test_old_answers_go_so_that_the_memory_does_not_fill(desk: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldguide.app.try_routes.KEPT", 2)
    keys = [desk.post("/api/try", content=encoded(noise(n), "PNG")).json()["key"] for n in range(3)]
    assert [desk.get(f"/tried/{key}/picture").status_code for key in keys] == [400, 200, 200]


@pytest.mark.parametrize(
    "content",
    [b"", b"<script>alert(1)</script>", os.urandom(5000), png_header(60_000, 60_000), encoded(noise(1), "PNG")[:300]],
    ids=["empty", "html", "noise", "bomb", "cut off"],
)
def test_what_is_no_picture_is_refused_in_one_line(desk: TestClient, data_set: DataSet, content: bytes) -> None:
    before = files(data_set.paths.root)
    response = desk.post("/api/try", content=content)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error and "\n" not in error and len(error) < 200
    assert files(data_set.paths.root) == before


@pytest.mark.parametrize("megabytes", [65, 200])
def test_a_large_upload_is_refused_before_it_is_read(desk: TestClient, megabytes: int) -> None:
    response = desk.post("/api/try", content=b"x", headers={"content-length": str(megabytes * 2**20)})
    assert (response.status_code, response.text) == (413, "fieldguide: too large: at most 64 MB are taken\n")
