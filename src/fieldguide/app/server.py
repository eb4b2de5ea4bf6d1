"""The app: its pages, its routes, and what it says of mistakes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from fieldguide.app.access import Guard
from fieldguide.app.background import Background
from fieldguide.app.confirm_routes import confirm_routes
from fieldguide.app.found_pictures import FoundPictures
from fieldguide.app.label_routes import label_routes
from fieldguide.app.model import Model, TrainingPictures, load_model, training_pictures
from fieldguide.app.reloading import NotYet
from fieldguide.app.review_routes import review_routes
from fieldguide.app.runs_routes import runs_routes
from fieldguide.app.try_routes import try_routes
from fieldguide.base.errors import UserError, first_line, printable
from fieldguide.base.paths import Paths
from fieldguide.base.system_errors import fault
from fieldguide.pages.render import render


@dataclass(frozen=True)
class Page:
    """A page: where it is, what it is called, its template, and the name of its script."""

    path: str
    title: str
    template: str

    @property
    def name(self) -> str:
        """What its template and its script are called."""
        return Path(self.template).stem


PAGES = (
    Page("/", "Review", "app/review.html"),
    Page("/label", "Label next", "app/label.html"),
    Page("/confirm", "Confirm", "app/confirm.html"),
    Page("/try", "Try", "app/try.html"),
    Page("/runs", "Runs", "app/runs.html"),
)


def create_app(paths: Paths, port: int, token: str, folders: Sequence[Path] = ()) -> ASGIApp:
    """The app for a checkout, as it answers on 127.0.0.1 at a port.

    Parameters
    ----------
    folders
        Where else than in data/ pictures are that it may show.
    """
    kept = paths.checkout_state / "app" / "ids.json"
    found = FoundPictures(paths, [*folders, paths.incoming, paths.held], kept)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)  # their pages load scripts from the web
    models = (paths.classifier, paths.classifier.with_suffix(".json"), paths.screen)
    model = Background[Model](lambda _: load_model(paths), models)
    training = Background[TrainingPictures](
        lambda work: training_pictures(paths, model.wait(), work), (*models, paths.split_table)
    )
    app.include_router(review_routes(paths))
    app.include_router(label_routes(paths, folders, model, training))
    app.include_router(confirm_routes(paths, found))
    app.include_router(try_routes(model, training))
    app.include_router(runs_routes(paths))
    for page in PAGES:
        app.get(page.path, response_class=HTMLResponse)(_shown(page, paths))
    app.get("/style.css")(lambda: Response(render("app/style.css"), media_type="text/css"))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.add_exception_handler(UserError, _told)
    app.add_exception_handler(NotYet, _try_again)
    app.add_exception_handler(OSError, _try_again)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _no_such)
    return Guard(app, port, token)


def _shown(page: Page, paths: Paths) -> Callable[[], str]:
    def shown() -> str:
        return render(page.template, page=page, pages=PAGES, checkout=paths.checkout.name)

    return shown


def _told(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _try_again(_: Request, error: Exception) -> Response:
    """Nothing is wrong with what was asked: pages keep what they want saved, and ask again."""
    return JSONResponse({"error": fault(error, "this page goes on by itself") or printable(first_line(error))}, 503)


def _not_understood(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"error": f"{where}: {first['msg']}"}, 422)


def _no_such(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code)
