"""The page of reviews, and what its scripts ask."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from fieldguide.app.pictures import SIDES, inside, own_file, shown
from fieldguide.app.reloading import Reloaded
from fieldguide.app.review_data import (
    ReviewData,
    decision_content,
    decisions,
    files_of,
    load_review_data,
    waiting_changes,
)
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.data.reviews import Decision, Review
from fieldguide.reviewing.decide import Wish, record_each

MAX_WISHES, MAX_NOTE = 20_000, 2_000


class WishContent(BaseModel):
    """A decision as the page sends it; see `fieldguide.reviewing.decide.Wish`."""

    id: str = Field(pattern="^[0-9a-f]{16}$")
    decision: str = Field(max_length=20)
    label: str = Field("", max_length=200)
    note: str = Field("", max_length=MAX_NOTE)
    instead_of: str | None = Field(None, max_length=300)


class Wishes(BaseModel):
    """Decisions that a person made at one go."""

    wishes: list[WishContent] = Field(max_length=MAX_WISHES)


def review_routes(paths: Paths) -> APIRouter:
    """The routes below /api/review, and those of the data set's pictures."""
    router = APIRouter()
    loaded = Reloaded(lambda: load_review_data(paths), files_of(paths))

    @router.get("/api/review")
    def queue() -> dict[str, Any]:
        data = loaded.now()
        return {"labels": data.labels, "items": data.items, "others": len(data.others), **_state(paths, data)}

    @router.get("/api/review/others")
    def others() -> dict[str, Any]:
        return {"items": loaded.now().others}

    @router.get("/api/review/decisions")
    def state() -> dict[str, Any]:
        return _state(paths, loaded.now())

    @router.post("/api/review")
    def decide(content: Wishes) -> dict[str, Any]:
        data = loaded.now()
        wishes = [_wish(data, wish) for wish in content.wishes]
        outcomes = record_each(paths, data.known, wishes)
        told = [
            {"id": wish.picture, "now": _content(one.now), "before": _content(one.before), "refusal": one.refusal}
            for wish, one in zip(wishes, outcomes, strict=True)
        ]
        return {"outcomes": told, "changes": waiting_changes(paths, data)}

    @router.get("/picture/{identity}/{side}")
    def picture(identity: str, side: int) -> Response:
        row = loaded.now().images.get(identity)
        if row is None or side not in SIDES:
            raise UserError("no such picture")
        is_clean = row["clean_path"] and (side == SIDES[0] or isinstance(row["cut_from"], str))
        file = inside(paths.clean, row["clean_path"]) if is_clean else own_file(paths, row["file"])
        headers = {"cache-control": "private, max-age=86400, immutable"}  # the id is a hash of the picture
        return Response(shown(file, side), media_type="image/jpeg", headers=headers)

    return router


def _wish(data: ReviewData, content: WishContent) -> Wish:
    """A label that the picture came with is no new one: it is kept."""
    row = data.images.get(content.id)
    same = row is not None and content.label == row["raw_label"] and row["status"] != "conflict"
    if content.decision == Decision.RELABEL and same:
        return Wish(content.id, Decision.KEEP, "", content.note, instead_of=content.instead_of)
    return Wish(content.id, content.decision, content.label, content.note, instead_of=content.instead_of)


def _state(paths: Paths, data: ReviewData) -> dict[str, Any]:
    return {"decisions": decisions(paths, data), "changes": waiting_changes(paths, data)}


def _content(review: Review | None) -> dict[str, str] | None:
    return None if review is None else decision_content(review)
