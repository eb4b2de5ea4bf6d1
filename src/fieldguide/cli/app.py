"""The command that starts the local web page: app."""

import argparse
from pathlib import Path

from fieldguide.base.errors import beginning
from fieldguide.cli.commands import Commands, add_command, checkout


def add_commands(commands: Commands) -> None:
    """Add the parser."""
    app = add_command(
        commands,
        "app",
        "open the local web page: review, label next, confirm, try, runs",
        """
        fieldguide app                             on 127.0.0.1 alone, until Ctrl-C
        fieldguide app ~/cards/november            label its pictures next, and confirm what was predicted of them
        fieldguide app --no-open --port 9000       print the address, open no browser
        """,
        stopped="the app has ended; every decision that it showed as saved is kept",
        prints_itself=True,
    )
    app.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="of unlabelled or logged pictures, beside data/incoming; it may show what is in them",
    )
    app.add_argument("--port", type=_port, metavar="N", help="default: 8765, or the next that is free; 0: any free one")
    app.add_argument("--no-open", action="store_true", help="do not open a browser")
    app.set_defaults(command=_app)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{beginning(text)} is no port: give a number from 0 to 65535")
    return int(text)


def _app(options: argparse.Namespace) -> None:
    paths = checkout()
    from fieldguide.app.start import start_app

    start_app(paths, options.port, not options.no_open, options.folders)
