"""The page on which anybody tries the classifier, and what its script asks."""

import io
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from PIL import Image
from starlette.concurrency import run_in_threadpool

from fieldguide.app.access import PICTURES
from fieldguide.app.background import Background
from fieldguide.app.model import Look, Model, TrainingPictures
from fieldguide.app.pictures import encoded, shown
from fieldguide.base.errors import UserError
from fieldguide.base.shares import p_value_in_words

KEPT = 60  # answers whose pictures may still be asked for
SIMILAR = 3
SIDE = 640  # pixels


@dataclass(frozen=True)
class Tried:
    """A picture that was asked about, as JPEG and as the model saw it, and the place of the label that it answered."""

    picture: bytes
    model: Model
    seen: Image.Image
    label: int

    @cached_property
    def look(self) -> Look:
        """Where the model looked for that label, made when somebody wants to see it."""
        return self.model.look(self.seen, self.label, SIDE // 2)


def try_routes(model: Background[Model], training: Background[TrainingPictures]) -> APIRouter:
    """The route that takes a picture, and that of what is shown of it."""
    router = APIRouter()
    kept: OrderedDict[str, Tried] = OrderedDict()
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
        with lock:
            kept[key] = Tried(shown(content, SIDE), asked, asked.opened(content), best)
            while len(kept) > KEPT:
                kept.popitem(last=False)
        return {
            "key": key,
            "id": found.id,
            "labels": [[label, float(share)] for label, share in zip(asked.labels, found.probabilities, strict=True)],
            "p_value": found.p_value,
            "p_value_in_words": None if found.p_value is None else p_value_in_words(found.p_value),
            "out_of_domain": found.out_of_domain,
            "reason": found.reason,
            "similar": similar(seen, found.features),
        }

    def tried(key: str) -> Tried:
        if (found := kept.get(key)) is None:
            raise UserError("no such picture")
        return found

    @router.get("/tried/{key}/picture")
    def picture(key: str) -> Response:
        return Response(tried(key).picture, media_type="image/jpeg")

    @router.get("/tried/{key}/look")
    def look(key: str) -> Response:
        return Response(encoded(tried(key).look.picture), media_type="image/jpeg")

    @router.get("/api/tried/{key}/look")
    def looked(key: str) -> dict[str, str]:
        found = tried(key).look
        return {"text": found.text, "method": found.method}

    @router.get("/colour-scale")
    def scale() -> Response:
        from fieldguide.model.activation_overlay import colour_scale  # which loads what asks networks

        return Response(encoded(colour_scale(192, 24)), media_type="image/jpeg")

    return router


def similar(seen: TrainingPictures, features: Any) -> list[dict[str, Any]]:
    """The train pictures most like one, by the cosine of what the network sees of them."""
    lengths = np.linalg.norm(seen.features, axis=1) * np.linalg.norm(features)
    alike = seen.features @ features / np.maximum(lengths, 1e-12)
    return [
        {"id": seen.ids[place], "label": seen.labels[place], "similarity": float(alike[place])}
        for place in (-alike).argsort(kind="stable")[:SIMILAR]
    ]
