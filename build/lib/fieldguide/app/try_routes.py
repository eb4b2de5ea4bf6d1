"""The page on which anybody tries the classifier, and what its script asks."""

import io
import secrets
from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from fieldguide.app.access import PICTURES
from fieldguide.app.background import Background
from fieldguide.app.model import Model, TrainingPictures
from fieldguide.app.pictures import encoded, shown
from fieldguide.base.errors import UserError

KEPT = 60  # answers whose pictures may still be asked for
SIMILAR = 3
SIDE = 640  # pixels


def try_routes(model: Background[Model], training: Background[TrainingPictures]) -> APIRouter:
    """The route that takes a picture, and that of what is shown of it."""
    router = APIRouter()
    kept: OrderedDict[str, dict[str, bytes]] = OrderedDict()
    lock = Lock()

    @router.get("/api/try")
    def ready() -> dict[str, Any]:
        asked = model.finished()
        seen = training.finished() if asked else None
        labels = list(asked.labels) if asked else []
        return {"is_ready": bool(seen), "done": training.done, "total": training.total, "labels": labels}

    @router.post(PICTURES)
    async def ask(request: Request) -> dict[str, Any]:
        return await run_in_threadpool(answer, await request.body())

    def answer(content: bytes) -> dict[str, Any]:
        asked, seen = model.wait(), training.wait()
        (found,) = asked.answers([io.BytesIO(content)])
        if found.probabilities is None:
            raise UserError(found.reason)
        best, key = int(found.probabilities.argmax()), secrets.token_hex(8)
        where = asked.where(content, best, SIDE // 2)
        pictures = {"picture": shown(content, SIDE)} | ({"map": encoded(where)} if where else {})
        with lock:
            kept[key] = pictures
            while len(kept) > KEPT:
                kept.popitem(last=False)
        return {
            "key": key,
            "id": found.id,
            "labels": [[label, float(share)] for label, share in zip(asked.labels, found.probabilities, strict=True)],
            "p_value": found.p_value,
            "out_of_domain": found.out_of_domain,
            "reason": found.reason,
            "has_map": "map" in pictures,
            "similar": similar(seen, found.features),
        }

    @router.get("/tried/{key}/{kind}")
    def picture(key: str, kind: str) -> Response:
        found = kept.get(key, {}).get(kind)
        if found is None:
            raise UserError("no such picture")
        return Response(found, media_type="image/jpeg")

    return router


def similar(seen: TrainingPictures, features: Any) -> list[dict[str, Any]]:
    """The train pictures most like one, by the cosine of what the network sees of them."""
    lengths = np.linalg.norm(seen.features, axis=1) * np.linalg.norm(features)
    alike = seen.features @ features / np.maximum(lengths, 1e-12)
    return [
        {"id": seen.ids[place], "label": seen.labels[place], "similarity": float(alike[place])}
        for place in (-alike).argsort(kind="stable")[:SIMILAR]
    ]
