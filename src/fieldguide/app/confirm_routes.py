"""The page on which a person confirms or corrects predictions of the log, and what its script asks."""

from typing import Any

import pandas as pd
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from fieldguide.app.found_pictures import FoundPictures
from fieldguide.app.pictures import SIDES, shown
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.base.shares import p_value_in_words
from fieldguide.prediction.log import read_confirmed, read_log
from fieldguide.release.rollout.command import record_labels

MOST = 2000  # pictures that a page holds


class ConfirmedLabel(BaseModel):
    """The label of a picture; "" takes an earlier one back."""

    id: str = Field(pattern="^[0-9a-f]{16}$")
    label: str = Field(max_length=200)


class ConfirmedLabels(BaseModel):
    """Labels that a person confirmed at one go."""

    labels: list[ConfirmedLabel] = Field(max_length=MOST)


def confirm_routes(paths: Paths, found: FoundPictures) -> APIRouter:
    """The routes below /api/confirm, and those of pictures in folders."""
    router = APIRouter()

    @router.get("/api/confirm")
    def predictions(look: bool = False) -> dict[str, Any]:
        if look:
            found.look()
        return {**logged_pictures(paths, found), **_looking(found), **counts(paths)}

    @router.post("/api/confirm")
    def confirm(content: ConfirmedLabels) -> dict[str, Any]:
        confirmed = dict(read_confirmed(paths)[["id", "label"]].itertuples(index=False, name=None))
        new = [(one.id, one.label) for one in content.labels if confirmed.get(one.id, "") != one.label]
        if new:
            record_labels(paths, new)
        return counts(paths)

    @router.get("/api/confirm/state")
    def state() -> dict[str, Any]:
        return {**_looking(found), **counts(paths)}

    @router.get("/found/{identity}/{side}")
    def picture(identity: str, side: int) -> Response:
        if side not in SIDES:
            raise UserError("no such picture")
        headers = {"cache-control": "private, max-age=86400"}
        return Response(shown(found.file(identity), side), media_type="image/jpeg", headers=headers)

    return router


def logged_pictures(paths: Paths, found: FoundPictures) -> dict[str, Any]:
    """The pictures of the log, those whose files are here first; what each version said of them last.

    They are in the order of their ids, which are hashes: a random one, so that the accuracy of the first that are
    confirmed is that of all. While their files are looked for there are none: those found first would come first.
    """
    if found.is_looking:
        return {"labels": [], "items": [], "pictures": 0}
    log, confirmed = read_log(paths), read_confirmed(paths)
    known = dict(zip(confirmed["id"], confirmed["label"], strict=True))
    last = log.drop_duplicates(["id", "version", "step"], keep="last").sort_values(["id", "at"], kind="stable")
    items = [
        {
            "id": identity,
            "is_here": identity in found,
            "confirmed": known.get(identity, ""),
            "site": next(filter(None, rows["site"]), ""),
            "at": f"{rows['at'].max():%Y-%m-%d %H:%M}",
            "predictions": [_prediction(row) for row in rows.to_dict("records")],
        }
        for identity, rows in last.groupby("id", sort=True)
    ]
    items.sort(key=lambda item: (bool(item["confirmed"]), not item["is_here"]))
    labels = sorted({*log["prediction"], *confirmed["label"]})
    return {"labels": labels, "items": items[:MOST], "pictures": len(items)}


def counts(paths: Paths) -> dict[str, Any]:
    """How many pictures of each version and step are confirmed, and of how many the prediction was right."""
    log, confirmed = read_log(paths), read_confirmed(paths)
    last = log.drop_duplicates(["id", "version", "step"], keep="last").merge(confirmed[["id", "label"]], on="id")
    right = last["prediction"] == last["label"]
    rows = last.assign(right=right).groupby(["version", "step"], dropna=False)["right"].agg(["size", "sum"])
    return {
        "versions": [
            {
                "version": None if pd.isna(version) else int(version),
                "step": step,
                "confirmed": int(size),
                "right": int(hits),
            }
            for (version, step), (size, hits) in zip(rows.index, rows.to_numpy(), strict=True)
        ],
        "confirmed": {str(row[0]): str(row[1]) for row in confirmed[["id", "label"]].itertuples(index=False)},
    }


def _prediction(row: dict[Any, Any]) -> dict[str, Any]:
    p_value = None if pd.isna(row["p_value"]) else float(row["p_value"])
    return {
        "version": None if pd.isna(row["version"]) else int(row["version"]),
        "step": row["step"],
        "label": row["prediction"],
        "probability": float(row["probability"]),
        "p_value": p_value,
        "p_value_in_words": None if p_value is None else p_value_in_words(p_value),
        "out_of_domain": None if pd.isna(row["out_of_domain"]) else bool(row["out_of_domain"]),
    }


def _looking(found: FoundPictures) -> dict[str, Any]:
    return {"looking": found.is_looking, "looked": found.looked, "total": found.total}
