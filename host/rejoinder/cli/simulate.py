"""Play calls as the platform plays them, and judge what the agent does.

PATH is a file of scenarios, a recorded call, or a folder of them. They are played against routes of FILE, served by this
process itself: in virtual time, so that a call of ten minutes takes a fraction of a second. With --url they are played in real
time against whatever answers there, Rejoinder or not. With --load, for which PATH may be left out, many are played at once in
real time, and what they cost is told.

Exit code 0: every scenario passed, 1: one failed or could not be played, 2: the command line is wrong."""

import argparse
import asyncio
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rejoinder.cli.files import add_plugins, chosen_file
from rejoinder.cli.load import add_load, count_of, odd_beside_load, run_load
from rejoinder.cli.recorded import add_recorded, save, scenarios_of
from rejoinder.cli.report_files import add_reports, all_writable, is_written, odd_reports, stdout_for_report
from rejoinder.cli.speaking import add_platform, key_of, odd_on_platform, playable
from rejoinder.cli.words import complain

if TYPE_CHECKING:
    from rejoinder.simulator.judging.findings import Play, Verdict
    from rejoinder.simulator.playing.target import Local, Remote
    from rejoinder.simulator.reports.table import Paper
    from rejoinder.simulator.scenarios.reading import Read
    from rejoinder.simulator.scenarios.scenario import Scenario

HELP = "play calls against an agent and judge what it does"

_USAGE = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files of scenarios, recorded calls, or folders of them"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="the URL of a route of a running server, without a call id")
    where.add_argument(
        "--config", type=Path, metavar="FILE", help="the YAML file (default: ./rejoinder.yaml, then ./config/rejoinder.yaml)"
    )
    parser.add_argument(
        "--route", metavar="R", help="the route of FILE (default: the scenario's, then each that it applies to)"
    )
    parser.add_argument("--real-time", action="store_true", help="take the time that calls take, as with --url")
    parser.add_argument("--repeat", type=count_of, default=1, metavar="N", help="play each N times, each with another seed")
    parser.add_argument("--parallel", type=count_of, default=1, metavar="N", help="play N at once")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="where the seeds begin (default: 0)")
    parser.add_argument("--stories", action="store_true", help="tell the story of what passed too")
    add_reports(parser)
    add_platform(parser)
    add_load(parser)
    add_recorded(parser)
    add_plugins(parser)


def run(given: argparse.Namespace) -> int:
    from rejoinder.observability import configure
    from rejoinder.simulator.scenarios.reading import read_paths

    configure("warning")
    if odd := _odd(given):
        complain(f"rejoinder: {odd}")
        return _USAGE
    read = read_paths(given.paths)
    for problem in read.problems:
        complain(str(problem))
    if read.problems or not all_writable(given):
        return 1
    if given.save:
        return save(given.save, read.scenarios)
    with stdout_for_report(given) as out:
        return _run(given, read, out)


def _run(given: argparse.Namespace, read: "Read", out: TextIO) -> int:
    scenarios = playable(given, scenarios_of(read, is_strict=given.strict))
    target = _target(given)
    if isinstance(target, int):
        return target
    return run_load(given, target, scenarios, out) if given.load else _play(given, target, scenarios, out)


def _odd(given: argparse.Namespace) -> str:
    """What does not go together on the command line."""
    if given.url and given.route:
        return "--route names a route of --config; the route of --url is in the URL"
    if odd := odd_on_platform(given) or odd_reports(given):
        return odd
    if given.load:
        return odd_beside_load(given)
    return "" if given.paths else "the following arguments are required: PATH"


def _target(given: argparse.Namespace) -> "Local | Remote | int":
    """What to play against, or the exit code of having said why there is nothing."""
    from rejoinder.errors import ConfigError, RejoinderError
    from rejoinder.simulator.playing.target import Local, Remote
    from rejoinder.testing.dialling import MalformedURL

    try:
        if given.url is not None:  # "" is that of a variable that was not set, and no wish to play something else
            return Remote(given.url, given.platform, key_of(given))
        given.file = given.config
        path = chosen_file(given, "simulate PATH --config")
        return 1 if path is None else Local.of_file(path, dict(given.plugin), given.route or "", platform=given.platform)
    except MalformedURL as error:
        complain(f"rejoinder: {error}")
        return _USAGE
    except ConfigError as error:
        complain(str(error))
    except RejoinderError as error:
        complain(f"rejoinder: {error}")
    return 1


def _play(given: argparse.Namespace, target: "Local | Remote", scenarios: "Sequence[Scenario]", out: TextIO) -> int:
    from rejoinder.simulator.judging.findings import failed
    from rejoinder.simulator.playing.batch import play_in_real_time, plays_of
    from rejoinder.simulator.playing.virtual import play_in_virtual_time

    plays = plays_of(scenarios, target, runs=given.repeat, seed=given.seed)
    if not plays:
        complain(f"rejoinder: nothing to play{_why_not(target, scenarios)}")
        return 1
    progress = Progress(len(plays), _paper(given.repeat), stories=given.stories)
    progress.skipped([one for one in scenarios if not target.routes_of(one)])
    begun = time.perf_counter()
    if given.url or given.real_time:
        verdicts = asyncio.run(play_in_real_time(plays, target, progress, at_once=given.parallel))
    else:
        verdicts = play_in_virtual_time(plays, target, progress, at_once=given.parallel)
    took = time.perf_counter() - begun
    progress.over(verdicts, took)
    written = _write(given, verdicts, took, target, out)
    return 0 if written and not failed(verdicts) else 1


def _why_not(target: "Local | Remote", scenarios: "Sequence[Scenario]") -> str:
    """Why none of them is played."""
    if not target.told:
        return ": the file has no route for " + ("Retell" if target.platform == "retell" else "chat completions")
    if not scenarios:
        return ""
    wanted = ", ".join(sorted({name for one in scenarios for name in one.applies}))
    there = ", ".join(sorted(set(target.told.values()))) or "none"
    return f": no scenario applies to any of the routes (they are for {wanted}; behind the routes: {there})"


def _paper(runs: int) -> "Paper":
    from rejoinder.simulator.reports.table import Paper

    has_colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return Paper(shutil.get_terminal_size((100, 24)).columns, has_colours, runs)


def _write(
    given: argparse.Namespace, verdicts: "Sequence[Verdict]", took: float, target: "Local | Remote", out: TextIO
) -> bool:
    """Write the reports that were asked for; whether all could be."""
    from rejoinder.simulator.reports.html import page
    from rejoinder.simulator.reports.results import as_json, junit

    reports: list[tuple[Path | None, bytes]] = [
        (given.junit, junit(verdicts, took) if given.junit else b""),
        (given.json, as_json(verdicts, given.seed, took) if given.json else b""),
        (given.html, page(verdicts, took, systems=target.told, own_lines=target.own_lines) if given.html else b""),
    ]
    written = [is_written(path, content, out) for path, content in reports if path is not None]
    return all(written)


class Progress:
    """Tells how a run gets on: a line for each scenario that is over, with the story of what went wrong; in a terminal also
    what is being played."""

    def __init__(self, total: int, paper: "Paper", *, stories: bool) -> None:
        self._total = total
        self._paper = paper
        self._stories = stories
        self._done = 0
        self._out = sys.stdout  # elsewhere it is for a moment whenever a plugin is imported, by whatever thread
        self._is_terminal = self._out.isatty()

    def begun(self, play: "Play") -> None:
        if self._is_terminal:
            name = self._paper.name(play)[: max(self._paper.width - 20, 10)]
            self._out.write(f"\r\x1b[K{self._done}/{self._total}  {name} ...")
            self._out.flush()

    def skipped(self, scenarios: "Sequence[Scenario]") -> None:
        """What is meant for other systems than those that are played."""
        for scenario in scenarios:
            self._say(self._paper.skipped(scenario))

    def ended(self, verdict: "Verdict") -> None:
        self._done += 1
        self._say(("\r\x1b[K" if self._is_terminal else "") + self._paper.result(verdict))
        if verdict.journal.entries and (self._stories or verdict.outcome != "passed"):
            self._say(self._paper.story(verdict))
        if verdict.comparison and (self._stories or verdict.word != "same"):
            self._say(self._paper.comparison(verdict))

    def over(self, verdicts: "Sequence[Verdict]", took: float) -> None:
        self._say(f"\n{self._paper.table(verdicts, took)}")

    def _say(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()
