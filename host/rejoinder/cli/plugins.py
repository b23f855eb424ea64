"""List the installed response systems and observers with their options, or the reason why one does not load.

A plugin that does not load is told of, but the exit code is 0 all the same: it takes down only the routes that name it, which
is what 'rejoinder check' looks at."""

import argparse
import shutil
import textwrap
from typing import TYPE_CHECKING

from rejoinder.cli.files import add_plugins
from rejoinder.cli.words import count, say, say_json

if TYPE_CHECKING:
    from rejoinder.inventory import Installed, Option

HELP = "list the installed response systems and observers"

#: Columns of a line, if the terminal has as many; longer ones are hard to read.
WIDEST = 120
NONE = "No plugin is installed. Rejoinder's own come with it: run its install again."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON array instead of text")
    add_plugins(parser)


def run(given: argparse.Namespace) -> int:
    from rejoinder.registry import Registry

    installed = Registry(dict(given.plugin)).installed()
    if given.json:
        say_json(installed)
    else:
        _tell(installed)
    return 0


def _tell(installed: "list[Installed]") -> None:
    width = max((len(one.name) for one in installed), default=0)
    for one in installed:
        kinds = " and ".join(provided.kind for provided in one.provides) or "DOES NOT LOAD"
        say(f"{one.name:<{width}}  {kinds:<15}  {one.distribution} {one.version}".rstrip())
        if one.fault:
            say(_wrapped(one.fault, width + 2))
        for provided in one.provides:
            _tell_options(provided.options, width + 2)
    broken = sum(one.fault != "" for one in installed)
    say(f"\n{count(len(installed), 'plugin')}{f', {broken} not loading' if broken else ''}" if installed else NONE)


def _tell_options(options: "tuple[Option, ...]", indent: int) -> None:
    if not options:
        say(f"{'':<{indent}}(no options)")
    width = min(max((len(option.name) for option in options), default=0), _columns() // 3)
    margin = indent + width + 2
    for option in options:
        default = "required" if option.required else f"default: {option.default}"
        say(_wrapped(f"{option.type}; {default}", margin, first=f"{'':<{indent}}{option.name:<{width}}  "))
        if option.description:
            say(_wrapped(option.description, margin))


def _wrapped(text: str, indent: int, *, first: str = "") -> str:
    """`text` in lines that fit, each behind a margin; that of the first may hold something."""
    margin = " " * indent
    return textwrap.fill(
        text,
        _columns(),
        initial_indent=first or margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _columns() -> int:
    return min(shutil.get_terminal_size(fallback=(WIDEST, 24)).columns, WIDEST)
