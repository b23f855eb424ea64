"""Arguments that several commands share, and what they mean."""

import argparse
from pathlib import Path

from rejoinder.cli.words import complain

NO_FILE = """\
No configuration found: there is no ./rejoinder.yaml and no ./config/rejoinder.yaml here.
Write one with 'rejoinder init', or name the file: 'rejoinder {command} FILE'."""


def add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="the YAML file (default: ./rejoinder.yaml, then ./config/rejoinder.yaml)",
    )


def add_plugins(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        type=_plugin,
        metavar="NAME=MODULE",
        help="use a module or a .py file as the plugin NAME without installing it (may be repeated)",
    )


def _plugin(text: str) -> tuple[str, str]:
    name, equals, module = text.partition("=")
    if not (name and equals and module):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=MODULE, such as shout=my_plugin or shout=./shout.py")
    return name, module


def duration(text: str) -> float:
    """Seconds, written as in the YAML file."""
    from rejoinder.config.durations import seconds_in

    seconds = seconds_in(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write it with its unit, such as 500ms, 10s, 12h, 30d")
    return seconds


def chosen_file(given: argparse.Namespace, command: str) -> Path | None:
    """The file that was named or is found here; None, with the remedy said, if there is none."""
    from rejoinder.config import find

    path: Path | None = given.file or find(Path())
    if path is None:
        complain(NO_FILE.format(command=command))
    return path
