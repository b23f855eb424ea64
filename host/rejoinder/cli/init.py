"""Write a commented rejoinder.yaml, .env.example and .gitignore to begin with. What is there already is never touched."""

import argparse
from importlib.resources import files
from pathlib import Path

from rejoinder.cli.words import complain, say

HELP = "write a commented rejoinder.yaml here"

#: What is written, and the file of this package (folder `starter`) that it is written from: a .gitignore of that name in the
#: package would be obeyed by the tools that build it.
STARTER = {"rejoinder.yaml": "rejoinder.yaml", ".env.example": "env.txt", ".gitignore": "gitignore.txt"}

NEXT = """
Next{where}:
  rejoinder serve                 serve it, and print the URLs to paste into the platform's dashboard
  rejoinder chat /llm-websocket   talk to the first agent in this terminal
  rejoinder check                 after an edit: report everything that is wrong"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where to write (default: here; made if it is not there)",
    )


def run(given: argparse.Namespace) -> int:
    folder: Path = given.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in STARTER.items():
            _write(folder / name, source)
    except (FileExistsError, NotADirectoryError):
        complain(f"rejoinder: {folder} is not a folder: name the folder to write to")
        return 1
    except OSError as error:
        complain(f"rejoinder: cannot write to {folder}: {error.strerror}")
        return 1
    say(NEXT.format(where="" if folder == Path() else f", after 'cd {folder}'"))
    return 0


def _write(target: Path, source: str) -> None:
    if target.exists() or target.is_symlink():
        say(f"kept   {target}, which was there already")
        return
    text = (files("rejoinder.cli") / "starter" / source).read_text(encoding="utf-8")
    with target.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    say(f"wrote  {target}")
