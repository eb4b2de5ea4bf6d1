"""Label next: which pictures come first, and that a label makes a picture a labelled one of the delivery."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from app.conftest import HERE, PORT, TOKEN, DataSet
from conftest import noise, put
from fieldguide.app.access import TOKEN_HEADER
from fieldguide.app.label_order import teaching_order
from fieldguide.app.labelling import Waiting, bursts_of, labelled_name
from fieldguide.app.model import TrainingPictures
from fieldguide.app.server import create_app
from fieldguide.base.errors import UserError
from fieldguide.configuration.compose import compose
from fieldguide.retraining.arrived import State
from fieldguide.retraining.incoming import list_incoming


def features(*rows: tuple[float, float]) -> Any:
    return np.array(rows, np.float32)


def test_what_is_doubted_and_unlike_the_known_comes_first() -> None:
    sure, torn = [0.99, 0.01], [0.51, 0.49]
    probabilities = np.array([sure, torn, torn, sure])
    seen = features((1, 0), (1, 0), (0, 1), (0, 1))
    order = teaching_order(probabilities, seen, features((1, 0)), [""] * 4, 4)
    assert order[0] == 2, "doubted, and far from what is labelled"


def test_a_burst_gives_one_until_nothing_else_is_left() -> None:
    chance = np.random.default_rng(0)
    probabilities, seen = chance.dirichlet([1, 1, 1], 12), chance.normal(size=(12, 5)).astype(np.float32)
    bursts = ["a"] * 5 + ["b"] * 5 + ["", ""]
    order = teaching_order(probabilities, seen, seen[:0], bursts, 12)
    assert sorted(bursts[place] for place in order[:4]) == ["", "", "a", "b"]
    assert sorted(order) == list(range(12))


@given(st.integers(0, 30), st.integers(0, 5), st.integers(1, 4), st.integers(0, 40), st.integers(0, 9))
def test_every_order_names_different_pictures(pictures: int, known: int, labels: int, most: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    seen = chance.normal(size=(pictures + known, 3)).astype(np.float32)
    probabilities = chance.dirichlet([1] * labels, pictures)
    order = teaching_order(probabilities, seen[:pictures], seen[pictures:], [""] * pictures, most)
    assert len(order) == len(set(order)) == min(most, pictures)


class Darkness:
    """A model that takes the dark for black, and doubts the grey."""

    labels = ("black", "teddy")

    def answers(self, files: Iterable[Path]) -> Iterator[Any]:
        for file in files:
            try:
                light = float(np.asarray(Image.open(file).convert("L")).mean() / 255)
            except OSError:
                yield SimpleNamespace(probabilities=None, features=None, reason="not a picture")
                continue
            seen = np.array([light, 1 - light], np.float32)
            odd = {"out_of_domain": light > 0.95, "reason": "very bright", "p_value": 0.5}
            yield SimpleNamespace(probabilities=np.array([1 - light, light]), features=seen, **odd)


@pytest.fixture
def desk(data_set: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Three grey pictures and a broken file wait in data/incoming, two in another folder."""
    training = TrainingPictures(["0" * 16], ["black"], features((1, 0)))
    monkeypatch.setattr("fieldguide.app.server.load_model", lambda _: Darkness())
    monkeypatch.setattr("fieldguide.app.server.training_pictures", lambda *_: training)
    incoming, card = data_set.paths.incoming, tmp_path / "card"
    for number, light in enumerate((10, 128, 245)):
        put(incoming / "unlabelled" / "cam" / f"{number}.png", Image.new("RGB", (40, 36), (light, light, light)))
    put(incoming / "broken.jpg", b"nothing")
    put(incoming / "black" / "old.png", noise(50))
    for number in range(2):
        put(card / f"{number}.png", Image.new("RGB", (40, 36), (90 + number, 0, 0)))
    with TestClient(create_app(data_set.paths, PORT, TOKEN, [card]), base_url=HERE) as client:
        client.get(f"/?token={TOKEN}")
        client.headers[TOKEN_HEADER] = TOKEN
        yield client


def ready(client: TestClient) -> dict[str, Any]:
    for _ in range(200):
        answer: dict[str, Any] = client.get("/api/label").json()
        if answer["is_ready"]:
            return answer
        time.sleep(0.02)
    raise TimeoutError


def keys(answer: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["key"] for item in answer["items"]}


def test_the_guess_stands_there_and_the_doubted_come_first(desk: TestClient) -> None:
    answer = ready(desk)
    assert (answer["labels"], answer["left"], answer["unread"]) == (["black", "teddy"], 5, 1)
    names = [item["name"] for item in answer["items"]]
    assert names[0] == "incoming/unlabelled/cam/1.png"
    guesses = {item["name"]: item["guess"] for item in answer["items"]}
    assert guesses["incoming/unlabelled/cam/0.png"] == "black" and guesses["incoming/unlabelled/cam/2.png"] == "teddy"
    assert desk.get(f"/waiting/{answer['items'][0]['key']}/320").headers["content-type"] == "image/jpeg"


def test_labels_make_a_delivery_that_retraining_takes_in(desk: TestClient, data_set: DataSet) -> None:
    found, paths = keys(ready(desk)), data_set.paths
    acts = [
        {"key": found["incoming/unlabelled/cam/0.png"], "act": "label", "label": "black"},
        {"key": found["incoming/unlabelled/cam/2.png"], "act": "aside"},
        {"key": found["card/0.png"], "act": "label", "label": "teddy"},
        {"key": found["card/1.png"], "act": "label", "label": "wolf"},
    ]
    for _ in range(2):  # as a page does whose server was killed before it answered
        answer = desk.post("/api/label", json={"pictures": acts}).json()
    assert [one["refusal"] for one in answer["refused"]] == ["the data set has no label 'wolf'"]
    rows = list_incoming(compose(paths), paths)
    states = {row.file: (row.state, row.label) for row in rows.itertuples()}
    assert states["black/cam/0.png"] == (State.NEW, "black")
    assert states["teddy/card/0.png"] == (State.NEW, "teddy")
    assert not (paths.incoming / "unlabelled" / "cam" / "0.png").exists()
    assert (paths.held / "label-next" / "unlabelled" / "cam" / "2.png").is_file()
    assert (paths.root / "card" / "0.png").is_file(), "a person's own folder stays as it is"
    assert len(ready(desk)["items"]) == 2


def test_undo_puts_every_file_back(desk: TestClient, data_set: DataSet) -> None:
    def files() -> dict[str, bytes]:
        root = data_set.paths.root
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for folder in (data_set.paths.incoming, data_set.paths.held, root / "card")
            for path in folder.rglob("*")
            if path.is_file()
        }

    found, before = keys(ready(desk)), files()
    acts = {"incoming/unlabelled/cam/0.png": "label", "incoming/unlabelled/cam/2.png": "aside", "card/0.png": "label"}
    done = [{"key": found[name], "act": act, "label": "teddy" if act == "label" else ""} for name, act in acts.items()]
    assert desk.post("/api/label", json={"pictures": done}).json() == {"refused": [], "left": 2}
    assert files() != before
    back = [{"key": found[name], "act": "back"} for name in acts]
    assert desk.post("/api/label", json={"pictures": back}).json() == {"refused": [], "left": 5}
    assert files() == before


def test_a_copy_shares_nothing_with_the_file_of_another_folder(desk: TestClient, data_set: DataSet) -> None:
    source = data_set.paths.root / "card" / "0.png"
    found = keys(ready(desk))
    source.chmod(0o400)
    act = {"key": found["card/0.png"], "act": "label", "label": "teddy"}
    assert desk.post("/api/label", json={"pictures": [act]}).json()["refused"] == []
    copy = data_set.paths.incoming / "teddy" / "card" / "0.png"
    assert copy.read_bytes() == source.read_bytes() and copy.stat().st_ino != source.stat().st_ino
    assert source.stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("name", ["incoming/unlabelled/cam/1.png", "card/1.png"])
def test_a_picture_that_nobody_saw_gets_no_label(desk: TestClient, data_set: DataSet, name: str) -> None:
    key = keys(ready(desk))[name]
    file = (data_set.paths.checkout / "data" if name.startswith("incoming") else data_set.paths.root) / name
    put(file, noise(77))
    act = {"key": key, "act": "label", "label": "black"}
    (refused,) = desk.post("/api/label", json={"pictures": [act]}).json()["refused"]
    assert refused["refusal"].endswith("has changed: load the page again")
    assert keys(ready(desk))[name] != key, "the page shows the picture that is there now"


def test_undo_overwrites_nothing(desk: TestClient, data_set: DataSet) -> None:
    key, source = keys(ready(desk))["incoming/unlabelled/cam/1.png"], data_set.paths.incoming / "unlabelled/cam/1.png"
    desk.post("/api/label", json={"pictures": [{"key": key, "act": "label", "label": "black"}]})
    put(source, noise(77))
    other = source.read_bytes()
    (refused,) = desk.post("/api/label", json={"pictures": [{"key": key, "act": "back"}]}).json()["refused"]
    assert "another file is where" in refused["refusal"] and source.read_bytes() == other


@pytest.mark.parametrize("name", ["incoming/unlabelled/cam/1.png", "card/1.png"])
def test_undo_leaves_what_somebody_else_delivered(desk: TestClient, data_set: DataSet, name: str) -> None:
    key = keys(ready(desk))[name]
    source = (data_set.paths.checkout / "data" if name.startswith("incoming") else data_set.paths.root) / name
    content, theirs = source.read_bytes(), data_set.paths.incoming / "black" / source.parent.name / "1.png"
    theirs.parent.mkdir()
    theirs.write_bytes(content)
    for act in ("label", "back"):
        answer = desk.post("/api/label", json={"pictures": [{"key": key, "act": act, "label": "black"}]}).json()
        assert answer["refused"] == []
    assert theirs.read_bytes() == source.read_bytes() == content
    assert theirs.stat().st_ino != source.stat().st_ino


@pytest.mark.parametrize("when", ["before the move", "within the move", "after the move"])
def test_a_label_whose_app_was_killed_can_be_sent_again(desk: TestClient, data_set: DataSet, when: str) -> None:
    """The next app gives the answer that the killed one owed, and undo works in it."""
    key, paths = keys(ready(desk))["incoming/unlabelled/cam/1.png"], data_set.paths
    source, target = paths.incoming / "unlabelled/cam/1.png", paths.incoming / "black/cam/1.png"
    content, act = source.read_bytes(), {"key": key, "act": "label", "label": "black"}
    desk.post("/api/label", json={"pictures": [act]})
    if when != "after the move":
        source.write_bytes(content)
    if when == "before the move":
        target.unlink()
    with TestClient(create_app(paths, PORT, TOKEN), base_url=HERE, headers={TOKEN_HEADER: TOKEN}) as again:
        again.get(f"/?token={TOKEN}")
        assert again.post("/api/label", json={"pictures": [act]}).json()["refused"] == []
        assert target.read_bytes() == content and not source.exists()
        assert again.post("/api/label", json={"pictures": [{**act, "act": "back"}]}).json()["refused"] == []
        assert source.read_bytes() == content and not target.exists()


def test_new_files_are_noticed(desk: TestClient, data_set: DataSet) -> None:
    assert ready(desk)["left"] == 5
    put(data_set.paths.incoming / "unlabelled" / "late.png", noise(5))
    answer = ready(desk)
    assert "incoming/unlabelled/late.png" in keys(answer) and answer["left"] == 6


def test_a_name_that_is_no_text_costs_itself_alone(desk: TestClient, data_set: DataSet) -> None:
    put(data_set.paths.incoming / "unlabelled" / os.fsdecode(b"caf\xe9.png"), noise(5))
    answer = ready(desk)
    assert (answer["left"], answer["unread"]) == (5, 2)


def test_skipped_pictures_come_back_when_nothing_else_is_left(desk: TestClient) -> None:
    found = keys(ready(desk))
    first = desk.post("/api/label/next", json={"keys": list(found.values())[:2]}).json()
    assert len(first["items"]) == 3
    assert len(desk.post("/api/label/next", json={"keys": list(keys(first).values())}).json()["items"]) == 5


@pytest.mark.parametrize(
    ("layout", "folder", "name", "wanted"),
    [
        ("{label}", "incoming", "unlabelled/cam/1.jpg", "teddy/cam/1.jpg"),
        ("{label}", "incoming", "1.jpg", "teddy/1.jpg"),
        ("{label}", "card", "day/1.jpg", "teddy/card/day/1.jpg"),
        ("{site}/{label}", "incoming", "north/unlabelled/1.jpg", "north/teddy/1.jpg"),
        ("{site}/{label}", "incoming", "unlabelled/1.jpg", "unknown/teddy/1.jpg"),
        ("{site}/{label}", "card", "north/1.jpg", "north/teddy/1.jpg"),
        ("{site}/{label}", "card", "1.jpg", "card/teddy/1.jpg"),
    ],
)
def test_a_labelled_picture_lies_where_the_layout_says(
    data_set: DataSet, layout: str, folder: str, name: str, wanted: str
) -> None:
    paths = data_set.paths
    (paths.conf / "data" / "own.yaml").write_text(f"kind: folder\nlayout: '{layout}'\n", encoding="utf-8")
    where = paths.incoming if folder == "incoming" else paths.root / folder
    assert labelled_name(compose(paths), paths, Waiting(where, name), "teddy") == wanted


def test_a_layout_of_names_of_files_is_refused(data_set: DataSet) -> None:
    paths = data_set.paths
    (paths.conf / "data" / "own.yaml").write_text("kind: folder\nlayout: '{label}_{}.*'\n", encoding="utf-8")
    with pytest.raises(UserError, match="names files"):
        labelled_name(compose(paths), paths, Waiting(paths.incoming, "1.jpg"), "teddy")


def test_pictures_taken_at_one_go_are_a_burst(tmp_path: Path) -> None:
    for number, second in enumerate((0, 30, 59, 300)):
        picture, exif = noise(number), Image.Exif()
        exif[0x0132] = f"2026:05:01 10:{second // 60:02}:{second % 60:02}"
        picture.save(tmp_path / f"{number}.jpg", exif=exif)
    put(tmp_path / "4.png", noise(9))
    bursts = bursts_of([Waiting(tmp_path, name) for name in ("0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.png")])
    assert bursts[0] == bursts[1] == bursts[2] != bursts[3] and bursts[4] == "" != bursts[3]
