"""The app as a person uses it: in Chromium, by keyboard, while others decide too and the app is killed."""

import importlib.util
from typing import Any

import pytest

import browser
from app_process import app_process, chromium
from conftest import put
from fieldguide.app.access import opening_file
from fieldguide.base.files import write_text
from fieldguide.data.reviews import read_reviews
from fieldguide.data.table import IMAGES, read_table
from fieldguide.prediction.log import Logged, log_predictions, read_confirmed
from pipeline.checkout import Checkout, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not browser.CHROMIUM, reason="there is no Chromium"),
    pytest.mark.skipif(not importlib.util.find_spec("playwright"), reason="there is no Playwright"),
]
KEYS = ["d", "k", "1", "2", "3"] * 4


def wait_until(page: Any, saying: str) -> None:
    """Wait until the page says of its decisions what it should; scripts as texts are what it forbids."""
    page.locator("#saved", has_text=saying).wait_for()


def opened(window: Any, address: str, pictures: int) -> Any:
    """A page with all pictures of the data set, which are so many."""
    page = window.new_page()
    page.goto(address)
    page.locator(".card").first.wait_for()
    page.select_option("[name=show]", "all")
    page.locator(".card").nth(pictures - 1).wait_for(state="attached")
    page.evaluate("document.activeElement.blur()")
    return page


def shown(page: Any) -> list[str]:
    """The ids of the cards, in their order."""
    return [
        str(identity) for identity in page.evaluate("[...document.querySelectorAll('.card')].map(c => c.id.slice(5))")
    ]


def test_decisions_of_several_people_survive_a_kill_and_are_replayed(copy: Checkout) -> None:
    images = read_table(copy.paths.image_table, IMAGES).dropna(subset="id").set_index("id")
    labels, came_with = sorted(set(images["raw_label"]) - {""}), images["raw_label"].to_dict()
    pictures = images[images["status"].isin(["kept", "conflict"])].index.nunique()

    def words(identity: str, key: str) -> str:
        if key in "dk":
            return {"d": "drop", "k": "keep"}[key]
        return "keep" if labels[int(key) - 1] == came_with[identity] else f"relabel {labels[int(key) - 1]}"

    with app_process(copy.root, free_port(), copy.cold.environment) as app, chromium() as started:
        asked: list[str] = []
        window, other_window = started.new_context(), started.new_context()
        window.on("request", lambda request: asked.append(request.url))
        page = opened(window, app.address, pictures)
        order = [identity for identity in shown(page) if (images["raw_label"][[identity]].nunique()) == 1]
        first = shown(page).index(order[0])
        assert shown(page)[first:] == order
        for _ in range(first):
            page.keyboard.press("ArrowRight")

        # Twenty decisions, of which the last two are taken back.
        for key in KEYS:
            page.keyboard.press(key)
        wanted = {identity: words(identity, key) for identity, key in zip(order, KEYS, strict=False)}
        for identity in order[18:20]:
            page.keyboard.press("u")
            del wanted[identity]

        # Three more, selected and dropped at once.
        for _ in range(3):
            page.keyboard.press(" ")
            page.keyboard.press("ArrowRight")
        full = {"error": "the disk is full: make room"}
        page.route("**/api/review", lambda route: route.fulfill(status=503, json=full))
        page.keyboard.press("d")
        wanted |= dict.fromkeys(order[18:21], "drop")
        wait_until(page, "not saved: the disk is full")
        page.unroute("**/api/review")
        wait_until(page, "all saved")

        # Somebody else in another browser, and somebody at a terminal.
        other = opened(other_window, app.address, pictures)
        other.locator(f"#card-{order[22]}").click()
        other.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full') } }")
        other.keyboard.down("k")
        other.keyboard.down("k")  # as a key that is held repeats itself: it decides once
        other.keyboard.up("k")
        copy.fieldguide("review", order[23], "drop", "--note", "by command")
        wanted |= {order[22]: "keep", order[23]: "drop"}
        page.locator(f"#card-{order[23]} .badge").wait_for()  # the first one sees both
        page.locator(f"#card-{order[22]} .badge").wait_for()

        # The app is killed while decisions are made, and started again.
        page.locator(f"#card-{order[24]}").click()
        for place, key in enumerate(["d", "k", "d", "k"]):
            if place == 1:
                app.kill()
            page.keyboard.press(key)
            wanted[order[24 + place]] = words(order[24 + place], key)
        wait_until(page, "not saved")
        app.start()
        wait_until(page, "all saved")
        assert all(url.startswith((f"http://127.0.0.1:{app.port}/", "blob:")) for url in asked)
        app.kill()

    reviews = read_reviews(copy.paths.reviews)
    assert {identity: review.words for identity, review in reviews.items()} == wanted
    lines = copy.paths.reviews.read_text(encoding="utf-8").splitlines()[1:]
    assert len(lines) == len(wanted) + 4  # two that were taken back, each with its undo

    assert copy.repro("clean") == ["clean"]
    after = read_table(copy.paths.image_table, IMAGES).dropna(subset="id").set_index("id")
    applied = after[after["review"] != ""]
    assert {
        name: f"{row['review']} {row['label'] if row['review'] == 'relabel' else ''}".strip()
        for name, row in applied.iterrows()
    } == wanted


HOSTILE = "<img src=x onerror=document.title='taken'>"
SIZES = ((1280, 860, "light"), (390, 844, "dark"))
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def with_own_data(copy: Checkout) -> list[str]:
    """Choose a data set of folders, with three pictures that wait for a label; returns the ids of logged ones."""
    pictures = sorted(copy.paths.raw.rglob("*.jpg"))
    for picture in pictures[:: len(pictures) // 12]:
        put(copy.paths.sources / "own" / picture.parent.name / picture.name, picture.read_bytes())
    write_text(copy.paths.option("data", "own"), "# For this test.\nkind: folder\n")
    copy.set_params(data="own")
    for number, picture in enumerate(pictures[-3:]):
        put(copy.paths.incoming / "unlabelled" / f"{HOSTILE.replace('/', '')}{number}.jpg", picture.read_bytes())
    images = read_table(copy.paths.image_table, IMAGES)
    ids = sorted(images.loc[images["status"] == "kept", "id"])[:3]
    log_predictions(copy.paths.log, [Logged(identity, 1, "limited", "black", 0.8, HOSTILE, 0.5) for identity in ids])
    return ids


def test_every_page_works_by_keyboard_and_asks_nobody_else(copy: Checkout) -> None:
    copy.fieldguide("sync")  # a run for the page of runs
    ids, incoming = with_own_data(copy), copy.paths.incoming
    with app_process(copy.root, free_port(), copy.cold.environment) as app, chromium() as started:
        for width, height, scheme in SIZES:
            window = started.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            asked: list[str] = []
            complaints: list[str] = []
            window.on("request", lambda request, asked=asked: asked.append(request.url))
            window.on("weberror", lambda error, complaints=complaints: complaints.append(str(error.error)))
            window.on("console", lambda said, complaints=complaints: complaints.append(said.text))
            page = window.new_page()
            page.goto(opening_file(copy.root / "open.html", app.address).as_uri())
            page.locator(".card").first.wait_for()
            assert page.url == f"http://127.0.0.1:{app.port}/", "the token leaves the address at once"
            page.keyboard.press("Enter")
            page.keyboard.press("n")
            page.keyboard.type(HOSTILE)
            page.keyboard.press("Enter")
            page.keyboard.press("d")
            wait_until(page, "all saved")
            page.keyboard.press("u")
            checked(page)

            page.goto(f"http://127.0.0.1:{app.port}/label")
            page.locator(".card").first.wait_for(timeout=60_000)
            assert page.locator(".card").count() == 3
            page.keyboard.press("3")
            page.locator(".card .badge").wait_for()
            wait_until(page, "all saved")
            (labelled,) = [file for file in incoming.rglob("*.jpg") if "unlabelled" not in file.parts]
            assert labelled.parent.name == "teddy"
            page.keyboard.press("u")
            wait_until(page, "all saved")
            checked(page)
            page.wait_for_timeout(200)
            assert len(list((incoming / "unlabelled").iterdir())) == 3

            page.goto(f"http://127.0.0.1:{app.port}/confirm")
            page.locator("#one-label", has_text="black").wait_for()
            page.keyboard.press("Enter")
            wait_until(page, "all saved")
            checked(page)

            page.goto(f"http://127.0.0.1:{app.port}/try")
            page.set_input_files("#files", [str(next(copy.paths.raw.rglob("*.jpg")))] * 2)
            page.locator(".answer .bars").nth(1).wait_for(timeout=60_000)
            assert page.locator(".answer .similar figure").count() == 6
            checked(page)

            page.goto(f"http://127.0.0.1:{app.port}/runs")
            page.locator("#runs tbody tr").nth(1).wait_for(timeout=60_000)
            for key in (" ", "ArrowDown", " ", "Enter"):
                page.keyboard.press(key)
            page.locator("#verdict").wait_for(timeout=60_000)
            checked(page)
            assert all(url.startswith((f"http://127.0.0.1:{app.port}/", "blob:", "file:")) for url in asked)
            assert complaints == []
            window.close()
        assert app.stop() == 130, "as Ctrl-C ends every command"
    confirmed = set(read_confirmed(copy.paths)["id"])
    assert confirmed == set(ids[:2]), "in the order of their ids, whenever their files are found"
    assert [line.split(",")[1] for line in copy.paths.reviews.read_text(encoding="utf-8").splitlines()[1:]] == [
        *("drop", "undo", "drop", "undo")
    ]


def checked(page: Any) -> None:
    """Nothing runs off the side, and no name ran as a script."""
    assert page.evaluate(WIDER) <= 0
    assert "taken" not in page.title()
