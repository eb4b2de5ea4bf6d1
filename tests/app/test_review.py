"""The page of reviews: what it shows, and that it records what `fieldguide review` records."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from app.conftest import DataSet, screen
from conftest import run_command
from fieldguide.data.reviews import read_reviews
from fieldguide.stages import clean


def wish(identity: str, decision: str, label: str = "", **more: str) -> dict[str, str]:
    return {"id": identity, "decision": decision, "label": label, **more}


def decide(client: TestClient, *wishes: dict[str, str]) -> list[dict[str, object]]:
    response = client.post("/api/review", json={"wishes": wishes})
    assert response.status_code == 200, response.text
    outcomes: list[dict[str, object]] = response.json()["outcomes"]
    return outcomes


def test_the_queue_says_why_in_words(client: TestClient, data_set: DataSet) -> None:
    answer = client.get("/api/review").json()
    items = {item["name"]: item for item in answer["items"]}
    assert [item["kinds"][0] for item in answer["items"]] == [
        "several labels",
        "twin with another label",
        "label doubt",
        "out of domain",
    ]
    assert items["black/0.png"]["reasons"] == ["may be teddy: the models give black 2 %"]
    assert items["black/0.png"]["suggestion"] == "relabel teddy"
    assert items["teddy/1.png"]["reasons"] == ["upside down"]
    pair = {"black/2.png", "teddy/3.png"}
    (listed,) = pair & items.keys()
    assert items[listed]["twin"] == data_set.ids[(pair - {listed}).pop()]
    assert items["black/both.png"]["reasons"] == ["came under several labels: black, teddy"]
    assert (answer["labels"], answer["others"]) == (["black", "teddy"], 5)
    others = {item["name"]: item["kinds"] for item in client.get("/api/review/others").json()["items"]}
    assert others.pop((pair - {listed}).pop()) == ["twin with another label"]
    assert set(map(len, others.values())) == {0}


def test_decisions_are_recorded_and_clean_applies_what_the_page_announces(
    client: TestClient, data_set: DataSet
) -> None:
    ids, paths = data_set.ids, data_set.paths
    decide(
        client,
        wish(ids["black/0.png"], "relabel", "teddy", note="seams"),
        wish(ids["teddy/1.png"], "drop"),
        wish(ids["black/2.png"], "relabel", "black"),
    )
    reviews = read_reviews(paths.reviews)
    assert {identity: (one.words, one.reviewer, one.note) for identity, one in reviews.items()} == {
        ids["black/0.png"]: ("relabel teddy", "Ada", "seams"),
        ids["teddy/1.png"]: ("drop", "Ada", ""),
        ids["black/2.png"]: ("keep", "Ada", ""),
    }
    changes = ["1 picture from black to teddy", "1 picture left out", "1 picture marked as right"]
    assert client.get("/api/review/decisions").json()["changes"] == changes
    clean.run(data_set.config, paths)
    screen(paths)
    answer = client.get("/api/review").json()
    assert answer["changes"] == []
    assert len(answer["decisions"]) == 3
    decide(client, wish(ids["teddy/1.png"], "undo"))
    assert client.get("/api/review/decisions").json()["changes"] == ["1 picture as before its decision"]


def test_what_was_sent_twice_is_recorded_once(client: TestClient, data_set: DataSet) -> None:
    """A page whose server was killed does not know whether its decision arrived."""
    once = wish(data_set.ids["black/0.png"], "drop", note="blurred")
    decide(client, once)
    before = data_set.paths.reviews.read_bytes()
    (outcome,) = decide(client, once)
    assert (outcome["refusal"], data_set.paths.reviews.read_bytes()) == ("", before)
    back = wish(data_set.ids["black/0.png"], "undo", instead_of="drop")
    for _ in range(2):
        (outcome,) = decide(client, back)
        assert (outcome["refusal"], outcome["now"]) == ("", None)


def test_undo_takes_back_only_what_the_person_saw(client: TestClient, data_set: DataSet) -> None:
    identity = data_set.ids["black/0.png"]
    decide(client, wish(identity, "drop"))
    assert run_command("review", identity, "keep", cwd=data_set.paths.root).returncode == 0
    (outcome,) = decide(client, wish(identity, "undo", instead_of="drop"))
    assert outcome["refusal"] == "somebody decided meanwhile: keep"
    assert read_reviews(data_set.paths.reviews)[identity].words == "keep"


def test_one_wrong_wish_stops_no_other(client: TestClient, data_set: DataSet) -> None:
    ids = data_set.ids
    conflict = next(item["id"] for item in client.get("/api/review").json()["items"] if not item["raw_label"])
    wrong = [wish("0" * 16, "drop"), wish(ids["black/0.png"], "relabel", "wolf"), wish(conflict, "keep")]
    outcomes = decide(client, *wrong, wish(ids["teddy/1.png"], "drop"), wish(conflict, "relabel", "teddy"))
    assert [bool(one["refusal"]) for one in outcomes] == [True, True, True, False, False]
    assert all("\n" not in str(one["refusal"]) for one in outcomes)
    assert set(read_reviews(data_set.paths.reviews)) == {ids["teddy/1.png"], conflict}


def test_many_at_once_lose_nothing_and_double_nothing(client: TestClient, data_set: DataSet) -> None:
    ids = sorted(data_set.ids.values())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda identity: decide(client, wish(identity, "drop")), ids * 3))
    lines = data_set.paths.reviews.read_text(encoding="utf-8").splitlines()[1:]
    assert sorted(line.partition(",")[0] for line in lines) == ids


@pytest.mark.parametrize("side", [320, 1280])
def test_pictures_are_encoded_anew(client: TestClient, data_set: DataSet, side: int) -> None:
    for identity in data_set.ids.values():
        response = client.get(f"/picture/{identity}/{side}")
        assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg")
        assert response.content[:2] == b"\xff\xd8" and b"Exif" not in response.content
    assert client.get(f"/picture/{identity}/4000").status_code == 400


def test_without_a_first_run_the_page_says_what_to_do(client: TestClient, data_set: DataSet) -> None:
    data_set.paths.image_table.unlink()
    response = client.get("/api/review")
    assert response.status_code == 503
    assert response.json()["error"].endswith("clean.parquet is missing: run `dvc repro`")
