"""The commands about single pictures: explain, review."""

import argparse

from fieldguide.cli.commands import Commands, add_command, here

PICTURE = "its id or the beginning of it, its path below data/raw or data/clean, or any picture file"


def add_commands(commands: Commands) -> None:
    """Add the parsers."""
    _add_explain(commands)
    _add_review(commands)


def _add_explain(commands: Commands) -> None:
    explain = add_command(
        commands,
        "explain",
        "explain what became of a picture: source, cleaning, split, scores, reviews",
        """
        fieldguide explain data/raw/black/0001.jpg
        fieldguide explain 0f3a9c                  by the beginning of its id
        fieldguide explain ~/Downloads/bear.jpg    is it in the data set, and what became of it?
        """,
    )
    explain.add_argument("picture", metavar="PICTURE", help=PICTURE)
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
        """,
    )
    review.add_argument("picture", metavar="PICTURE", help=PICTURE)
    review.add_argument("decision", choices=["keep", "drop", "relabel"])
    review.add_argument("label", nargs="?", default="", metavar="LABEL", help="the new label, for relabel")
    review.add_argument("--note", default="", metavar="TEXT", help="why")
    review.set_defaults(command=_review)


def _explain(options: argparse.Namespace) -> None:
    from fieldguide.reviewing.explain import explain

    print(explain(here(), options.picture))


def _review(options: argparse.Namespace) -> None:
    from fieldguide.reviewing.decide import record_decision

    print(record_decision(here(), options.picture, options.decision, options.label, options.note))
