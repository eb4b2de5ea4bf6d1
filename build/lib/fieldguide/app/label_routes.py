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
from fieldguide.app.label_order import teaching_order
from fieldguide.app.labelling import (
    Waiting,
    bursts_of,
    give_label,
    offered_labels,
    set_aside,
    take_back,
    waiting_pictures,
)
from fieldguide.app.model import Model, TrainingPictures
from fieldguide.app.pictures import SIDES, inside, shown
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
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
    """What waits for labels, what the model says of it, and what was done: new places by key."""

    pictures: dict[str, Waiting]
    answers: dict[str, Any]
    bursts: dict[str, str]
    training: TrainingPictures
    unread: int
    done: dict[str, Path]
    skipped: set[str]


def label_routes(
    paths: Paths, folders: Sequence[Path], model: Background[Model], training: Background[TrainingPictures]
) -> APIRouter:
    """The routes below /api/label, and those of the pictures that wait."""
    router = APIRouter()

    def look(work: Background[Desk]) -> Desk:
        asked = model.wait()
        pictures = waiting_pictures(compose(paths), paths, folders)
        answers = list(work.counted(asked.answers([one.path for one in pictures]), len(pictures)))
        known = {
            one.key: answer
            for one, answer in zip(pictures, answers, strict=True)
            if answer.probabilities is not None and answer.features is not None
        }
        bursts = dict(zip((one.key for one in pictures), bursts_of(pictures), strict=True))
        by_key = {one.key: one for one in pictures}
        return Desk(by_key, known, bursts, training.wait(), len(pictures) - len(known), {}, set())

    desk, one_at_a_time = Background(look), Lock()

    @router.get("/api/label")
    def next_pictures() -> dict[str, Any]:
        labels = offered_labels(compose(paths), paths)
        found = desk.finished()
        if found is None:
            work = training if desk.total and desk.done == desk.total else desk
            return {"is_ready": False, "done": work.done, "total": work.total, "labels": labels}
        with one_at_a_time:
            keys = next_keys(found)
        left = len(found.answers) - len(found.done)
        items = [_item(model.wait(), found, key) for key in keys]
        return {"is_ready": True, "labels": labels, "items": items, "left": left, "unread": found.unread}

    @router.post("/api/label")
    def label(content: LabelledPictures) -> dict[str, Any]:
        cfg, found = compose(paths), desk.wait()
        outcomes = []
        for one in content.pictures:
            try:
                with one_at_a_time:
                    _do(cfg, paths, found, one)
            except (UserError, OSError) as error:
                outcomes.append({"key": one.key, "refusal": str(error)})
        return {"refused": outcomes, "left": len(found.answers) - len(found.done)}

    @router.post("/api/label/next")
    def skip(content: Skipped) -> dict[str, Any]:
        desk.wait().skipped.update(content.keys)
        return next_pictures()

    @router.get("/waiting/{key}/{side}")
    def picture(key: str, side: int) -> Response:
        found = desk.finished()
        if found is None or key not in found.pictures or side not in SIDES:
            raise UserError("no such picture")
        one = found.pictures[key]
        file = one.path if one.path.is_file() else found.done.get(key, one.path)
        folder = one.folder if file == one.path else paths.checkout / "data"
        content = shown(inside(folder, file.relative_to(folder).as_posix()), side)
        return Response(content, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    return router


def next_keys(desk: Desk) -> list[str]:
    """The pictures to label next; those that were labelled before are what later ones should differ from."""
    keys = [key for key in desk.answers if key not in desk.done and key not in desk.skipped]
    if not keys:
        desk.skipped.clear()
        keys = [key for key in desk.answers if key not in desk.done]
    if not keys:
        return []
    labelled = [desk.answers[key].features for key in desk.done]
    order = teaching_order(
        np.stack([desk.answers[key].probabilities for key in keys]),
        np.stack([desk.answers[key].features for key in keys]),
        np.stack([*desk.training.features, *labelled]),
        [desk.bursts[key] for key in keys],
        AT_A_TIME,
    )
    return [keys[place] for place in order]


def _do(cfg: Any, paths: Paths, desk: Desk, wanted: Labelled) -> None:
    one = desk.pictures.get(wanted.key)
    if one is None:
        raise UserError("the picture is not among those that wait: load the page again")
    if wanted.key in desk.done:
        take_back(paths, one, desk.done.pop(wanted.key))
    if wanted.act == LABEL:
        desk.done[wanted.key] = give_label(cfg, paths, one, wanted.label)
    elif wanted.act == ASIDE:
        desk.done[wanted.key] = set_aside(paths, one)


def _item(model: Model, desk: Desk, key: str) -> dict[str, Any]:
    answer, one = desk.answers[key], desk.pictures[key]
    best = int(answer.probabilities.argmax())
    return {
        "key": key,
        "name": f"{one.folder.name}/{one.name}",
        "guess": model.labels[best],
        "probability": float(answer.probabilities[best]),
        "reason": answer.reason if answer.out_of_domain else "",
    }
