"""List the installed response systems and observers with their options, or the reason why one does not load.

A plugin that does not load is told of, but the exit code is 0 all the same: it takes down only the routes that name it, which
is what 'rejoinder check' looks at."""

import argparse
import sys
import textwrap
from typing import TYPE_CHECKING

from rejoinder.cli.files import add_plugins
from rejoinder.cli.words import count, say

if TYPE_CHECKING:
    from rejoinder.inventory import Installed, Option

HELP = "list the installed response systems and observers"

WIDTH = 120
NONE = "No plugin is installed. Rejoinder's own come with it: run its install again."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON array instead of text")
    add_plugins(parser)


def run(given: argparse.Namespace) -> int:
    from rejoinder.registry import Registry

    installed = Registry(dict(given.plugin)).installed()
    if given.json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(installed).decode() + "\n")
    else:
        _tell(installed)
    return 0


def _tell(installed: "list[Installed]") -> None:
    width = max((len(one.name) for one in installed), default=0)
    for one in installed:
        kinds = " and ".join(provided.kind for provided in one.provides) or "DOES NOT LOAD"
        say(f"{one.name:<{width}}  {kinds:<15}  {one.distribution} {one.version}".rstrip())
        if one.fault:
            say(_wrapped(one.fault, indent=width + 2))
        for provided in one.provides:
            _tell_options(provided.options, indent=width + 2)
    broken = sum(one.fault != "" for one in installed)
    say(f"\n{count(len(installed), 'plugin')}{f', {broken} not loading' if broken else ''}" if installed else NONE)


def _tell_options(options: "tuple[Option, ...]", indent: int) -> None:
    if not options:
        say(f"{'':<{indent}}(no options)")
    width = min(max((len(option.name) for option in options), default=0), WIDTH // 3)
    for option in options:
        default = "required" if option.required else f"default: {option.default}"
        say(f"{'':<{indent}}{option.name:<{width}}  {option.type}; {default}")
        if option.description:
            say(_wrapped(option.description, indent=indent + width + 2))


def _wrapped(text: str, indent: int) -> str:
    margin = " " * indent
    return textwrap.fill(text, WIDTH, initial_indent=margin, subsequent_indent=margin, break_long_words=False)
