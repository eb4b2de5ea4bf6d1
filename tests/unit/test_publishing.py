"""What a published folder says: cards in which every text is shown as it is, and the checks of a Space."""

from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import DatasetCard, ModelCard, SpaceCard
from markdown_it import MarkdownIt

from evaluated import findings
from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import write_text
from fieldguide.data.status import Status
from fieldguide.release.publish.cards import DATA_CARD, MODEL_CARD, write_cards
from fieldguide.release.publish.data_card import LEFT_OUT
from fieldguide.release.publish.folder import LIST, published_folder
from fieldguide.release.publish.results import Results
from fieldguide.release.publish.space import GRADIO, write_readme
from fieldguide.release.publish.space_check import check_space
from fieldguide.release.publish.training import Training
from results import METRICS, SCREEN_METRICS

SITE = "a | pipe"
LABELS = sorted(
    [
        *(
            "no",
            "12",
            "<script>alert(1)</script>",
            SITE,
            "*stars* and _lines_",
            "quotes \" and '",
            "# head",
            "- item",
        ),
        *(
            "two\nlines",
            "\u202eright to left",
            "`code`",
            "[link](javascript:1)",
            "http://a.example/",
            "{{ 7 * 7 }}",
            "&amp;",
        ),
        *("1. first", "back\\slash", "$x^2$", "~~struck~~", "käse 熊 🐻", "---", "a: b # c"),
    ]
)
TRAINING = Training({"model": "tiny"}, "abc, unchanged, when it was trained", "not known (why)", "f" * 64, "e" * 64)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def results(labels: list[str], **screen: float) -> Results:
    """Those of a data set whose labels and sites have these names; one picture of each label was left out."""
    found = findings(labels, SITE)
    calibration = {
        "calibration_pictures": 100,
        "calibration_strangers": 3,
        "calibration_groups": 40,
        "promise_has_enough_pictures": True,
        "alarm_rate_promised_low": 0.01,
        "alarm_rate_promised_high": 0.1,
    }
    worst = {f"worst_site_accuracy{end}": 0.25 for end in ("", "_low", "_high")}
    images = pd.DataFrame(
        {
            "label": labels * 2,
            "raw_label": labels * 2,
            "source": ["https://me:secret@host.example/a.jpg?token=1", *["black/a.jpg"] * (2 * len(labels) - 1)],
            "status": [Status.KEPT] * len(labels) + [Status.DROPPED] * len(labels),
            "review": [""] * len(labels) + ["drop"] * len(labels),
            "site": labels * 2,
            "time": pd.to_datetime(pd.Series(["2025-03-01"] * len(labels) + [""] * len(labels))),
            "sequence": None,
        }
    )
    sides = ["train", "valid", "test"]
    split = pd.DataFrame({"label": labels, "split": [sides[place % 3] for place in range(len(labels))]})
    return Results(
        metrics={
            "evaluate": {**found.metrics, "worst_site": SITE, **worst},
            "screen": {**SCREEN_METRICS, **calibration, "test_pictures": 12, **screen},
            "split": {"train": 1, "valid": 1, "test": 1, "left_out": 0},
        },
        evaluation={
            "per_label": found.labels,
            "shifts": found.shifts,
            "by_site": found.sites,
            "by_month": found.months,
        },
        images=images,
        split=split,
        params={"data": "own", "split.group_by": "<b>camera", "split.seed": 1},
        classifier={
            "vocabulary": labels,
            "preprocessing": {"size": 32},
            "architecture": {"arch": "test_resnet", "library": "timm"},
        },
    )


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table of a card, as a reader sees them; fails for what a card of ours never has."""
    found: list[list[list[str]]] = []
    for token in MARKDOWN.parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline":
            children = token.children or []
            assert not {one.type for one in children} & {"html_inline", "em_open", "s_open", "image"}, token.content
            links = [str(one.attrGet("href")) for one in children if one.type == "link_open"]
            assert set(links) <= {MODEL_CARD, DATA_CARD}
            if found and found[-1] and token.level == 4:
                found[-1][-1].append("".join(one.content for one in children))
        assert token.type not in ("html_block", "heading_open") or token.tag in ("h1", "h2"), token.content
    return found


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards")
    write_cards(folder, results(LABELS), TRAINING, "no", "")
    return folder


def test_every_label_stands_in_the_cards_as_it_is_and_means_nothing(cards: Path) -> None:
    model = tables(ModelCard.load(cards / MODEL_CARD).text)
    _, per_label, *_ = model
    assert [row[0] for row in per_label[1:]] == [printable(label) for label in LABELS]
    assert all(len(row) == len(per_label[0]) for row in per_label)
    by_label, sources, left_out, _ = tables(DatasetCard.load(cards / DATA_CARD).text)
    assert sorted(row[0] for row in by_label[1:]) == sorted(printable(label) for label in LABELS)
    assert sources[1:] == [["own files", str(2 * len(LABELS) - 1)], ["host.example", "1"]]
    assert left_out[1:] == [[LEFT_OUT[Status.DROPPED], str(len(LABELS))]]


def test_addresses_are_named_by_their_host_alone(cards: Path) -> None:
    text = (cards / DATA_CARD).read_text(encoding="utf-8")
    assert "secret" not in text and "token" not in text


def test_the_front_matter_asks_for_a_licence_until_one_is_given(cards: Path, tmp_path: Path) -> None:
    assert ModelCard.load(cards / MODEL_CARD).data.to_dict()["license_name"] == "to-fill-in"
    write_cards(tmp_path, results(LABELS), TRAINING, "no", "mit")
    assert ModelCard.load(tmp_path / MODEL_CARD).data.license == "mit"
    assert DatasetCard.load(tmp_path / DATA_CARD).data.license == "other", "the pictures have their own"


def test_a_figure_is_told_with_its_interval_or_as_not_measured(cards: Path, tmp_path: Path) -> None:
    text = (cards / MODEL_CARD).read_text(encoding="utf-8")
    assert "a label that it does not know would be noticed was not measured" in text
    assert "Worst site: a \\| pipe, 25.0 % right (25 to 25)." in text
    assert "calibrated by 97 pictures in 40 groups, by which the true rate lies between\n1.0 % and 10.0 %." in text
    assert "- How far the background alone tells the label was not measured." in text
    known = {"unknown_label_auroc": 0.87, "unknown_label_auroc_low": 0.81, "unknown_label_auroc_high": 0.92}
    measured = results(LABELS, **known)
    measured.metrics["evaluate"] |= METRICS
    write_cards(tmp_path, measured, TRAINING, "no", "")
    text = (tmp_path / MODEL_CARD).read_text(encoding="utf-8")
    assert "AUROC of 0.870 (0.810 to 0.920)" in text
    assert "- No sign that the background gives the labels away: the border alone, 10 % of each side, names" in text


def test_every_reason_to_leave_a_file_out_has_words() -> None:
    assert set(LEFT_OUT) == set(Status) - {Status.KEPT}


@pytest.mark.parametrize("title", LABELS)
def test_any_title_comes_back_from_the_front_matter(title: str, tmp_path: Path) -> None:
    write_readme(tmp_path, LABELS, title, "", 0)
    card = SpaceCard.load(tmp_path / "README.md")
    assert card.data.title == printable(title)
    assert MARKDOWN.parse(card.text)[1].children is not None
    assert "".join(one.content for one in MARKDOWN.parse(card.text)[1].children or []) == printable(title)
    tables(card.text)


def space(folder: Path, readme: str = "", requirements: str = f"gradio=={GRADIO}\n") -> Path:
    """A folder with all that a Space has but a classifier; `readme` replaces a line of the front matter."""
    write_readme(folder, ["a", "b"], "bears", "mit", 0)
    for name in ("app.py", "fieldguide/__init__.py", MODEL_CARD, DATA_CARD):
        write_text(folder / name, "")
    write_text(folder / "requirements.txt", requirements)
    if readme:
        key = readme.partition(":")[0]
        lines = (folder / "README.md").read_text(encoding="utf-8").split("\n")
        lines[next(place for place, line in enumerate(lines) if line.startswith(f"{key}:"))] = readme
        write_text(folder / "README.md", "\n".join(lines))
    return folder


@pytest.mark.parametrize(
    ("readme", "said"),
    [
        ("colorFrom: teal", "colorFrom: Input should be 'red', 'yellow'"),
        ("colorTo: #fff", "colorTo: "),
        ("sdk: streamlit", "sdk: Input should be 'gradio'"),
        ("sdk_version: 6.3", "sdk_version: Input should be a valid string"),
        ("sdk_version: 5.0.0", "sdk_version is 5.0.0, but requirements.txt asks for gradio"),
        ("python_version: 3.10", "python_version: Input should be a valid string"),
        ("emoji: bear", "emoji: Value error, must be one emoji"),
        ("title: ''", "title: String should have at least 1 character"),
        ("title: no", "title: Input should be a valid string"),
        ("app_file: start.py", "start.py is missing"),
        ("license:", "license: "),
        ("title: 'a", "no front matter that can be read"),
    ],
)
def test_what_the_hub_would_not_run_is_told_in_one_line(readme: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        check_space(space(tmp_path, readme))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_space_without_a_file_or_with_torch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"README.md is missing"):
        check_space(tmp_path)
    with pytest.raises(UserError, match="asks for torch, which the Space does not need"):
        check_space(space(tmp_path, requirements=f"gradio=={GRADIO}\nTorch>=2\n"))
    with pytest.raises(UserError, match=r"classifier.json cannot be read"):
        check_space(space(tmp_path))
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfeg")
    with pytest.raises(UserError, match=r"requirements.txt asks for gradio of any version"):
        check_space(tmp_path)
    write_text(tmp_path / "requirements.txt", f"gradio=={GRADIO}\n")
    (tmp_path / MODEL_CARD).unlink()
    with pytest.raises(UserError, match=f"{MODEL_CARD} is missing"):
        check_space(tmp_path)


def publish(folder: Path, kind: str = "card") -> None:
    with published_folder(folder, kind, {}) as made:
        write_text(made / "a.md", "a")
        write_text(made / "code" / "b.py", "b")


def test_a_folder_is_replaced_only_as_it_was_published(tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    folder.mkdir()
    publish(folder)  # into an empty one
    write_text(folder / "code" / "__pycache__" / "b.pyc", "of Python, when somebody tried it")
    publish(folder)
    with pytest.raises(UserError, match="was published as something else"):
        publish(folder, "space")
    write_text(folder / "a.md", "a, and the licence")
    with pytest.raises(UserError, match=r"was changed since it was published \(a.md\)"):
        publish(folder)
    publish(tmp_path / "second")
    write_text(tmp_path / "second" / "note.txt", "mine")
    with pytest.raises(UserError, match=r"was changed since it was published \(note.txt\)"):
        publish(tmp_path / "second")
    publish(tmp_path / "third")
    (tmp_path / "third" / "away").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"was changed since it was published \(away\)"):
        publish(tmp_path / "third")
    (tmp_path / "third" / LIST).write_text('{"kind": "card", "files": ["a.md"]}')
    with pytest.raises(UserError, match="was published as something else"):
        publish(tmp_path / "third")
    assert (tmp_path / "second" / "note.txt").is_file() and (folder / "a.md").read_text() == "a, and the licence"


def test_what_somebody_else_wrote_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "own" / "thesis.md", "years of work")
    (tmp_path / "link").symlink_to(tmp_path / "own")
    for folder, said in (("own", "is not empty"), ("link", "is no folder"), ("own/thesis.md", "is no folder")):
        with pytest.raises(UserError, match=said):
            publish(tmp_path / folder)
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["thesis.md"]


def test_a_publication_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    publish(tmp_path / "cards")
    before = (tmp_path / "cards" / "a.md").stat().st_ino
    with pytest.raises(UserError), published_folder(tmp_path / "cards", "card", {}) as made:
        write_text(made / "a.md", "half")
        raise UserError("no")
    assert (tmp_path / "cards" / "a.md").stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == ["cards"]
