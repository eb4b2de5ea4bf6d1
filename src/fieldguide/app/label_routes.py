"""The page "Label next", and what its script asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from fieldguide.app.background import Background
from fieldguide.app.label_journal import Done, read_done, write_done
from fieldguide.app.label_order import teaching_order
from fieldguide.app.labelling import (
    Placed,
    Waiting,
    bursts_of,
    give_label,
    offered_labels,
    plain_files,
    set_aside,
    take_back,
    waiting_pictures,
)
from fieldguide.app.model import Model, TrainingPictures
from fieldguide.app.pictures import SIDES, inside, is_text, shown
from fieldguide.app.reloading import file_state
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.system_errors import REPORTED_WITHOUT_FILE
from fieldguide.configuration.compose import compose

AT_A_TIME = 50
LABEL, ASIDE, BACK = "label", "aside", "back"


class Labelled(BaseModel):
    """What a person does about a picture: it gets a label, is set aside, or all that is taken back."""

    key: str = Field(pattern="^[0-9a-f]{16}$")
    act: str = Field(pattern=f"^({LABEL}|{ASIDE}|{BACK})$")
    label: str = Field("", max_length=200)


class LabelledPictures(BaseModel):
    """What a person does at one go."""

    pictures: list[Labelled] = Field(max_length=2000)


class Skipped(BaseModel):
    """Pictures that a person leaves for later."""

    keys: list[str] = Field(max_length=2000)


@dataclass
class Desk:
    """What waits for labels, and what the model says of it; what was done and skipped since the app was started."""

    pictures: dict[str, Waiting]
    answers: dict[str, Any]
    bursts: dict[str, str]
    model: Model
    training: TrainingPictures
    unread: int
    files: frozenset[tuple[str, int, int]]
    done: dict[str, Done]
    skipped: set[str]

    @property
    def left(self) -> list[str]:
        """The pictures of which nothing was said yet."""
        return [key for key in self.answers if key not in self.done]


def label_routes(
    paths: Paths, folders: Sequence[Path], model: Background[Model], training: Background[TrainingPictures]
) -> APIRouter:
    """The routes below /api/label, and those of the pictures that wait."""
    router = APIRouter()
    done, skipped, one_at_a_time = read_done(paths), set[str](), Lock()

    def look(work: Background[Desk]) -> Desk:
        asked, files = model.wait(), _files(paths, folders)
        with one_at_a_time:
            for key in [key for key, one in done.items() if not one.is_there]:  # a retraining took it in
                del done[key]
        pictures = {one.key: one for one in waiting_pictures(compose(paths), paths, folders)}
        before = work.previous.answers if work.previous and work.previous.model is asked else {}
        fresh = {key: one.path for key, one in pictures.items() if key not in before}
        said = before | dict(zip(fresh, work.counted(asked.answers(fresh.values()), len(fresh)), strict=True))
        known = {key: said[key] for key in pictures if _is_whole(said[key])}
        bursts = dict(zip(pictures, bursts_of(list(pictures.values())), strict=True))
        unread = len(pictures) - len(known) + sum(not is_text(Path(name)) for name, *_ in files)
        return Desk(pictures, known, bursts, asked, training.wait(), unread, files, done, skipped)

    desk = Background(look)

    def current() -> Desk | None:
        """What waits now; None while files that came meanwhile, or a new model, are looked at."""
        asked, found = model.finished(), desk.finished()
        if asked is None or found is None:
            return None
        ours = {str(one.placed.path) for one in list(done.values())}
        if found.model is asked and all(name in ours for name, *_ in _files(paths, folders) - found.files):
            return found
        desk.again()
        return None

    @router.get("/api/label")
    def next_pictures() -> dict[str, Any]:
        labels, found = offered_labels(compose(paths), paths), current()
        if found is None:
            work = training if desk.total and desk.done == desk.total else desk
            return {"is_ready": False, "done": work.done, "total": work.total, "labels": labels}
        with one_at_a_time:
            items = [_item(found, key) for key in next_keys(found)]
        return {"is_ready": True, "labels": labels, "items": items, "left": len(found.left), "unread": found.unread}

    @router.post("/api/label")
    def label(content: LabelledPictures) -> dict[str, Any]:
        cfg, found = compose(paths), desk.wait()
        outcomes = []
        for one in content.pictures:
            try:
                with one_at_a_time:
                    _do(cfg, paths, found, one)
            except (UserError, OSError) as error:
                if isinstance(error, OSError) and error.errno in REPORTED_WITHOUT_FILE:
                    raise  # of the machine, not of this picture: the page asks again
                outcomes.append({"key": one.key, "refusal": str(error)})
        return {"refused": outcomes, "left": len(found.left)}

    @router.post("/api/label/next")
    def skip(content: Skipped) -> dict[str, Any]:
        skipped.update(content.keys)
        return next_pictures()

    @router.get("/waiting/{key}/{side}")
    def picture(key: str, side: int) -> Response:
        one, was_done = desk.wait().pictures.get(key), done.get(key)
        if was_done:
            folder, file = paths.checkout / "data", was_done.placed.path
        if not was_done or not file.is_relative_to(folder):
            if one is None:
                raise UserError("no such picture")
            folder, file = one.folder, one.path
        if side not in SIDES:
            raise UserError("no such picture")
        content = shown(inside(folder, file.relative_to(folder).as_posix()), side)
        return Response(content, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    return router


def _files(paths: Paths, folders: Sequence[Path]) -> frozenset[tuple[str, int, int]]:
    """The files that may wait, each with what changes when it does."""
    found = ((str(path), file_state(path)) for folder in (paths.incoming, *folders) for path in plain_files(folder))
    return frozenset((name, *state[1:]) for name, state in found if state)


def _is_whole(answer: Any) -> bool:
    return answer.probabilities is not None and answer.features is not None


def next_keys(desk: Desk) -> list[str]:
    """The pictures to label next; those that were labelled before are what later ones should differ from."""
    keys = [key for key in desk.left if key not in desk.skipped]
    if not keys:
        desk.skipped.clear()
        keys = desk.left
    if not keys:
        return []
    labelled = [desk.answers[key].features for key in desk.done if key in desk.answers]
    order = teaching_order(
        np.stack([desk.answers[key].probabilities for key in keys]),
        np.stack([desk.answers[key].features for key in keys]),
        np.stack([*desk.training.features, *labelled]),
        [desk.bursts[key] for key in keys],
        AT_A_TIME,
    )
    return [keys[place] for place in order]


def _do(cfg: Any, paths: Paths, desk: Desk, wanted: Labelled) -> None:
    key, said, before = wanted.key, f"{wanted.act} {wanted.label}".strip(), desk.done.get(wanted.key)
    one = before.picture if before else desk.pictures.get(key)
    if one is None:
        raise UserError("the picture is not among those that wait: load the page again")
    if before and before.said == said:  # the answer to an earlier call did not arrive
        return
    if before:
        take_back(paths, one, before.placed)
        del desk.done[key]
        write_done(paths, desk.done)
    if wanted.act == BACK:
        return

    def note(placed: Placed) -> None:
        desk.done[key] = Done(said, one, placed)
        write_done(paths, desk.done)

    try:
        placed = set_aside(paths, one, note) if wanted.act == ASIDE else give_label(cfg, paths, one, wanted.label, note)
    except BaseException:
        desk.done.pop(key, None)
        raise
    desk.done[key] = Done(said, one, placed)


def _item(desk: Desk, key: str) -> dict[str, Any]:
    answer, one = desk.answers[key], desk.pictures[key]
    best = int(answer.probabilities.argmax())
    return {
        "key": key,
        "name": f"{one.folder.name}/{one.name}",
        "guess": desk.model.labels[best],
        "probability": float(answer.probabilities[best]),
        "reason": answer.reason if answer.out_of_domain else "",
    }
