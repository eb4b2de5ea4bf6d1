"""The page of runs: the leaderboard, two runs side by side, the roll-out; and what its script asks."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from fieldguide.base.files import read_json
from fieldguide.base.json_output import plain
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage

NEWEST = 500  # runs
FIGURES = {"accuracy": "accuracy", "macro_f1": "macro F1", "log_loss": "log loss", "ece": "calibration error"}
MOST = 400  # pictures on which two runs differ
UI = "http://127.0.0.1:5000"  # where `fieldguide ui` shows the runs


def runs_routes(paths: Paths) -> APIRouter:
    """The routes below /api/runs. MLflow is imported when the first of them is asked."""
    router = APIRouter()

    @router.get("/api/runs")
    def runs() -> dict[str, Any]:
        from fieldguide.tracking.run_list import ADVICE, read_runs
        from fieldguide.tracking.store import tracking_address
        from fieldguide.tracking.tracker import Tracker

        address, found = tracking_address(paths), read_runs(paths, NEWEST)
        is_server = address.startswith(("http://", "https://")) and "@" not in address
        has_checkout = all(paths.metrics(stage).is_file() for stage in (Stage.TRAIN, Stage.EVALUATE))
        return {
            "runs": plain([asdict(run) for run in found]),
            "experiment": Tracker(paths, ADVICE).experiment if found else "",
            "has_checkout": has_checkout and paths.predictions.is_file(),
            "checkout": plain(_figures(paths)) if has_checkout else {},
            "mlflow": address.rstrip("/") if is_server else UI,
            "is_server": is_server,
        }

    @router.get("/api/rollout")
    def rollout() -> dict[str, Any]:
        from fieldguide.release.rollout.command import rollout_state

        return {"state": plain(rollout_state(paths).content)}

    @router.get("/api/compare")
    def compared(first: str, second: str) -> dict[str, Any]:
        from fieldguide.experiments.comparison import compare, differing_answers, differing_choices, evidence, verdict
        from fieldguide.experiments.run_results import read_results

        found = compare(read_results(paths, [first, second]))
        (one, other), (test,) = [run.name for run in found.runs], found.tests
        said = {"verdict": verdict(one, other, test), "evidence": evidence(one, other, test), "note": found.note}
        figures = [
            {
                "name": text,
                "values": [[run.metrics.get(f"{name}{end}") for end in ("", "_low", "_high")] for run in found.runs],
            }
            for name, text in FIGURES.items()
        ]
        groups = [
            {"title": title, "count": len(rows), "rows": rows.head(MOST).to_dict("records")}
            for title, rows in differing_answers(found)
        ]
        choices = [[name, *values] for name, values in differing_choices(found.runs)]
        return plain({"names": [one, other], **said, "figures": figures, "groups": groups, "choices": choices})

    return router


def _figures(paths: Paths) -> dict[str, Any]:
    """Those of the results in the checkout, under the names that runs have."""
    trained, evaluated = read_json(paths.metrics(Stage.TRAIN)), read_json(paths.metrics(Stage.EVALUATE))
    return {**evaluated, "valid_accuracy": trained.get("valid_accuracy")}
