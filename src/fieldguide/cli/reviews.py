"""The commands about single pictures and their ids: explain, review, migrate."""

import argparse
from functools import partial
from pathlib import Path

from fieldguide.cli.commands import Commands, add_command, checkout, here

PICTURE = "its id or the beginning of it, the path of its file or below data/clean, or any picture file"


def add_commands(commands: Commands) -> None:
    """Add the parsers."""
    _add_explain(commands)
    _add_review(commands)
    _add_migrate(commands)


def _add_explain(commands: Commands) -> None:
    explain = add_command(
        commands,
        "explain",
        "explain what became of a picture: source, cleaning, split, scores, reviews",
        """
        fieldguide explain data/raw/black/0001.jpg
        fieldguide explain 0f3a9c                  by the beginning of its id
        fieldguide explain ~/Downloads/bear.jpg    is it in the data set, and what became of it?
        fieldguide explain 0f3a9c --page bear.html    a page with the picture, and where the classifier looks
        """,
    )
    explain.add_argument("picture", metavar="PICTURE", help=PICTURE)
    explain.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="also write a page (HTML): the picture, and where the classifier looks",
    )
    explain.set_defaults(command=_explain)


def _add_review(commands: Commands) -> None:
    review = add_command(
        commands,
        "review",
        "record a decision about a picture in data/reviews.csv, which `dvc repro` applies",
        """
        fieldguide review 0f3a9c relabel teddy --note "seams on its arms"
        fieldguide review data/clean/black/0f3a9c8811223344.jpg drop
        fieldguide review 0f3a9c keep              it is right as it is: take it off the queue
        fieldguide review 0f3a9c --undo            take the decision back
        fieldguide review --from queue.csv         several at once: the review queue with a column decision
        """,
    )
    review.add_argument("picture", nargs="?", metavar="PICTURE", help=PICTURE)
    review.add_argument(
        "decision", nargs="?", choices=["keep", "drop", "relabel"], help="replaces an earlier one: the newest counts"
    )
    review.add_argument("label", nargs="?", default="", metavar="LABEL", help="the new label, for relabel")
    review.add_argument("--note", default="", metavar="TEXT", help="why")
    review.add_argument("--undo", action="store_true", help="take the picture's decision back")
    review.add_argument(
        "--from",
        dest="table",
        type=Path,
        metavar="FILE.csv",
        help="decisions from a table with the columns id and decision (keep, drop, relabel LABEL, undo), and perhaps "
        "label and note; rows without a decision are skipped, and nothing is recorded unless all rows are right",
    )
    review.set_defaults(command=partial(_review, review))


def _add_migrate(commands: Commands) -> None:
    migrate = add_command(
        commands,
        "migrate",
        "bring files that an older version of fieldguide wrote up to date",
        """
        fieldguide migrate ids                     reviews and frozen sets whose ids were hashes of pixels
        fieldguide migrate ids ~/snow ~/spring     pictures that are not in the data set are there
        """,
        stopped="what was written so far stays; start it again",
    )
    actions = migrate.add_subparsers(title="actions", metavar="ACTION", required=True)
    ids = actions.add_parser(
        "ids",
        help="write the new ids of pictures into data/reviews.csv and the tables of frozen sets",
        description="Decode every picture of the data set once, and write its new id wherever data/reviews.csv or the "
        "table of a set in data/backtests has its old one. What is not found stays, and is told.",
    )
    ids.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="look for pictures here too")
    ids.set_defaults(command=_migrate_ids)


def _explain(options: argparse.Namespace) -> str:
    if options.page:
        from fieldguide.reviewing.explained_page import explain_with_page  # slow to import: it asks networks

        return explain_with_page(here(), options.picture, options.page)
    from fieldguide.reviewing.explain import explain

    return explain(here(), options.picture)


def _review(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str:
    if options.table and (options.picture or options.undo or options.note):
        parser.error("--from takes pictures, decisions and notes from the file alone")
    if not options.table and (not options.picture or bool(options.decision) == options.undo):
        parser.error("give a PICTURE and a decision (keep, drop, relabel LABEL or --undo), or --from FILE.csv")
    from fieldguide.reviewing.decide import read_wishes, record_decision, record_decisions

    if options.table:
        return record_decisions(here(), list(read_wishes(options.table)))
    decision = "undo" if options.undo else options.decision
    return record_decision(here(), options.picture, decision, options.label, options.note)


def _migrate_ids(options: argparse.Namespace) -> str:
    from fieldguide.configuration.compose import compose
    from fieldguide.release.id_migration import migrate_ids

    paths = checkout()
    return migrate_ids(compose(paths), paths, options.folders)
