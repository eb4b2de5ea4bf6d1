"""The scheduled job: what it decides, what becomes of pictures, and that a kill at any moment changes nothing of it."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from conftest import CHECKOUT, PARAMS, encoded, id_of, noise, put
from fieldguide.base.config import Config, RetrainConfig
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file, write_text
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.images import as_jpeg
from fieldguide.data.sources.folder import FolderData
from fieldguide.data.sources.table import TableData
from fieldguide.data.table import IMAGES, write_table
from fieldguide.retraining import file_moves as take_over
from fieldguide.retraining import journal
from fieldguide.retraining.arrived import State
from fieldguide.retraining.incoming import list_incoming
from fieldguide.retraining.incoming_checks import Observed
from fieldguide.retraining.job import Outcome, run_job
from fieldguide.retraining.job_tools import SAME, Champion, Judged
from fieldguide.retraining.journal import Journal, jobs
from fieldguide.retraining.lock import AnotherJob, job_lock
from fieldguide.retraining.shown import Shown
from fieldguide.retraining.triggers import Choice, Doubts, Facts, decide
from fieldguide.retraining.unlabelled_queue import ANSWERED
from web import Web, serve

pytestmark = pytest.mark.slow

HAD = 6  # pictures of each label in the data set
LABELS = ("black", "grizzly")
RULES = RetrainConfig()


class FakeTools:
    """A pipeline, a gate and a registry that only take note; they keep their own state outside the checkout."""

    def __init__(self, verdict: str = "not worse", champion: str | None = "version 1") -> None:
        self.verdict, self.name = verdict, champion
        self.trained: list[list[str]] = []
        self.versions: list[str] = []
        self.branches: list[str] = []
        self.closed: list[str] = []
        self.failed: list[str] = []
        self.failing: str | None = None
        self.seen: Callable[[Sequence[Path]], Observed] = indifferent
        self.known = pd.DataFrame(columns=["file", "label"])
        self.suggests: Callable[[Path, str], str] = lambda file, label: label
        self.checked: list[list[Path]] = []
        self.thrown_away: set[str] = set()  # branches
        self.added: dict[str, dict[str, bytes]] = {}  # by branch: the pictures that it adds to the data set
        self.vocabularies: list[set[str]] = []

    def _may_fail(self, step: str) -> None:
        if self.failing == step:
            raise UserError(f"{step} does not answer")

    def champion(self) -> Champion | None:
        self._may_fail("registry")
        return Champion(self.name, Path("weights")) if self.name else None

    def is_first(self) -> bool:
        return self.name is None and not self.versions

    def reference(self) -> pd.DataFrame:
        return self.known

    def observe(self, champion: Champion, files: Sequence[Path]) -> Observed:
        return self.seen(files)

    def out_of_fold(
        self, pictures: Sequence[Shown], taught: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        files, labels = [one.file for one in pictures], [one.label for one in pictures]
        self.checked.append(files)
        self.vocabularies.append(set(labels))
        vocabulary = sorted(set(labels))
        answers = [vocabulary.index(self.suggests(file, label)) for file, label in zip(files, labels, strict=True)]
        return np.eye(len(vocabulary))[answers], np.ones(len(files), bool)

    def ask(self, champion: Champion, files: Sequence[Path]) -> pd.DataFrame:
        rows = [("black", 0.9 - 0.1 * place, *self.screened(file)) for place, file in enumerate(files)]
        return pd.DataFrame(rows, columns=ANSWERED)

    def screened(self, file: Path) -> tuple[float, bool, str]:
        return (0.004, True, "upside down") if file.name == "odd.png" else (0.5, False, "")

    def train(self, job: Journal, new: pd.DataFrame, run: str) -> Paths:
        self._may_fail("train")
        self.trained.append(sorted(new["target"]))
        incoming = Paths(job.folder.parents[2]).incoming
        self.joining = new
        files = zip(new["target"], new["file"], strict=True)
        self.added[job.name] = {target: (incoming / file).read_bytes() for target, file in files}
        job.worktree.mkdir(exist_ok=True)
        return Paths(job.worktree)

    def judge(self, made: Paths) -> Judged:
        return Judged(self.verdict, self.verdict in ("better", "not worse", SAME), 900, self.name or "", [])

    def register(self, job: Journal, made: Paths, judged: Judged, why: str) -> str:
        self._may_fail("register")
        if job.name not in self.versions:  # the same weights are one version, as in the real registry
            self.versions.append(job.name)
        return f"version {len(self.versions) + 1}"

    def commit(self, job: Journal, made: Paths, message: str) -> str:
        if job.name not in self.branches:
            self.branches.append(job.name)
        return f"retrain/{job.name}"

    def stands(self, job: Journal) -> bool:
        return job.name not in self.thrown_away

    def open_run(self, job: Journal) -> str:
        return f"run-{job.name}"

    def close_run(self, job: Journal, run: str, files: Sequence[Path], figures: dict[str, float], failed: bool) -> None:
        self._may_fail("report")
        if failed:
            self.failed.append(run)
        elif run not in self.closed:
            self.closed.append(run)

    def clear(self, job: Journal) -> None:
        shutil.rmtree(job.worktree, ignore_errors=True)


def merge(paths: Paths, tools: FakeTools, job: str) -> None:
    """`git merge retrain/<job> && dvc checkout`."""
    for target, content in tools.added[job].items():
        put(paths.sources / "own" / target, content)


def indifferent(files: Sequence[Path]) -> Observed:
    """Nothing that would be shifted or disputed."""
    chance = np.random.default_rng(0)
    count = len(files)
    return Observed(
        LABELS,
        np.full((count, 2), 0.5),
        chance.normal(size=(count, 3)),
        {"light": chance.random(count)},
        np.zeros(count, bool),
        0.05,
    )


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Paths]:
    """A checkout with a data set of twelve pictures, of which each test gets a copy."""
    root = tmp_path_factory.mktemp("untouched")
    shutil.copytree(CHECKOUT / "conf", root / "conf")
    (root / "conf" / "data" / "own.yaml").write_text("kind: folder\nallow_private: true\n", encoding="utf-8")
    text = PARAMS.replace("data: sample", "data: own").replace("checks: few", "checks: standard")
    (root / "params.yaml").write_text(text, encoding="utf-8")
    paths = Paths(root)
    for place, label in enumerate(LABELS):
        for number in range(HAD):
            put(paths.sources / "own" / label / f"{number}.png", noise(100 * place + number))
    return compose(paths, ["retrain=eager"]), paths


@pytest.fixture
def home(untouched: tuple[Config, Paths], tmp_path: Path) -> Paths:
    return Paths(shutil.copytree(untouched[1].root, tmp_path / "home"))


@pytest.fixture
def cfg(untouched: tuple[Config, Paths]) -> Config:
    return deepcopy(untouched[0])


def deliver(paths: Paths, count: int, seed: int = 1000, label: str = "black") -> None:
    for number in range(count):
        put(paths.incoming / label / f"new-{seed}-{number}.png", noise(seed + number))


def call(cfg: Config, paths: Paths, tools: FakeTools, force: bool = False) -> Outcome:
    return run_job(cfg, paths, tools, set(), force)


def job_page(home: Paths, job: str) -> str:
    """A job's page, without the places at which long names may break."""
    return (home.report("retrain") / job / "index.html").read_text(encoding="utf-8").replace("<wbr>", "")


def begun(cfg: Config, paths: Paths, tools: FakeTools) -> None:
    """A first job, after which what is in the data set is known."""
    call(cfg, paths, tools, force=True)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_nothing_new_is_nothing_to_do(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    outcome = call(cfg, home, tools)
    assert outcome == Outcome("", "nothing to do: 0 new pictures of 1, 0 new reviews of 1")
    assert len(tools.trained) == 1
    assert [job.name for job in jobs(home.retraining)] == ["0001"]


def test_accepted_pictures_join_the_data_set_by_a_merge(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    deliver(home, 3)
    put(home.incoming / "black" / "0.png", noise(77))  # the name is taken
    put(home.incoming / "black" / "again.png", (home.sources / "own" / "black" / "1.png").read_bytes())
    before = contents(home)
    message = call(cfg, home, tools).message
    assert message == (
        "job 0002: not worse against version 1, now version 3; 4 pictures accepted, in data/incoming until "
        "retrain/0002 is merged; 4 labels not checked: the data set has 12 files, 20 are needed; "
        "see reports/retrain/0002/index.html"
    )
    assert before.keys() - contents(home).keys() == {"data/incoming/black/again.png"}
    assert contents(home).items() <= before.items(), "a copy has gone; else everything is where it was"
    page = job_page(home, "0002")
    assert "The new model is not worse: accepted as a challenger" in page and "version 3" in page
    assert "git merge retrain/0002 &amp;&amp; dvc checkout" in page
    waiting = call(cfg, home, tools)
    assert waiting.message == (
        "nothing to do: 0 new pictures of 1, 0 new reviews of 1; also in data/incoming: 4 accepted (until retrain/0002 "
        "is merged)"
    )
    merge(home, tools, "0002")
    assert len(files_below(home.sources / "own")) == 2 * HAD + 4
    merged = call(cfg, home, tools)
    assert merged.message == (
        "nothing to do: 0 new pictures of 1, 0 new reviews of 1; 4 pictures of merged branches left data/incoming"
    )
    assert files_below(home.incoming) == [] and len(tools.trained) == 2


def test_a_branch_contains_what_was_accepted_before_it_and_only_what_is_new_is_judged(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    deliver(home, 3)
    deliver(home, 1, label="grizzly", seed=1500)
    put(home.incoming / "black" / "twice.png", noise(1000))
    call(cfg, home, tools)
    deliver(home, 2, seed=2000)
    tools.verdict = "worse"
    message = call(cfg, home, tools).message
    assert "2 new pictures held back in data/held/0003" not in message and "2 pictures held back" in message
    assert len(tools.trained[-1]) == 6, "trained on what was accepted and on what is new"
    assert len(files_below(home.held / "0003")) == 2, "what was accepted stays"
    assert len(files_below(home.incoming)) == 5
    tools.verdict = "better"
    deliver(home, 2, seed=3000)
    assert "2 pictures accepted" in call(cfg, home, tools).message
    assert call(cfg, home, tools).job == ""
    merge(home, tools, "0004")
    assert "7 pictures of merged branches left data/incoming" in call(cfg, home, tools).message
    assert files_below(home.incoming) == [] and len(files_below(home.sources / "own")) == 2 * HAD + 6


@pytest.mark.parametrize("verdict", ["better", SAME])
def test_the_pictures_of_a_branch_that_was_thrown_away_are_new_again(cfg: Config, home: Paths, verdict: str) -> None:
    """And so are the reviews: the same job can be run again."""
    tools = FakeTools()
    begun(cfg, home, tools)
    deliver(home, 3)
    line = f"{id_of(noise(1))},keep,,Ann,2026-01-31,\n"
    write_text(home.reviews, "id,decision,label,reviewer,date,note\n" + line)
    tools.verdict = verdict
    call(cfg, home, tools)
    everything = contents(home)
    tools.thrown_away.add("0002")
    again = call(cfg, home, tools)
    assert again.job == "0003" and tools.trained[-1] == tools.trained[-2]
    facts = read_json(home.retraining / "0003" / "journal.json")["facts"]
    assert (facts["new"], facts["reviews"]) == ({"black": 3}, 1)
    assert contents(home) == everything
    assert call(cfg, home, tools).job == ""
    merge(home, tools, "0003")
    assert call(cfg, home, tools).job == "" and files_below(home.incoming) == []


def test_a_later_job_that_was_refused_leaves_a_branch_as_it_is(cfg: Config, home: Paths) -> None:
    """Whether it is merged after that, or thrown away."""
    tools = FakeTools()
    begun(cfg, home, tools)
    deliver(home, 3)
    call(cfg, home, tools)
    tools.verdict = "not enough evidence"
    deliver(home, 2, seed=2000)
    call(cfg, home, tools)
    merged = Paths(shutil.copytree(home.root, home.root.with_name("merged")))
    merge(merged, tools, "0002")
    assert call(cfg, merged, tools).job == "", "neither what was merged nor what waits is new"
    assert files_below(merged.incoming) == ["black/new-2000-0.png", "black/new-2000-1.png"]
    tools.thrown_away.add("0002")
    assert call(cfg, home, tools).job == "0004"
    assert read_json(home.retraining / "0004" / "journal.json")["facts"]["new"] == {"black": 3}


def test_the_same_model_again_takes_pictures_in_and_is_not_registered(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    deliver(home, 1)
    tools.verdict = SAME
    message = call(cfg, home, tools).message
    assert "job 0002: the same model as version 1: nothing to compare; 1 pictures accepted" in message
    assert tools.versions == ["0001"] and tools.branches == ["0001", "0002"]
    page = job_page(home, "0002")
    assert "The same model as version 1" in page and "The gate" not in page


@pytest.mark.parametrize("verdict", ["worse", "not enough evidence"])
def test_what_the_gate_refuses_changes_nothing_but_its_own_files(cfg: Config, home: Paths, verdict: str) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    before, versions = files_below(home.sources), list(tools.versions)
    deliver(home, 3)
    tools.verdict = verdict
    call(cfg, home, tools)
    assert files_below(home.sources) == before and tools.versions == versions and tools.branches == ["0001"]
    where = home.held / "0002" / "black" if verdict == "worse" else home.incoming / "black"
    assert len(files_below(where)) == 3
    assert call(cfg, home, tools).job == "", "the same pictures are not tried again"
    deliver(home, 2, seed=2000)
    call(cfg, home, tools)
    assert len(tools.trained[-1]) == (2 if verdict == "worse" else 5), "what waits is tried with what comes next"


def test_a_bad_file_costs_a_row_and_never_the_job(cfg: Config, home: Paths) -> None:
    deliver(home, 1)
    put(home.incoming / "black" / "text.jpg", b"no picture")
    put(home.incoming / "black" / "tiny.png", noise(5, 20, 20))
    put(home.incoming / "wolf" / "new.png", noise(6))
    put(home.incoming / "grizzly" / "other.png", (home.sources / "own" / "black" / "1.png").read_bytes())
    put(home.incoming / "black" / ".upload.jpg", noise(8))
    (home.incoming / "black" / "link.png").symlink_to(home.params)
    put(home.incoming / "loose.png", noise(9))
    table = list_incoming(cfg, home).set_index("file")
    reasons = {file: reason for file, reason in table["reason"].items() if reason}
    assert set(reasons) == {
        *("black/text.jpg", "black/tiny.png", "black/link.png", "wolf/new.png", "grizzly/other.png")
    }
    assert "shorter side must have 32" in reasons["black/tiny.png"]
    assert reasons["grizzly/other.png"] == "the same file is in the data set, or arrived, with the label 'black'"
    assert "no folder 'wolf'" in reasons["wolf/new.png"]
    assert table.loc["loose.png", "state"] == State.UNLABELLED
    tools = FakeTools()
    call(cfg, home, tools)
    assert tools.trained[0] == ["black/new-1000-0.png"]
    left = {"black/.upload.jpg", "black/link.png", "black/new-1000-0.png", "loose.png", "wolf/new.png"}
    assert set(files_below(home.incoming)) == left
    assert files_below(home.held / "0001") == ["black/text.jpg", "black/tiny.png", "grizzly/other.png"]


def test_a_known_picture_in_another_file_and_under_another_label_is_refused(cfg: Config, home: Paths) -> None:
    """It would take the old one out of the data set, and perhaps out of the test split."""
    rows = []
    for number, (label, raw_label) in enumerate([("black", "black"), ("grizzly", "black"), ("bear", "bear")]):
        texts = dict.fromkeys(("source", "path", "file", "review", "status", "reason", "clean_path"), "")
        copy = hashlib.sha256(as_jpeg(noise(number), 92)).hexdigest()
        row = {"id": id_of(noise(number)), "clean_sha256": copy, "label": label, "raw_label": raw_label}
        rows.append({**texts, **row})
    write_table(pd.DataFrame(rows, columns=IMAGES.names), home.image_table, IMAGES)
    for number in range(3):
        put(home.incoming / "grizzly" / f"{number}.bmp", encoded(noise(number), "BMP"))
    put(home.incoming / "black" / "0.bmp", encoded(noise(0), "BMP"))
    cfg = replace(cfg, data=FolderData("folder", {"grizzly": "bear"}))
    table = list_incoming(cfg, home).set_index("file")
    reason = "the same picture is in the data set, with the label 'black'"
    assert dict(table["state"]) == {
        "black/0.bmp": State.NEW,
        "grizzly/0.bmp": State.REFUSED,
        "grizzly/1.bmp": State.REFUSED,
        "grizzly/2.bmp": State.NEW,
    }
    assert table.loc["grizzly/0.bmp", "reason"] == reason


def test_unlabelled_pictures_are_queued_and_never_trained_on(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    put(home.incoming / "unlabelled" / "a.png", noise(1))
    put(home.incoming / "b.png", noise(2))
    put(home.incoming / "unlabelled" / "odd.png", noise(3))
    deliver(home, 1)  # a labelled one beside them is not queued
    tools.verdict = "not enough evidence"
    call(cfg, home, tools)
    outcome = call(cfg, home, tools)
    assert outcome.message.endswith("; also in data/incoming: 3 unlabelled")
    assert (home.report("retrain") / "review_queue.csv").read_text(encoding="utf-8").splitlines() == [
        "file,id,prediction,probability,p_value,out_of_domain,reason,model",
        f"data/incoming/unlabelled/odd.png,{id_of(noise(3))},black,0.7,0.004,True,upside down,version 1",
        f"data/incoming/unlabelled/a.png,{id_of(noise(1))},black,0.8,0.5,False,,version 1",
        f"data/incoming/b.png,{id_of(noise(2))},black,0.9,0.5,False,,version 1",
    ]
    assert len(tools.trained) == 2 and tools.trained[1] == ["black/new-1000-0.png"]


def test_without_a_champion_the_queue_holds_no_answers(cfg: Config, home: Paths) -> None:
    put(home.incoming / "b.png", noise(2))
    call(cfg, home, FakeTools(champion=None))
    (line,) = (home.report("retrain") / "review_queue.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert line == f"data/incoming/b.png,{id_of(noise(2))},,,,,,"


def test_what_is_queued_can_be_labelled_by_moving_it(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    put(home.incoming / "b.png", noise(50))
    call(cfg, home, tools)
    (home.incoming / "black").mkdir()
    (home.incoming / "b.png").rename(home.incoming / "black" / "b.png")
    call(cfg, home, tools)
    assert tools.trained[1] == ["black/b.png"]
    assert len((home.report("retrain") / "review_queue.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_a_renamed_label_takes_pictures_in_by_both_names_and_what_is_refused_is_named(cfg: Config, home: Paths) -> None:
    cfg = replace(cfg, data=FolderData("folder", {"black": "bear", "grizzly": "bear"}))
    for seed, file in enumerate(("bear/a.png", "black/a.png", "grizzly/b.png", "wolf/c.png", "wolf/d.png")):
        put(home.incoming / file, noise(3000 + seed))
    table = list_incoming(cfg, home).set_index("file")
    assert table.loc["bear/a.png", "target"] == "black/a.png", "the first folder of that label"
    assert str(table.loc["black/a.png", "target"]).startswith("black/a-"), "its name is taken"
    assert table.loc["grizzly/b.png", "target"] == "grizzly/b.png"
    tools = FakeTools()
    message = call(cfg, home, tools).message
    assert len(tools.trained[0]) == 3
    assert "3 pictures accepted, in data/incoming until retrain/0001 is merged; 2 refused (wolf/c.png, ...: " in message
    assert "the data set has no folder 'wolf'" in message


@pytest.mark.parametrize("override", ["data=sample", "+data.layout='{site}/{label}'"])
def test_what_has_no_folders_of_labels_takes_no_pictures_in(cfg: Config, home: Paths, override: str) -> None:
    """By this layout the data set has no pictures: a site would become a label."""
    deliver(home, 1)
    table = list_incoming(compose(home, [override]), home)
    (reason,) = table["reason"]
    assert reason.startswith("the selected data set cannot take in pictures from here: put them beside its others")
    assert reason.endswith("`fieldguide add NAME FOLDER`")
    listed = list_incoming(replace(cfg, data=TableData("table")), home)
    assert list(listed["reason"]) == [reason]


@pytest.fixture
def at_sites(cfg: Config, home: Paths) -> Config:
    """The data set is laid out by site and label, with labels that are renamed."""
    for site in ("S1", "S2"):
        for number, label in enumerate(LABELS):
            put(home.sources / "own" / site / label / "0.png", noise(4000 + 10 * int(site[1]) + number))
    for label in LABELS:
        shutil.rmtree(home.sources / "own" / label)
    return replace(cfg, data=FolderData("folder", {"grizzly": "brown bear"}, layout="{site}/{label}"))


def test_a_delivery_keeps_its_sites_and_a_new_one_is_said(at_sites: Config, home: Paths) -> None:
    for seed, name in enumerate(("S1/black/0.png", "S7/black/burst/1.png", "S7/brown bear/2.png")):
        put(home.incoming / name, noise(5000 + seed))
    put(home.incoming / "S2" / "black" / "again.png", (home.sources / "own/S2/black/0.png").read_bytes())
    put(home.incoming / "S2" / "grizzly" / "other.png", (home.sources / "own/S2/black/0.png").read_bytes())
    put(home.incoming / "S2" / "wolf" / "3.png", noise(5010))
    put(home.incoming / "S2" / "lost.png", noise(5011))
    put(home.incoming / "S2" / "unlabelled" / "4.png", noise(5012))
    put(home.incoming / "unlabelled" / "5.png", noise(5013))
    table = list_incoming(at_sites, home).set_index("file")
    assert str(table.loc["S1/black/0.png", "target"]).startswith("S1/black/0-"), "its name is taken"
    assert table.loc["S7/black/burst/1.png", "target"] == "S7/black/burst/1.png"
    assert table.loc["S7/brown bear/2.png", "target"] == "S7/grizzly/2.png"
    assert table.loc["S2/black/again.png", "state"] == State.KNOWN
    assert table.loc[table["state"] == State.REFUSED, "reason"].to_dict() == {
        "S2/grizzly/other.png": "the same file is in the data set, or arrived, with the label 'black'",
        "S2/lost.png": "not as {site}/{label}: put it where its label is said, or into unlabelled/",
        "S2/wolf/3.png": "the data set has no label 'wolf': correct the name, or put the first picture of a new label "
        "there",
    }
    assert set(table.index[table["state"] == State.UNLABELLED]) == {"S2/unlabelled/4.png", "unlabelled/5.png"}
    tools = FakeTools()
    outcome = call(at_sites, home, tools)
    assert sorted(tools.trained[0])[1:] == ["S7/black/burst/1.png", "S7/grizzly/2.png"]
    assert "; site S7 is new; " in outcome.message
    facts = jobs(home.retraining)[-1].get("facts")
    assert facts["new"] == {"black": 4, "brown bear": 3}, "the pipeline has not run here"
    assert (facts["sites"], facts["had_sites"]) == ({"S1": 1, "S7": 2}, {"S1": 2, "S2": 2})
    page = job_page(home, "0001")
    assert "<tr><th>S7</th><td>2</td><td>new site</td></tr>" in page and "<tr><th>S1</th><td>1</td><td>2</td>" in page


@contextmanager
def web_of(paths: Paths, count: int) -> Iterator[Web]:
    """A web of `count` pictures, all black bears by the data set's address list; and an address that gives nothing."""
    pages = {f"/{number}.png": (200, encoded(noise(2000 + number), "PNG")) for number in range(count)}
    with serve(pages) as web:
        rows = [f"{web.address}{path},black" for path in (*pages, "/gone.png?token=secret")]
        write_text(paths.sources / "own.csv", "\n".join(["url,label", *rows, ""]))
        yield web


def test_new_rows_of_an_address_list_are_fetched_once_and_join_the_data_set(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    with web_of(home, 4) as web:
        message = call(cfg, home, tools).message
        assert "not worse against version 1" in message
        assert "4 pictures accepted" in message
        merge(home, tools, "0002")
        assert len(files_below(home.sources / "own" / "black")) == HAD + 4
        again = call(cfg, home, tools)
        assert again.job == ""
        assert web.asked == {**{f"/{number}.png": 1 for number in range(4)}, "/gone.png?token=secret": 2}
    reason = f"1 refused (line 6, {web.address}/gone.png: the server answers 404 Not Found)"
    assert again.message.endswith(f"; {reason}")
    page = job_page(home, "0002")
    assert "/gone.png" in page
    assert "secret" not in page


def test_what_of_an_address_list_was_held_back_does_not_come_again(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    tools.verdict = "worse"
    with web_of(home, 4) as web:
        assert "4 pictures held back" in call(cfg, home, tools).message
        shutil.rmtree(home.checkout / "data" / "held")
        assert call(cfg, home, tools).job == ""
    assert web.asked["/0.png"] == 1


def test_a_fresh_clone_knows_the_addresses_of_its_pictures(cfg: Config, home: Paths) -> None:
    """A clone has the data set and not what jobs have noted; and a killed job has noted nothing."""
    tools = FakeTools()
    with web_of(home, 4) as web:
        call(cfg, home, tools, force=True)
        merge(home, tools, "0001")
        shutil.rmtree(home.incoming)
        shutil.rmtree(home.retraining)
        call(cfg, home, FakeTools(), force=True)
    assert web.asked["/0.png"] == 1


def test_a_copy_of_what_the_data_set_has_goes_and_is_reported(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    before = contents(home)
    put(home.incoming / "black" / "again.png", (home.sources / "own" / "black" / "1.png").read_bytes())
    message = call(cfg, home, tools).message
    assert "job 0002: nothing to train (0 new pictures of 1" in message
    assert "copies of known pictures removed from data/incoming: 1" in message
    assert contents(home) == before and len(tools.trained) == 1
    page = job_page(home, "0002")
    assert "Nothing to train" in page and "black/again.png" in page and "or arrived, as black/1.png" in page
    assert call(cfg, home, tools).job == ""


def test_a_copy_stays_if_what_it_is_a_copy_of_has_gone_meanwhile(
    cfg: Config, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    original = home.sources / "own" / "black" / "1.png"
    put(home.incoming / "black" / "again.png", original.read_bytes())

    def open_run(job: Journal) -> str:
        original.unlink(missing_ok=True)
        return "run"

    monkeypatch.setattr(tools, "open_run", open_run)
    call(cfg, home, tools)
    assert files_below(home.incoming) == ["black/again.png"]
    call(cfg, home, tools)
    assert tools.trained[-1] == ["black/again.png"], "and is new"


def test_what_came_twice_is_held_back_twice(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    tools.verdict = "worse"
    for name in ("one.png", "two.png"):
        put(home.incoming / "black" / name, noise(60))
    put(home.incoming / "black" / "again.png", (home.sources / "own" / "black" / "1.png").read_bytes())
    call(cfg, home, tools)
    assert files_below(home.held / "0002") == ["black/one.png", "black/two.png"]
    assert files_below(home.incoming) == []


def furnished(home: Paths) -> None:
    """So many pictures in the data set that it is known how many labels are disputed usually: none."""
    for place, label in enumerate(LABELS):
        for number in range(20):
            put(home.sources / "own" / label / f"more-{number}.png", noise(5000 + 100 * place + number))


def doubting(file: Path, label: str) -> str:
    """Of what arrives everything is a grizzly."""
    return "grizzly" if "incoming" in file.parts else label


@pytest.mark.parametrize("champion", ["version 1", None])
def test_a_delivery_whose_labels_are_in_doubt_is_held_back_untrained(
    cfg: Config, home: Paths, champion: str | None
) -> None:
    """With and without a champion; the page shows each picture with both labels."""
    furnished(home)
    tools = FakeTools(champion=champion)
    begun(cfg, home, tools)
    tools.suggests = doubting
    deliver(home, 12, label="black")
    message = call(cfg, home, tools, force=True).message
    assert "12 new pictures held back in data/held/0002: labels in doubt: 12 of 12 are disputed (100 %)" in message
    assert len(tools.trained) == 1
    assert len(files_below(home.held / "0002")) == 12
    page = job_page(home, "0002")
    assert "Held back before training" in page and page.count("<td>black</td><td>grizzly</td>") == 12
    assert page.count('<img alt="black/new-1000-') == 12 and "<code>data/held/0002</code>" in page
    disputed = pd.read_csv(home.report("retrain") / "0002" / "disputed.csv")
    assert list(disputed.columns) == ["file", "label", "suggested"] and len(disputed) == 12
    assert call(cfg, home, tools).job == ""


def test_what_a_person_brings_back_from_data_held_is_not_doubted_again(cfg: Config, home: Paths) -> None:
    """Right labels of a new camera look wrong to models of old ones. Copies of what lies there still are held again."""
    furnished(home)
    tools = FakeTools()
    begun(cfg, home, tools)
    tools.suggests = doubting
    deliver(home, 12, label="black")
    call(cfg, home, tools)
    deliver(home, 12, label="black")
    message = call(cfg, home, tools).message
    assert "12 new pictures held back in data/held/0003" in message and "back from" not in message
    shutil.rmtree(home.held / "0003")
    for file in sorted((home.held / "0002").rglob("*.png")):
        file.rename(home.incoming / "black" / file.name)
    deliver(home, 12, label="black", seed=4000)
    message = call(cfg, home, tools).message
    assert "12 new pictures held back in data/held/0004: labels in doubt: 12 of 12" in message
    assert "12 that a person has looked at stay in data/incoming" in message
    message = call(cfg, home, tools).message
    assert "12 pictures accepted" in message
    assert "12 labels not checked: a person brought them back from data/held" in message
    assert len(tools.trained[-1]) == len(files_below(home.held / "0004")) == 12


def test_a_single_disputed_label_or_a_small_data_set_holds_nothing_back(cfg: Config, home: Paths) -> None:
    """Of two, one disputed label is chance; and of twelve known pictures nobody knows what is usual."""
    tools = FakeTools()
    begun(cfg, home, tools)
    tools.suggests = doubting
    deliver(home, 4)
    message = call(cfg, home, tools).message
    unchecked = "4 labels not checked: the data set has 12 files, 20 are needed"
    assert "4 pictures accepted" in message and unchecked in message and not tools.checked
    assert unchecked in job_page(home, "0002")
    furnished(home)
    tools.suggests = lambda file, label: "grizzly" if file.name == "new-2000-0.png" else label
    deliver(home, 12, seed=2000)
    message = call(cfg, home, tools).message
    assert "12 pictures accepted" in message and "not checked" not in message and tools.checked
    page = job_page(home, "0003")
    assert page.count("<td>black</td><td>grizzly</td>") == 1 and "data/held" not in page


@pytest.mark.parametrize("label", ["cub", "black", "grizzly"])
def test_two_folders_of_one_label_are_one_label_to_the_checks(cfg: Config, home: Paths, label: str) -> None:
    """`labels` makes the folders cub and black one label: what moves between them is neither in doubt nor a drift."""
    furnished(home)
    for number in range(20):
        put(home.sources / "own" / "cub" / f"{number}.png", noise(9000 + number))
    assert isinstance(cfg.data, FolderData)
    cfg = replace(cfg, data=replace(cfg.data, labels={"cub": "black"}))
    tools = FakeTools()
    begun(cfg, home, tools)
    deliver(home, 12, label=label, seed=3000)
    call(cfg, home, tools)
    assert tools.vocabularies[-1] == {"black", "grizzly"}
    facts = read_json(home.retraining / "0002" / "journal.json")["facts"]
    assert set(facts["new"]) <= {"black", "grizzly"} and set(facts["had"]) == {"black", "grizzly"}


def test_a_file_that_has_gone_while_the_champion_looked_is_a_row_with_the_reason(
    cfg: Config, home: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test picture that is missing is reported, and the others are compared with."""
    tools = FakeTools()
    begun(cfg, home, tools)

    def without_the_first(files: Sequence[Path]) -> Observed:
        seen = indifferent(files[1:])
        return replace(seen, unread={files[0]: "No such file or directory"})

    tools.seen = without_the_first
    tools.known = pd.DataFrame({"file": [Path(str(n)) for n in range(40)], "label": ["grizzly"] * 40})
    deliver(home, 4)
    assert "3 pictures accepted" in call(cfg, home, tools).message
    assert tools.trained[-1] == [f"black/new-1000-{number}.png" for number in (1, 2, 3)]
    message = "fieldguide: 1 test pictures cannot be read, the first is 0 (No such file or directory)\n"
    assert capsys.readouterr().err == message
    row = pd.read_csv(home.report("retrain") / "0002" / "incoming.csv").set_index("file").loc["black/new-1000-0.png"]
    assert (row["state"], row["reason"]) == (State.REFUSED, "No such file or directory")
    facts = read_json(home.retraining / "0002" / "journal.json")["facts"]
    assert facts["new"] == {"black": 3}


def by_night(strange: bool, sure: float = 0.5) -> Callable[[Sequence[Path]], Observed]:
    """All that arrives is dark, and perhaps out of domain."""

    def seen(files: Sequence[Path]) -> Observed:
        usual = indifferent(files)
        arrived = np.array(["incoming" in file.parts for file in files])
        dark = usual.measurements["light"] - 5.0 * arrived
        answers = np.where(arrived[:, None], 0.5, [sure, 1 - sure])
        return replace(usual, probabilities=answers, measurements={"light": dark}, out_of_domain=arrived & strange)

    return seen


def test_doubts_hold_a_delivery_back_also_where_it_has_shifted(cfg: Config, home: Paths) -> None:
    furnished(home)
    tools = FakeTools()
    begun(cfg, home, tools)
    tools.seen, tools.suggests = by_night(strange=False, sure=0.95), doubting
    tools.known = pd.DataFrame({"file": [Path(str(n)) for n in range(40)], "label": ["grizzly"] * 40})
    deliver(home, 12, label="black")
    assert "12 new pictures held back in data/held/0002: labels in doubt" in call(cfg, home, tools).message
    facts = read_json(home.retraining / "0002" / "journal.json")["facts"]
    assert "light (1.00)" in facts["shift"] and facts["doubts"]["disputed"] == 12


def test_another_source_in_domain_is_no_shift(cfg: Config, home: Paths) -> None:
    """Darker pictures beyond doubt, but neither alarms nor less confidence."""
    tools = FakeTools()
    begun(cfg, home, tools)
    tools.seen = by_night(strange=False)
    tools.known = pd.DataFrame({"file": [Path(str(n)) for n in range(40)], "label": ["grizzly"] * 40})
    deliver(home, 12)
    call(cfg, home, tools)
    assert read_json(home.retraining / "0002" / "journal.json")["facts"]["shift"] == ""


def test_what_is_out_of_domain_is_for_the_gate_to_judge(cfg: Config, home: Paths) -> None:
    """Of night pictures the data set's own say nothing, so nothing of theirs is disputed."""
    furnished(home)
    tools = FakeTools()
    begun(cfg, home, tools)
    tools.seen, tools.suggests = by_night(strange=True), doubting
    tools.known = pd.DataFrame({"file": [Path(str(n)) for n in range(40)], "label": ["grizzly"] * 40})
    deliver(home, 12, label="black")
    outcome = call(cfg, home, tools)
    assert "12 pictures accepted" in outcome.message
    assert "12 labels not checked: out of the champion's domain" in outcome.message
    assert "have shifted: light (1.00)" in read_json(home.retraining / "0002" / "journal.json")["choice"]["reasons"][1]


@pytest.mark.parametrize(
    ("facts", "train", "hold", "reason"),
    [
        (Facts(new={"black": 29}), False, False, "29 new pictures of 30, 0 new reviews of 5"),
        (Facts(new={"black": 30}, shift=""), True, False, "30 new pictures; the least for training is 30"),
        (Facts(new={"black": 9}, shift="brightness (0.90)"), False, False, "9 new pictures of 30"),
        (Facts(new={"black": 10}, shift="brightness (0.90)"), True, False, "10 new pictures have shifted: brightness"),
        (Facts(reviews=5), True, False, "5 new reviews; the least for training is 5"),
        (Facts(first=True), True, False, "there is no champion yet"),
        (Facts(forced=True), True, False, "forced"),
        (Facts(new={"black": 20}, had={"black": 50, "grizzly": 50}), True, False, "100 % black, was 50 %"),
        (Facts(new={"black": 6, "grizzly": 4}, had={"black": 50, "grizzly": 50}), False, False, "10 new pictures of"),
        (
            Facts(new={"black": 60}, doubts=Doubts(20, 60, 0.02, 0.3, 1e-6)),
            False,
            True,
            "20 of 60 are disputed (33 %)",
        ),
        (Facts(new={"black": 60}, doubts=Doubts(4, 60, 0.02, 0.05, 1e-6)), True, False, "60 new pictures"),
        (Facts(new={"black": 60}, doubts=Doubts(1, 2, 0.0, 0.5, 0.1)), True, False, "60 new pictures"),
    ],
)
def test_rules_of_the_decision(facts: Facts, train: bool, hold: bool, reason: str) -> None:
    choice = decide(facts, RULES)
    assert (choice.train, choice.hold) == (train, hold)
    assert reason in ", ".join(choice.reasons)


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def kill_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die at the so-manieth time that anything is written down or moved, before or after it by turns."""
    left = Counter(steps=steps)

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            left["steps"] -= 1
            dies = left["steps"] == 0
            if dies and steps % 2:
                raise Killed
            result = real(*arguments, **options)
            if dies:
                raise Killed
            return result

        return wrapped

    for module, name in ((journal, "write_json"), (take_over, "place")):
        monkeypatch.setattr(module, name, dying(getattr(module, name)))
    for name in ("train", "judge", "register", "commit", "close_run", "clear"):
        monkeypatch.setattr(FakeTools, name, dying(getattr(FakeTools, name)))
    monkeypatch.setattr(Path, "unlink", dying(Path.unlink))


@pytest.mark.slow
def test_killed_anywhere_the_next_call_ends_like_an_undisturbed_one(
    cfg: Config, home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every moment at which something is written or moved, one after the other; nothing is lost, nothing doubled."""
    before = FakeTools()
    begun(cfg, home, before)
    deliver(home, 3)
    put(home.incoming / "black" / "text.jpg", b"no picture")
    put(home.incoming / "black" / "again.png", (home.sources / "own" / "black" / "1.png").read_bytes())
    plain = Paths(shutil.copytree(home.root, tmp_path / "plain"))
    tools = FakeTools()
    tools.versions, tools.branches = ["0001"], ["0001"]
    call(cfg, plain, tools)
    wanted = contents(plain)
    kills = 0
    while True:
        kills += 1
        paths = Paths(shutil.copytree(home.root, tmp_path / f"killed-{kills}"))
        tools = FakeTools()
        tools.versions, tools.branches = ["0001"], ["0001"]
        with monkeypatch.context() as patched:
            kill_after(kills, patched)
            try:
                call(cfg, paths, tools)
                break  # the job has fewer moments than that
            except Killed:
                pass
        call(cfg, paths, tools)
        call(cfg, paths, tools)  # and once more: nothing to do
        assert contents(paths) == wanted, f"killed at moment {kills}"
        assert tools.versions == ["0001", "0002"] and tools.branches == ["0001", "0002"], f"moment {kills}"
        assert [job.get("status") for job in jobs(paths.retraining)] == ["done", "done"]
        assert jobs(paths.retraining)[-1].name == "0002"
        shutil.rmtree(paths.root)
    assert kills > 30


def contents(paths: Paths) -> dict[str, str]:
    """Every picture by its place."""
    return {
        path.relative_to(paths.root).as_posix(): sha256_of_file(path)
        for folder in (paths.sources, paths.incoming, paths.held)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("step", ["registry", "train", "register", "report"])
def test_a_step_that_fails_is_taken_up_again(cfg: Config, home: Paths, step: str) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    deliver(home, 2)
    tools.failing = step
    before = contents(home)
    with pytest.raises(UserError, match=f"{step} does not answer"):
        call(cfg, home, tools)
    if step != "report":
        assert contents(home) == before
    if step == "train":
        page = job_page(home, "0002")
        assert "Stopped: train does not answer" in page
        assert tools.failed == ["run-0002"]
    tools.failing = None
    assert call(cfg, home, tools).job == "0002"
    assert (tools.versions, tools.branches, tools.closed[-1]) == (["0001", "0002"], ["0001", "0002"], "run-0002")
    trained = 2 if step in ("registry", "train", "register", "report") else 3
    assert len(tools.trained) == trained, "what was judged is not trained again"


def test_what_somebody_adds_during_the_training_is_new_to_the_next_job(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    real = tools.train

    def train(job: Journal, new: pd.DataFrame, run: str) -> Paths:
        made = real(job, new, run)
        put(home.sources / "own" / "black" / "meanwhile.png", noise(500))
        return made

    tools.train = train  # type: ignore[method-assign]
    begun(cfg, home, tools)
    tools.train = real  # type: ignore[method-assign]
    assert call(cfg, home, tools).job == "0002"
    assert call(cfg, home, tools).job == ""


def test_a_clock_that_jumps_changes_nothing(cfg: Config, home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([2e9, 0.0, 5e9, 1.0] * 1000)
    monkeypatch.setattr("time.time", lambda: next(times))
    tools = FakeTools()
    begun(cfg, home, tools)
    for number in range(3):
        deliver(home, 1, seed=3000 + number)
        assert call(cfg, home, tools).job == f"000{number + 2}"
    assert tools.versions == ["0001", "0002", "0003", "0004"]


def test_numbers_go_on_where_branches_are(cfg: Config, home: Paths) -> None:
    outcome = run_job(cfg, home, FakeTools(), {"0007", "9999"}, True)
    assert outcome.job == "10000"
    deliver(home, 1)
    assert call(cfg, home, FakeTools()).job == "10001"


def test_a_file_that_changes_meanwhile_stays_and_counts_as_new(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    deliver(home, 2)
    real = tools.judge

    def judge(made: Paths) -> Judged:
        put(home.incoming / "black" / "new-1000-0.png", noise(55))
        return real(made)

    tools.judge = judge  # type: ignore[method-assign]
    call(cfg, home, tools)
    merge(home, tools, "0002")
    tools.judge = real  # type: ignore[method-assign]
    assert call(cfg, home, tools).job == "0003"
    assert files_below(home.incoming) == ["black/new-1000-0.png"]
    merge(home, tools, "0003")
    call(cfg, home, tools)
    assert files_below(home.incoming) == []
    stored = {sha256_of_file(path) for path in (home.sources / "own").rglob("*.png")}
    assert len(stored) == len(files_below(home.sources / "own")) == 2 * HAD + 3, "also what was judged"


def test_one_job_at_a_time_and_the_lock_of_the_dead_is_none(tmp_path: Path) -> None:
    with job_lock(tmp_path, wait=False), pytest.raises(AnotherJob, match="--wait"), job_lock(tmp_path, wait=False):
        pass
    with job_lock(tmp_path, wait=True):
        pass


def test_journals_hold_what_was_decided(cfg: Config, home: Paths) -> None:
    tools = FakeTools()
    begun(cfg, home, tools)
    journal_file = home.retraining / "0001" / "journal.json"
    content = read_json(journal_file)
    assert Choice(**content["choice"]).reasons == ["forced", "12 new pictures; the least for training is 1"]
    assert content["judged"]["verdict"] == "not worse"
    assert {"collect and decide", "train and evaluate", "gate", "register", "commit", "move"} <= set(content["seconds"])
