"""Where the reports of `rejoinder simulate` go: each into a file of its own, one of them perhaps to the standard output."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rejoinder.cli.words import complain

STDOUT = Path("-")


def add_reports(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("--junit", type=Path, metavar="F", help="write the results as JUnit's XML (to the standard output: -)")
    parser.add_argument("--json", type=Path, metavar="F", help="write the results as JSON (to the standard output: -)")
    parser.add_argument("--html", type=Path, metavar="F", help="write the results as a page, with a timeline of each call")


def odd_reports(given: argparse.Namespace) -> str:
    """Which two of them would go to one place, "" if none do."""
    seen: dict[Path, str] = {}
    for flag, path in _wanted(given).items():
        place = path if path == STDOUT else path.resolve()
        if place in seen:
            return f"{seen[place]} and {flag} name one place, {path}: give each report a file of its own"
        seen[place] = flag
    return ""


def _wanted(given: argparse.Namespace) -> dict[str, Path]:
    named = {"--junit": given.junit, "--json": given.json, "--html": given.html}
    return {flag: path for flag, path in named.items() if path is not None}


def all_writable(given: argparse.Namespace) -> bool:
    """Whether they can be written, found out before anything is played; tells of the first that cannot."""
    for path in _wanted(given).values():
        if path != STDOUT and (path.is_dir() or not path.parent.is_dir()):
            why = "it is a folder" if path.is_dir() else f"there is no {path.parent}"
            complain(f"rejoinder: {path} cannot be written: {why}")
            return False
    return True


@contextlib.contextmanager
def stdout_for_report(given: argparse.Namespace) -> Iterator[TextIO]:
    """The standard output. If a report goes there nothing else does: what is said meanwhile stands on the error stream."""
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr if STDOUT in _wanted(given).values() else out):
        yield out


def is_written(path: Path, content: bytes, out: TextIO) -> bool:
    """Write a report, "-" to `out`; whether it could be, told if not."""
    if path == STDOUT:
        out.flush()
        out.buffer.write(content.rstrip(b"\n") + b"\n")
        out.flush()
        return True
    try:
        path.write_bytes(content)
    except OSError as error:
        complain(f"rejoinder: {path} cannot be written: {error.strerror}")
        return False
    return True
