"""The page of `fieldguide explain`: a picture, what the classifier says of it, where it looks, and its history."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.base.paths import Paths
from fieldguide.base.shares import percent
from fieldguide.data.images import PictureError
from fieldguide.model.activation_maps import ActivationMaps, maps_or_reason
from fieldguide.model.activation_overlay import colour_scale, overlay
from fieldguide.model.inference import Classifier, load_classifier, open_for, predict
from fieldguide.pages.parts import Drawn
from fieldguide.pages.render import render
from fieldguide.reviewing.explain import History, history

SIDE = 448  # pixels of a picture on the page
MOST = 8  # labels whose probabilities are shown


def explain_with_page(paths: Paths, name: str, page: Path) -> str:
    """Write a page about a picture of the data set, and return its history as text.

    Raises UserError if there is no such picture, it cannot be opened, or there is no classifier yet.
    """
    if page.is_dir():
        raise UserError(f"--page {page} is a folder: give a file")
    about = history(paths, name)
    classifier = load_classifier(paths.classifier, paths.classifier.with_suffix(".json"))
    maps, reason = maps_or_reason(classifier, paths.classifier)
    write_text(page, explained_page(about, classifier, maps, reason))
    more = [("page", str(page)), *([("", f"where the classifier looks is not shown: {reason}")] if reason else [])]
    return str(replace(about, lines=[*about.lines, *more]))


def explained_page(about: History, classifier: Classifier, maps: ActivationMaps | None, reason: str) -> str:
    """The page as HTML; without maps it says why, as `maps_or_reason` gave it."""
    try:
        picture = open_for(classifier, about.file)
    except (PictureError, OSError) as error:
        raise UserError(f"{about.title} cannot be opened ({error}): there is no picture to show") from None
    (probabilities,) = predict(classifier, [picture])
    order = (-probabilities).argsort(kind="stable")
    answers = [(classifier.vocabulary[place], float(probabilities[place])) for place in order]
    return render(
        "reviewing/explained.html",
        title=about.title,
        picture=picture,
        side=SIDE,
        answers=answers[:MOST],
        more=len(answers) - len(answers[:MOST]),
        label=about.label,
        looks=list(_looks(maps, picture, answers, about.label)) if maps else [],
        method=maps.method if maps else "",
        reason=reason,
        scale=colour_scale(192, 24),
        lines=about.lines,
    )


def _looks(
    maps: ActivationMaps, picture: Image.Image, answers: list[tuple[str, float]], label: str
) -> Iterator[tuple[str, Drawn]]:
    """What speaks for the most probable label, and for its own, where that is another one that the classifier knows."""
    shares = dict(answers)
    best = answers[0][0]
    for one in [best, *([label] if label != best and label in shares else [])]:
        found = overlay(maps, picture, maps.classifier.vocabulary.index(one), SIDE)
        kind = "predicted" if one == best else "its label"
        yield (
            f"what speaks for {one} ({kind}, {percent(shares[one])}): {found.where}",
            Drawn(found.picture, f"what speaks for {one}: {found.where}"),
        )
