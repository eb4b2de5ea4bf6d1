"""What pages of other origins, hostile names, links and uploads may do to the app: nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.conftest import HERE, PORT, TOKEN, DataSet
from conftest import encoded, few_daily, noise
from fieldguide.app.access import TOKEN_HEADER, kept_token, opening_file
from fieldguide.app.pictures import inside
from fieldguide.app.server import create_app
from fieldguide.base.errors import UserError
from source_graph import ROOT

Attack = Callable[[TestClient, DataSet], tuple[int, str]]


def posted(client: TestClient, data_set: DataSet, **headers: str) -> tuple[int, str]:
    content = {"wishes": [{"id": data_set.ids["black/0.png"], "decision": "drop"}]}
    response = client.post("/api/review", json=content, headers=headers)
    return response.status_code, response.text


def wrong_host(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    return posted(client, data_set, host=f"attacker.example:{PORT}")


def other_port(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    return posted(client, data_set, host="127.0.0.1:80")


def no_token(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    return posted(client, data_set, **{TOKEN_HEADER: ""})


def wrong_token(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    return posted(client, data_set, **{TOKEN_HEADER: TOKEN[:-1] + "x"})


def other_origin(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    return posted(client, data_set, origin="http://attacker.example")


def no_cookie_to_change(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    client.cookies.clear()
    return posted(client, data_set)


def no_cookie_to_see_a_picture(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    client.cookies.clear()
    response = client.get(f"/picture/{data_set.ids['black/0.png']}/320")
    return response.status_code, response.text


def path_upwards(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    response = client.get("/picture/..%2f..%2fparams.yaml/320")
    return response.status_code, response.text


def static_file_upwards(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    response = client.get("/static/..%2fserver.py")
    return response.status_code, response.text


def link_out(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    """A picture of somebody else, to which a link in the data set leads."""
    secret = data_set.paths.root.parent / "secret.png"
    secret.write_bytes(encoded(noise(7), "PNG"))
    file = data_set.paths.sources / "own" / "black" / "0.png"
    file.unlink()
    file.symlink_to(secret)
    response = client.get(f"/picture/{data_set.ids['black/0.png']}/1280")
    return response.status_code, response.text


def large_upload(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    headers = {"content-length": str(200 * 2**20)}
    response = client.post("/api/review", content=b"{}", headers=headers)
    return response.status_code, response.text


def endless_upload(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    response = client.post("/api/review", content=iter([b"{}"] * 3))  # in chunks, without a length
    return response.status_code, response.text


def text_that_is_no_json(client: TestClient, data_set: DataSet) -> tuple[int, str]:
    response = client.post("/api/review", content=b"{" * 1000)
    return response.status_code, response.text


ATTACKS: dict[Attack, int] = {
    wrong_host: 421,
    other_port: 421,
    no_token: 403,
    wrong_token: 403,
    other_origin: 403,
    no_cookie_to_change: 403,
    no_cookie_to_see_a_picture: 403,
    path_upwards: 404,
    static_file_upwards: 404,
    link_out: 400,
    large_upload: 413,
    endless_upload: 411,
    text_that_is_no_json: 422,
}


@pytest.mark.parametrize("attack", few_daily(ATTACKS, 4), ids=lambda attack: attack.__name__)
def test_an_attack_is_refused_in_one_line_and_changes_nothing(
    client: TestClient, data_set: DataSet, attack: Attack
) -> None:
    code, text = attack(client, data_set)
    assert code == ATTACKS[attack]
    assert len(text.strip().splitlines()) == 1 and len(text) < 300
    assert not data_set.paths.reviews.exists()


def test_every_answer_forbids_what_the_pages_do_not_need(client: TestClient) -> None:
    for path in ("/", "/api/review", "/static/core.js", "/style.css", "/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_a_cookie_alone_gives_no_token(data_set: DataSet) -> None:
    """Every server of this machine gets the cookie: whoever has it may look, and change nothing."""
    with TestClient(create_app(data_set.paths, PORT, TOKEN), base_url=HERE) as client:
        response = client.get(f"/?token={TOKEN}")
        assert response.status_code == 200 and "/static/open.js" in response.text
        for path in ("/", "/label", "/confirm", "/try", "/runs", "/static/core.js", "/static/open.js"):
            page = client.get(path)
            assert page.status_code == 200 and TOKEN not in page.text
        assert (
            "HttpOnly" in response.headers["set-cookie"] and "samesite=strict" in response.headers["set-cookie"].lower()
        )
        assert TOKEN not in response.headers["set-cookie"]


def test_hostile_names_are_text(client: TestClient, data_set: DataSet) -> None:
    """A page holds no name at all: scripts put them into it as texts, and no script makes elements of a text."""
    hostile = "<img src=x onerror=alert(1)>"
    content = {"wishes": [{"id": data_set.ids["black/0.png"], "decision": "drop", "note": hostile}]}
    assert client.post("/api/review", json=content).status_code == 200
    response = client.get("/api/review/decisions")
    assert response.headers["content-type"] == "application/json" and hostile in response.text
    assert hostile not in client.get("/").text


@pytest.mark.parametrize("name", ["", "..", "../x.png", "/etc/passwd", "a\0b", "x" * 5000, "black"])
def test_a_name_that_leads_out_names_no_picture(data_set: DataSet, name: str) -> None:
    with pytest.raises(UserError):
        inside(data_set.paths.sources / "own", name)


def test_the_token_is_its_owners_and_outlives_the_app(data_set: DataSet) -> None:
    file = data_set.paths.checkout_state / "app_token.json"
    token = kept_token(file)
    assert len(token) >= 43 and file.stat().st_mode & 0o077 == 0
    assert kept_token(file) == token
    file.write_text("damaged", encoding="ascii")
    assert kept_token(file) != token


def test_the_page_that_opens_the_app_is_its_owners(tmp_path: Path) -> None:
    for _ in range(2):
        file = opening_file(tmp_path / "app" / "open.html", f"{HERE}/?token={TOKEN}")
        assert TOKEN in file.read_text(encoding="ascii") and file.stat().st_mode & 0o077 == 0


def test_no_script_makes_elements_of_texts() -> None:
    static = ROOT / "src" / "fieldguide" / "app" / "static"
    scripts = {file.name: file.read_text(encoding="utf-8") for file in static.glob("*.js")}
    assert scripts
    risky = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?:")
    assert not {name: found for name, text in scripts.items() if (found := risky.findall(text))}
