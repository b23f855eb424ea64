"""Make the package of a new plugin: a response system that works, with its tests, to be changed into yours.

NAME is what the YAML will call it. The distribution is rejoinder-NAME, the package rejoinder_NAME. An existing folder is never
touched, and a folder is there whole or not at all."""

import argparse
import os
import re
import shlex
import shutil
import sys
from importlib import metadata
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

from rejoinder.cli.naming import HOST, Naming, UnusableName
from rejoinder.cli.words import complain, say

HELP = "make the package of a new plugin"

#: What is written, and the file of this package (folder `scaffold`) that it is made from. Their own names would be obeyed there
#: by the tools that check and build this package.
SCAFFOLD = {
    "pyproject.toml": "pyproject.txt",
    "README.md": "readme.txt",
    "rejoinder.yaml": "rejoinder.txt",
    "src/{package}/__init__.py": "system.txt",
    "src/{package}/py.typed": "",
    "tests/test_{module}.py": "tests.txt",
    ".github/workflows/ci.yml": "ci.txt",
    ".gitignore": "gitignore.txt",
}


class Filled(Template):
    """A text with blanks such as %{plugin}: YAML, Python and GitHub's workflows have other uses for $, {} and @."""

    delimiter = "%"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the name of the plugin, such as shout or acme-desk")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="the folder to make (default: ./rejoinder-NAME)")


def run(given: argparse.Namespace) -> int:
    try:
        naming = Naming.of(given.name)
    except UnusableName as error:
        complain(f"rejoinder: a plugin cannot be called '{given.name}': {error}")
        return 1
    folder: Path = given.folder or Path(naming.distribution)
    if os.path.lexists(folder):
        complain(f"rejoinder: {folder} exists and is left as it is: name a folder to make with --folder DIR")
        return 1
    if not folder.parent.is_dir():
        complain(f"rejoinder: there is no folder {folder.parent} to make {folder.name} in: make it first")
        return 1
    try:
        texts = filled(naming, metadata.version(HOST))
        make(folder, texts)
    except metadata.PackageNotFoundError:
        complain(f"rejoinder: {HOST} is not installed here, so that its version is unknown: install it first")
        return 1
    except OSError as error:
        complain(f"rejoinder: cannot write {folder}: {error.strerror or error}; nothing was made")
        return 1
    for name in texts:
        say(f"wrote  {folder / name}")
    say(_next(folder))
    return 0


def filled(naming: Naming, host: str) -> dict[str, str]:
    """The files of the package by their paths in it, for a host of this version."""
    names = {
        "plugin": naming.plugin,
        "distribution": naming.distribution,
        "package": naming.package,
        "system": naming.system,
        "host": f"{HOST}{supported(host)}",
    }
    module = naming.plugin.replace("-", "_")
    return {
        path.format(package=naming.package, module=module): Filled(_template(source)).substitute(names) if source else ""
        for path, source in SCAFFOLD.items()
    }


def _template(name: str) -> str:
    return (files("rejoinder.cli") / "scaffold" / name).read_text(encoding="utf-8")


def supported(host: str) -> str:
    """The versions of the host that a plugin may expect to work with, as pip reads it: this one, and those after it that
    change no name (semantic versioning: up to the next major version, before 1.0 up to the next minor one)."""
    release = re.match(r"(\d+)(?:\.(\d+))?", host)
    if release is None:
        return f">={host}"
    major, minor = int(release[1]), int(release[2] or 0)
    beyond = f"{major + 1}" if major else f"0.{minor + 1}"
    return f">={host.partition('+')[0]},<{beyond}"


def make(folder: Path, texts: dict[str, str]) -> None:
    """Write a folder that is not there, whole or not at all: beside it first, then by one rename. Raises OSError."""
    with TemporaryDirectory(prefix=".rejoinder-new-", dir=folder.parent) as aside:
        made = Path(aside) / "made"  # not the folder above it, which nobody else may read
        for name, text in texts.items():
            file = made / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        made.rename(folder)


def _next(folder: Path) -> str:
    """The commands to type now."""
    python = _program("python")
    pip = f"{python} -m pip install" if find_spec("pip") else f"uv pip install --python {shlex.quote(sys.executable)}"
    commands = (f'{pip} -e ".[test]"', f"{python} -m pytest", f"{_program(HOST)} chat /llm-websocket")
    texts = ("install it beside Rejoinder; edits take effect", "run its tests", "talk to it")
    width = max(map(len, commands))
    lines = (f"  {command:<{width}}  {text}" for command, text in zip(commands, texts, strict=True))
    return "\n".join([f"\nNext, after 'cd {shlex.quote(str(folder))}':", *lines])


def _program(name: str) -> str:
    """How to type a program of this environment: by its path, unless the PATH leads here."""
    here = Path(sys.executable).parent
    found = shutil.which(name)
    return name if found and Path(found).parent == here else shlex.quote(str(here / name))
