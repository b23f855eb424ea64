"""Print a JSON Schema of the YAML file with the options of the installed systems, so that an editor completes and checks.

With --write it is put beside the file instead. A plugin that does not load is told of and left out."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rejoinder.cli.files import add_file, add_plugins, chosen_file
from rejoinder.cli.words import complain, say

if TYPE_CHECKING:
    from rejoinder.registry import Registry

HELP = "print a JSON Schema of the YAML file, for editors"

NAME = "rejoinder.schema.json"
#: What the YAML language server, and so most editors, looks for in the first line.
MODELINE = f"# yaml-language-server: $schema=./{NAME}"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument("--write", action="store_true", help=f"write {NAME} beside FILE instead of printing it")
    add_plugins(parser)


def run(given: argparse.Namespace) -> int:
    from rejoinder.registry import Registry

    path = chosen_file(given, "schema --write") if given.write else None
    if given.write and path is None:
        return 1
    text = json.dumps(described(Registry(dict(given.plugin))), indent=2, ensure_ascii=False) + "\n"
    if path is None:
        sys.stdout.write(text)
        return 0
    return _write(path, text)


def described(registry: "Registry") -> dict[str, Any]:
    """The schema with every plugin that loads."""
    from rejoinder.config import schema
    from rejoinder.errors import PluginError

    systems: dict[str, Any] = {}
    observers: dict[str, Any] = {}
    for name in registry.names():
        try:
            plugin = registry.load(name)
        except PluginError as error:
            complain(f"left out: {error}")
            continue
        if plugin.system is not None:
            systems[name] = plugin.system.options
        if plugin.observer is not None:
            observers[name] = plugin.observer.options
    return schema(systems, observers)


def _write(path: Path, text: str) -> int:
    target = path.parent / NAME
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        complain(f"rejoinder: {target} is not written: {error.filename}: {error.strerror}")
        return 1
    say(f"wrote {target}; write it again after a plugin was installed or updated")
    if not any("yaml-language-server:" in line and NAME in line for line in lines[:1]):
        say(f"put this into the first line of {path}, for your editor:\n{MODELINE}")
    return 0
