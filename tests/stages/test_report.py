"""The page that tells everything in short, of small tables made here."""

import html.parser
import importlib.util
import json

import pytest

import browser
from evaluated import findings
from fieldguide.base.config import Config
from fieldguide.base.files import read_json, sha256_of_file, write_json, write_text
from fieldguide.base.paths import Paths
from fieldguide.base.stopped import Stopped
from fieldguide.evaluation.page import evaluation_page
from fieldguide.overview.page import overview_page
from fieldguide.overview.provenance import chosen
from fieldguide.overview.screening_section import Promise
from fieldguide.screening.calibration import Calibration
from fieldguide.stages.report import run
from results import write_results

pytestmark = pytest.mark.slow

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Paths]:
    return write_results(tmp_path_factory.mktemp("made"), ("black", "teddy"), HOSTILE)


class Parts(html.parser.HTMLParser):
    """Collects tags, addresses and pictures of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


@pytest.fixture(scope="module")
def page(made: tuple[Config, Paths]) -> str:
    run(*made)
    return made[1].overview.read_text(encoding="utf-8")


def test_the_page_opens_with_a_verdict_in_plain_words_and_its_interval(page: str) -> None:
    top = page[: page.index("<nav>")]
    assert "The classifier labels 92 of 100 new pictures correctly" in top
    assert "(95 % interval: 86 to 96)" in top
    assert "Do not rely on it under these shifts: night (31 of 100 right)." in top
    assert "2 pictures to review: among them 1 label in doubt, 1 picture out of domain." in top
    assert "<dt>recall of teddy, the lowest</dt><dd>75.0 %</dd><small>30.0 % to 95.0 %</small>" in top
    for jargon in ("F1", "macro", "calibrat", "p-value", "epoch"):
        assert jargon not in top


def test_the_page_holds_everything_itself_and_escapes_what_strangers_named(page: str) -> None:
    parts = Parts()
    parts.feed(page)
    assert not {"script", "link", "iframe"} & set(parts.tags)
    assert parts.tags.count("img") == 8  # 4 charts; hardest, odd, in doubt, and the queue's
    inside = [address for address in parts.addresses if address.startswith(("data:image/", "#"))]
    assert [address for address in parts.addresses if address not in inside] == [
        "validate/data_docs/index.html",
        "screen/data_docs/index.html",
        "screen/review_queue.csv",
    ]
    whole = page.replace("<wbr>", "")  # where a long name may break
    assert whole.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3


def test_alarms_are_compared_with_those_promised_and_the_fold_says_how_sure_the_promise_is(page: str) -> None:
    text = " ".join(page.split())
    assert text.count(": in line with the 5 % expected") == 2  # in the verdict, and above the table
    assert text.index("test pictures raise the alarm") < text.index("how the alarm works")
    assert "103 calibration pictures set that rate; the true one lies between 0.9 % and 12.2 % (95 % interval)" in text


@pytest.mark.parametrize(("interval", "how"), [((0.06, 0.2), "more than"), ((0.0, 0.04), "fewer than")])
def test_a_rate_of_alarms_that_is_another_one_is_said_so(interval: tuple[float, float], how: str) -> None:
    promise = Promise(0.05, Calibration(103, 103, 103.0))
    assert promise.against(*interval) == f"{how} the 5 % expected"


def test_flagged_pictures_stand_by_reason_and_every_choice_is_named(page: str) -> None:
    assert "Much darker than any training picture <small>1</small>" in page
    assert "may be teddy" in page
    assert '<td class="short">0.90</td><td>relabel teddy</td>' in page
    assert "<th>cannot be read</th><td>1</td>" in page
    for group in ("data", "resize", "augment", "model", "schedule", "checks"):
        assert f"<tr><th>{group}</th><td>" in page


def test_the_index_of_data_docs_leads_to_both_suites(page: str, made: tuple[Config, Paths]) -> None:
    parts = Parts()
    parts.feed((made[1].docs_index / "index.html").read_text(encoding="utf-8"))
    assert parts.addresses == ["../validate/data_docs/index.html", "../screen/data_docs/index.html"]


def test_the_same_results_give_the_same_bytes_and_are_named_by_their_hash(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    first = run(cfg, paths)
    assert run(cfg, paths) == first
    assert first["page_sha256"] == sha256_of_file(paths.overview)
    assert str(paths.root) not in paths.overview.read_text(encoding="utf-8")


def test_a_page_about_a_stop_before_training_shows_nothing_of_an_older_run(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    text = overview_page(paths, chosen(cfg), Stopped("validate", f"check failed: {HOSTILE}"))
    assert "Stopped before training: the pictures did not pass the checks" in text
    assert "validate: check failed: &lt;script&gt;" in text
    assert "Did not pass: well lit" in text
    for later in ("How good is it?", "of 100", "fingerprint", "Fingerprint", "same world"):
        assert later not in text


def test_a_page_about_a_stop_after_training_names_the_check_and_shows_the_rest(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    text = overview_page(paths, chosen(cfg), Stopped("screen", "check failed"))
    assert "Stopped after training: the scores did not pass the checks" in text
    assert "<b>same world</b>: 1 of 3 splits: alarm rate (lower bound) above 0.5" in text
    assert text.index("Data checks</h2>") < text.index("How good is it?</h2>")


def test_no_better_than_a_simple_rule_is_said_first(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    good = read_json(paths.metrics("evaluate"))
    texts = []
    for gain, low in ((-0.05, -0.2), (0.02, -0.06)):
        write_json(paths.metrics("evaluate"), {**good, "baseline_tree_gain": gain, "baseline_tree_gain_low": low})
        texts.append(overview_page(paths, chosen(cfg), None))
    write_json(paths.metrics("evaluate"), good)
    assert '<p class="verdict warning">The classifier is no better than a simple rule' in texts[0]
    assert '<p class="verdict warning">The classifier labels 92 of 100 new pictures correctly' in texts[1]
    assert "but was not shown to be better than a simple rule: measure it on more pictures" in texts[1]


def test_labels_that_the_background_gives_away_are_warned_of_with_what_to_do(made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    good = read_json(paths.metrics("evaluate"))
    assert "No sign that the background gives the labels away: the border alone" in overview_page(
        paths, chosen(cfg), None
    )
    border = {"border_accuracy": 0.85, "border_accuracy_low": 0.78, "border_accuracy_high": 0.9, "border_gain_low": 0.2}
    write_json(paths.metrics("evaluate"), {**good, **border, "middle_told": 0.97})
    text = overview_page(paths, chosen(cfg), None)
    write_json(paths.metrics("evaluate"), good)
    assert '<p class="verdict warning">The classifier labels 92 of 100 new pictures correctly' in text
    assert "(95 % interval: 86 to 96), but it may go by their background" in text
    assert (
        "the border alone, 10 % of each side, names 85.0 % of 8 unseen pictures rightly (95 % interval 78 to 90 %"
        in text
    )
    assert "crop to boxes (clean.crop), split by site (split.group_by: site)" in text


SCRIPT = """JSON.stringify({
  wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  cut: [...document.querySelectorAll('.overview, pre, dd, dt')].filter(part => part.scrollWidth > part.clientWidth)
    .map(part => part.textContent.slice(0, 40)),
  broken: [...document.images].filter(image => !image.naturalWidth).length,
  back: getComputedStyle(document.body).backgroundColor})"""


@pytest.mark.skipif(not browser.CHROMIUM, reason="there is no Chromium")
@pytest.mark.skipif(not importlib.util.find_spec("websockets"), reason="there is no websockets")
def test_a_browser_shows_it_on_phone_and_desktop_light_and_dark(page: str, made: tuple[Config, Paths]) -> None:
    cfg, paths = made
    stopped = paths.root / "stopped.html"
    write_text(stopped, overview_page(paths, chosen(cfg), Stopped("screen", "check failed: " + "word " * 60)))
    evaluation = paths.root / "evaluation.html"
    labels = ("crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches")
    write_text(evaluation, evaluation_page(findings(labels, "a picture with a long name, to be broken")))
    with browser.browser() as chromium:
        for file in (paths.overview, stopped, paths.docs_index / "index.html", evaluation):
            for width in (390, 1280):
                backs = []
                for scheme in ("light", "dark"):
                    look = chromium.look(file, SCRIPT, width, scheme=scheme)
                    seen = json.loads(look.answer)
                    assert not seen["wide"], f"{file.name} is wider than {width} pixels"
                    assert not seen["cut"], f"{file.name}: cut at {width} pixels"
                    assert not seen["broken"]
                    assert not look.complaints
                    backs.append(seen["back"])
                assert backs[0] != backs[1]
