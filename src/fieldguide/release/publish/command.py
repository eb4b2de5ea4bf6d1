"""The command `fieldguide publish`: a Space, or the cards alone."""

import re
from pathlib import Path

from fieldguide.base.errors import UserError, beginning, printable
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.base.version import VERSION
from fieldguide.release.publish.cards import DATA_CARD, MODEL_CARD, write_cards
from fieldguide.release.publish.folder import published_folder
from fieldguide.release.publish.results import Results, read_results
from fieldguide.release.publish.space import write_space
from fieldguide.release.publish.space_check import check_space
from fieldguide.release.publish.training import training_of

LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")  # as the hub spells them


def publish_space(paths: Paths, folder: Path, title: str, license_id: str, examples: int) -> str:
    """Write a folder that runs as a Space as it is, and return what to do with it.

    Parameters
    ----------
    title
        "" for one that names the data set.
    license_id
        Of the classifier, as the hub spells it; "" leaves the field to be filled in.
    examples
        How many pictures of the test side to publish with it.

    Raises
    ------
    UserError
        If results are missing or about another classifier, or if `folder` holds anything that was not published.
    """
    _check_license(license_id)
    results = read_results(paths)
    title = title or _title(results)
    with published_folder(folder, "space", _about(paths)) as made:
        write_space(made, paths, results, title, license_id, examples)
        write_cards(made, results, training_of(paths), title, license_id)
        check_space(made)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    shown = printable(str(folder))
    public = f"{examples} test pictures, which will be public" if examples else "no picture of the data set"
    return "\n".join(
        [
            f"{shown}: a Space, {size / 1e6:.1f} MB, with {public}",
            *_to_fill_in(license_id, "README.md"),
            f"try it     in an environment of its own: pip install -r {shown}/requirements.txt; python {shown}/app.py",
            f"check it   fieldguide publish check {shown}, after a change by hand",
            f"hand it in hf upload USER/NAME {shown} --repo-type space, once that Space exists on the hub",
        ]
    )


def publish_card(paths: Paths, folder: Path, title: str, license_id: str) -> str:
    """Write the model card and the data card into a folder; parameters and errors are those of `publish_space`."""
    _check_license(license_id)
    results = read_results(paths)
    with published_folder(folder, "card", _about(paths)) as made:
        write_cards(made, results, training_of(paths), title or _title(results), license_id)
    return "\n".join([f"{printable(str(folder))}: {MODEL_CARD}, {DATA_CARD}", *_to_fill_in(license_id)])


def publish_check(folder: Path) -> str:
    """Check a folder as the hub would read it. Raises UserError for the first fault."""
    check_space(folder)
    return f"{printable(str(folder))}: nothing is missing, and its front matter is what the hub takes"


def _check_license(license_id: str) -> None:
    if license_id and not LICENSE.fullmatch(license_id):
        raise UserError(f"--license {beginning(license_id)}: give it as the hub spells it, as apache-2.0 or cc-by-4.0")


def _title(results: Results) -> str:
    return f"{results.data_set}: picture classifier"


def _about(paths: Paths) -> dict[str, str]:
    return {"fieldguide": VERSION, "weights_sha256": sha256_of_file(paths.classifier)}


def _to_fill_in(license_id: str, *files: str) -> list[str]:
    missing = [] if license_id else [*files, f"{MODEL_CARD} (--license)"]
    where = ", ".join([*missing, *([MODEL_CARD] if license_id else []), DATA_CARD])
    return [f"fill in    licences, contact and purpose, marked TO FILL IN, in {where}"]
