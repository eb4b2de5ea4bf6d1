"""Two versions on their way through a registry: what answers under the alias, and what is written down."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest

from conftest import encoded, id_of, noise, put
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.images import perceptual_hash
from fieldguide.data.table import IMAGES, SPLIT, write_table
from fieldguide.prediction.log import read_log
from fieldguide.release.registry import Registry
from fieldguide.release.rollout.evidence import needs_of
from fieldguide.release.rollout.routing import answers_limited, predict_live
from fieldguide.release.rollout.steps import EvidenceMissing, advance, rollback, unrecorded, withdraw
from fieldguide.release.versions import Version, kept_candidate
from fieldguide.tracking.model import log_model
from fieldguide.tracking.tags import DELIVERED, MODEL, MODEL_FILES, SCREEN_FILE
from fieldguide.tracking.tracker import Tracker
from pipeline.checkout import Checkout, free_port
from pipeline.servers import asked, served
from untrained import save_classifier
from warm import warm_python

pytestmark = pytest.mark.slow

PICTURES = pd.DataFrame({"picture": [encoded(noise(seed), "PNG") for seed in range(3)]})
ACCEPTED = {"verdict": "better", "accepted": True}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paths]:
    """A checkout whose rollout asks for the gate alone, with two runs in MLflow: `first` and `second`."""
    root = tmp_path_factory.mktemp("rollout")
    here = Path(__file__).resolve().parents[2]
    (root / "conf").symlink_to(here / "conf")
    text = (here / "params.yaml").read_text(encoding="utf-8").replace("rollout: standard", "rollout: immediate")
    (root / "params.yaml").write_text(text, encoding="utf-8")
    paths = Paths(root)
    write_tables(paths)
    variables = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("MLFLOW_")}
    tracker = Tracker(paths)
    paths.classifier.parent.mkdir()
    for name, size in (("first", 32), ("second", 48)):
        save_classifier(paths.classifier.parent, size=size)
        with mlflow.start_run(experiment_id=tracker.experiment, run_name=name) as run:
            log_model(paths, tracker, run.info.run_id)
            mlflow.set_tags({DELIVERED: "yes", MODEL: sha256_of_file(paths.classifier)})
    yield paths
    os.environ.update(variables)


def write_tables(paths: Paths) -> None:
    rows = []
    for seed in range(6):
        picture = noise(seed)
        identity = id_of(picture)
        rows.append(
            {
                **dict.fromkeys([*IMAGES.names, *SPLIT.names]),
                "id": identity,
                "group": identity,
                "label": "teddy",
                "split": "train",
                "clean_path": f"{seed}.jpg",
                "clean_sha256": "",
                "status": "kept",
                "source": "",
                "path": f"{seed}.jpg",
                "file": f"data/raw/{seed}.jpg",
                "reason": "",
                "raw_label": "teddy",
                "review": "",
                "perceptual_hash": perceptual_hash(picture),
            }
        )
    table = pd.DataFrame(rows)
    write_table(table[IMAGES.names], paths.image_table, IMAGES)
    write_table(table[SPLIT.names], paths.split_table, SPLIT)


def bring_up(paths: Paths, run: str) -> Version:
    """Make a run's model the champion, as the gate and the steps allow; whether it loads is tried by other tests."""
    registry = Registry(paths)
    version = registry.register(run, "Ann", "a test")
    champion = registry.at("champion")
    registry.record_gate(version, {**ACCEPTED, "against": champion.number if champion else None})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "check", lambda *_: None)
        for _ in range(3):
            advance(compose(paths), paths, "Ann")
    return registry.version(version.number)


@pytest.fixture
def quick_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version is tried in a process that has the libraries; test_addresses_of_stores.py starts one from nothing."""
    monkeypatch.setattr("sys.executable", warm_python())
    monkeypatch.setenv("WARM_CODE", "1")


def champion_says() -> bytes:
    """What the model under the alias answers in this process."""
    return answered(mlflow.pyfunc.load_model("models:/fieldguide@champion"))


def answered(model: Any) -> bytes:
    return json.dumps(model.predict(PICTURES).to_dict("records")).encode()


@pytest.mark.usefixtures("quick_trials")
def test_the_alias_answers_with_the_new_version_and_after_a_rollback_as_before(paths: Paths, tmp_path: Path) -> None:
    cfg, registry = compose(paths), Registry(paths)
    with pytest.raises(UserError, match="no version is in any step before champion"):
        advance(cfg, paths, "Ann")
    registry.register("first", "Ann", "a test")
    with pytest.raises(EvidenceMissing, match="version 1 stays in challenger: gate: not judged yet"):
        advance(cfg, paths, "Ann")
    with pytest.raises(UserError, match="version 1 was never champion: use `fieldguide gate`"):
        rollback(paths, "Ben", to=1)
    first = bring_up(paths, "first")
    assert (first.number, first.steps) == (1, ("champion",))
    before = champion_says()
    with pytest.raises(UserError, match="no champion before this one"):
        rollback(paths, "Ben")

    second = bring_up(paths, "second")
    assert (second.number, registry.version(1).steps) == (2, ())
    assert champion_says() == answered(mlflow.pyfunc.load_model("models:/fieldguide/2")) != before

    event = rollback(paths, "Ben", "misses cubs")
    assert (event.before, event.after, event.who, event.why) == (2, 1, "Ben", "misses cubs")
    assert champion_says() == before
    logging = Checkout(paths.root).with_variables(FIELDGUIDE_LOG=str(paths.log))
    with served(logging, "models:/fieldguide@champion", tmp_path) as address:
        assert asked(address, list(PICTURES["picture"])) == json.loads(before)
    log = read_log(paths)
    assert set(zip(log["version"], log["step"], strict=True)) == {(1, "champion")}
    assert set(log["id"]) == {id_of(noise(seed)) for seed in range(3)}


def test_back_and_forth_by_number_and_every_move_is_written_down(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "check", lambda *_: None)  # for speed
    registry = Registry(paths)
    champion = registry.at("champion")
    assert champion and champion.number == 1
    assert rollback(paths, "Ben", to=2).after == 2
    assert rollback(paths, "Ben").after == 1
    with pytest.raises(UserError, match="there is no version 7; there are: 2, 1"):
        rollback(paths, "Ben", to=7)
    history = registry.history()
    moves = [(event.action, event.before, event.after) for event in history if event.alias == "champion"]
    assert moves[:3] == [("advance", None, 1), ("advance", 1, 2), ("rollback", 2, 1)]
    assert moves[3:] == [("rollback", 1, 2), ("rollback", 2, 1)]
    first = [(event.alias, event.after) for event in history[:4]]
    assert first == [("challenger", 1), ("shadow", 1), ("challenger", None), ("limited", 1)]
    assert unrecorded(registry, history) == []
    registry.client.set_registered_model_alias("fieldguide", "champion", "2")
    assert unrecorded(registry, history) == ["champion is at version 2, the history says version 1"]
    registry.client.set_registered_model_alias("fieldguide", "champion", "1")


def test_a_move_that_was_cut_short_is_seen_and_does_not_count(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "check", lambda *_: None)
    registry = Registry(paths)

    def killed(*_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(registry.client, "set_registered_model_alias", killed)
        registry.move("champion", 2, "advance", "Ann", "cut short")
    assert unrecorded(registry, registry.history()) == ["champion is at version 1, the history says version 2"]
    with pytest.raises(UserError, match="no champion before this one"):
        rollback(paths, "Ben")
    rollback(paths, "Ben", to=2)
    assert rollback(paths, "Ben").after == 1
    assert unrecorded(registry, registry.history()) == []


@pytest.mark.usefixtures("quick_trials")
def test_a_version_that_does_not_load_is_never_moved(paths: Paths) -> None:
    registry = Registry(paths)
    (weights,) = {
        file
        for file in (paths.root / "mlruns").rglob("classifier.safetensors")
        if sha256_of_file(file) == registry.version(2).model_sha256
    }
    content = weights.read_bytes()
    weights.write_bytes(content[:1000])
    with pytest.raises(UserError, match="version 2 does not load and predict"):
        rollback(paths, "Ben", to=2)
    weights.write_bytes(content)
    champion = registry.at("champion")
    assert champion and champion.number == 1


def test_a_shadow_predicts_beside_the_champion_and_a_limited_one_for_its_share(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Registry, "check", lambda *_: None)  # for speed
    cfg, registry = compose(paths), Registry(paths)
    version = registry.register("second", "Ann", "once more")
    registry.record_gate(version, {**ACCEPTED, "against": 1})
    advance(cfg, paths, "Ann")
    files = [put(tmp_path / f"{seed}.png", noise(seed)) for seed in range(100, 140)]
    ids = {id_of(noise(seed)) for seed in range(100, 140)}
    assert predict_live(paths, list(map(str, files)), "csv", False, "") == 0
    log = read_log(paths).query("id in @ids")
    assert log.groupby(["version", "step"]).size().to_dict() == {(1, "champion"): 40, (2, "shadow"): 40}
    printed = capsys.readouterr().out.splitlines()
    champion = dict(zip(*log.query("step == 'champion'")[["id", "prediction"]].to_numpy().T, strict=True))
    rows = [dict(zip(printed[0].split(","), line.split(","), strict=True)) for line in printed[1:]]
    assert {row["id"]: row["label"] for row in rows} == champion

    advance(cfg, paths, "Ann")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    predict_live(paths, list(map(str, files[:1])), "csv", False, "")  # as the server was last heard of
    assert "the last known versions answer" in capsys.readouterr().err
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    predict_live(paths, list(map(str, files)), "csv", False, "")
    limited = read_log(paths).query("id in @ids and step == 'limited'")
    assert set(limited["id"]) == {identity for identity in ids if answers_limited(identity, "", cfg.rollout)}
    assert 0 < len(limited) < 20
    assert withdraw(paths, "limited", "Ann").after is None
    with pytest.raises(UserError, match="no version is in limited"):
        withdraw(paths, "limited", "Ann")


def test_answers_are_given_where_the_log_cannot_be_written(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fieldguide.prediction.day_files.pq.write_table", full)
    with pytest.raises(UserError, match=r"some predictions could not be logged: .*No space left"):
        predict_live(paths, [str(put(tmp_path / "new.png", noise(200)))], "csv", False, "")
    assert id_of(noise(200)) in capsys.readouterr().out


def test_a_version_that_returns_to_a_step_begins_anew(paths: Paths) -> None:
    cfg, registry = compose(paths, ["rollout=standard"]), Registry(paths)
    assert set(read_log(paths).query("version == 2")["step"]) >= {"shadow"}
    version = registry.register("second", "Ann", "once more")
    with pytest.raises(EvidenceMissing, match=r"gate: better against version 1, before it was registered again"):
        advance(cfg, paths, "Ann")
    registry.record_gate(version, {**ACCEPTED, "against": 1})
    advance(cfg, paths, "Ann")
    needs = {need.name: need for need in needs_of(cfg, paths, registry, "shadow", registry.version(2))}
    assert (needs["gate"].met, needs["predictions"].found, needs["predictions"].met) == (True, "0", False)
    with pytest.raises(
        EvidenceMissing, match=r"predictions: 0 \(needed: 200\); .*no prediction in the log has a p-value"
    ):
        advance(cfg, paths, "Ann")
    withdraw(paths, "shadow", "Ann")
    registry.client.set_registered_model_alias("fieldguide", "shadow", "2")
    with pytest.raises(EvidenceMissing, match="since when: none: it was moved without `fieldguide rollout`"):
        advance(cfg, paths, "Ann")
    registry.client.delete_registered_model_alias("fieldguide", "shadow")


def test_a_screen_that_is_handed_in_after_the_model_is_fetched_too(paths: Paths, tmp_path: Path) -> None:
    registry = Registry(paths)
    version = registry.version(1)
    folder = registry.candidate(version).weights.parent
    assert not (folder / SCREEN_FILE).exists()
    late = put(tmp_path / SCREEN_FILE, b"numbers")
    model = registry.client.get_run(version.run).outputs.model_outputs[0].model_id
    registry.client.log_model_artifact(model, str(late), MODEL_FILES)
    registry.candidate(version)
    assert (folder / SCREEN_FILE).read_bytes() == b"numbers"


@pytest.mark.parametrize("name", ["classifier.json", SCREEN_FILE, "sha256.json"])
def test_a_damaged_file_of_a_version_is_fetched_again(paths: Paths, name: str) -> None:
    registry = Registry(paths)
    version = registry.version(1)
    file = registry.candidate(version).weights.with_name(name)
    content = file.read_bytes()
    file.write_bytes(b"{")
    with pytest.raises(UserError, match=rf"\.fieldguide/versions/\w+/{name} of version 1 is missing or damaged"):
        kept_candidate(paths, version)
    registry.candidate(version)
    assert file.read_bytes() == content
