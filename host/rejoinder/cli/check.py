"""Report everything that is wrong with a YAML file, each problem as FILE:LINE:COLUMN: where: what (remedy).

With --live it also opens the agents and plays a call on every route: the begin message and one turn.
Exit code 0: nothing is wrong, 1: something is."""

import argparse
import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rejoinder.cli.files import add_file, add_plugins, chosen_file
from rejoinder.cli.words import count, say, say_json

if TYPE_CHECKING:
    from rejoinder.cli.live import Played
    from rejoinder.config import Loaded
    from rejoinder.errors import Problem
    from rejoinder.registry import Registry

HELP = "report everything that is wrong with a YAML file"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument("--show", action="store_true", help="print the file as it takes effect, what came from outside masked")
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--no-secrets", action="store_true", help="take variables and files of secrets that are not there as given (for CI)"
    )
    either.add_argument("--live", action="store_true", help="open every agent and play one turn on each route")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    add_plugins(parser)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, apart from what a call says."""

    path: Path
    loaded: "Loaded"
    problems: "tuple[Problem, ...]"

    @property
    def agents(self) -> list[str]:
        return list(self.loaded.config.agents) if self.loaded.config else []

    @property
    def routes(self) -> dict[str, str]:
        config = self.loaded.config
        return {path: route.agent for path, route in config.routes.items()} if config else {}

    @property
    def notes(self) -> list[str]:
        """What is not wrong, and yet may surprise a caller."""
        config = self.loaded.config
        if config is None:
            return []
        deaf = [f"no observer hears of webhook {name}" for name, one in config.webhooks.items() if not one.observers]
        kept = [path for path, route in config.routes.items() if route.record and route.record.text]
        return [*deaf, *([f"what callers say on {', '.join(kept)} is recorded"] if kept else [])]


def run(given: argparse.Namespace) -> int:
    from rejoinder.observability import configure
    from rejoinder.registry import Registry

    path = chosen_file(given, "check")
    if path is None:
        return 1
    configure("warning")
    registry = Registry(dict(given.plugin))
    with contextlib.redirect_stdout(sys.stderr if given.json else sys.stdout):  # plugins print too
        finding = inspect(path, registry, secrets=not given.no_secrets)
        if not given.json:
            _tell(finding, shown=given.show)
        played = _play(finding, registry, quiet=given.json) if given.live and not finding.problems else None
    if given.json:
        _tell_json(finding, played, shown=given.show)
    return 0 if not finding.problems and all(one.fault == "" for one in played or ()) else 1


def inspect(path: Path, registry: "Registry", *, secrets: bool = True) -> Finding:
    """Everything that can be said of a file without opening an agent; imports the plugins that it names."""
    from rejoinder.config import load
    from rejoinder.routes import every_problem

    loaded = load(path, secrets=secrets)
    return Finding(path, loaded, tuple(every_problem(loaded, registry)))


def _tell(finding: Finding, *, shown: bool) -> None:
    from rejoinder.config import show

    for problem in finding.problems:
        say(str(problem))
    if finding.problems:
        say(f"{finding.path}: {count(len(finding.problems), 'problem')}")
        return
    if shown:
        say(show(finding.loaded).rstrip())
    remark = "# " if shown else ""  # the output as a whole stays YAML
    for note in finding.notes:
        say(f"{remark}note: {note}")
    say(f"{remark}{finding.path}: {count(len(finding.agents), 'agent')}, {count(len(finding.routes), 'route')}, no problems")


def _play(finding: Finding, registry: "Registry", *, quiet: bool) -> "list[Played]":
    import asyncio

    from rejoinder.cli.live import play

    played = asyncio.run(play(finding.path, registry, (lambda _: None) if quiet else say))
    failed = sum(one.fault != "" for one in played)
    if failed and not quiet:
        say(f"{finding.path}: {count(failed, 'route')} of {len(played)} failed")
    return played


def _tell_json(finding: Finding, played: "list[Played] | None", *, shown: bool) -> None:
    from rejoinder.config import show

    report: dict[str, Any] = {
        "ok": not finding.problems and all(one.fault == "" for one in played or ()),
        "file": str(finding.path),
        "problems": finding.problems,
        "notes": finding.notes,
        "agents": finding.agents,
        "routes": finding.routes,
    }
    if shown:
        report["show"] = show(finding.loaded)
    if played is not None:
        report["live"] = played
    say_json(report)
