"""The command that publishes the classifier: publish."""

import argparse
from pathlib import Path

from fieldguide.cli.commands import Commands, add_command, checkout


def add_commands(commands: Commands) -> None:
    """Add the parser."""
    publish = add_command(
        commands,
        "publish",
        "write a folder that runs as a Hugging Face Space, or a model card and a data card",
        """
        fieldguide publish space ../bears-space --license apache-2.0
        fieldguide publish space ../bears-space --examples 6    with test pictures, which everybody will see
        fieldguide publish card ../cards           model_card.md and data_card.md alone
        fieldguide publish check ../bears-space    after a change by hand: would the hub take it?
        """,
        stopped="no folder was written",
    )
    publish.epilog = (
        f"{publish.epilog}\n\nNothing is sent anywhere. A folder that was published before and not changed since is "
        "replaced;\nany other one that is not empty is refused."
    )
    actions = publish.add_subparsers(title="actions", metavar="ACTION", required=True)
    space = actions.add_parser("space", help="a folder that runs as a Space as it is")
    space.add_argument("folder", type=Path, metavar="FOLDER")
    space.add_argument(
        "--examples", type=_count, default=0, metavar="N", help="of the test pictures to publish with it (0)"
    )
    _add_texts(space)
    space.set_defaults(command=_space)
    card = actions.add_parser("card", help="a model card and a data card")
    card.add_argument("folder", type=Path, metavar="FOLDER")
    _add_texts(card)
    card.set_defaults(command=_card)
    check = actions.add_parser("check", help="whether a folder can run as a Space, without asking the hub")
    check.add_argument("folder", type=Path, metavar="FOLDER")
    check.set_defaults(command=_check)


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--title", default="", metavar="TEXT", help="default: the name of the data set")
    parser.add_argument(
        "--license", default="", metavar="ID", help="of the classifier, as apache-2.0; default: a field to fill in"
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pictures")
    return int(text)


def _space(options: argparse.Namespace) -> str:
    paths = checkout()
    from fieldguide.release.publish.command import publish_space

    return publish_space(paths, options.folder, options.title, options.license, options.examples)


def _card(options: argparse.Namespace) -> str:
    paths = checkout()
    from fieldguide.release.publish.command import publish_card

    return publish_card(paths, options.folder, options.title, options.license)


def _check(options: argparse.Namespace) -> str:
    from fieldguide.release.publish.command import publish_check

    return publish_check(options.folder)
